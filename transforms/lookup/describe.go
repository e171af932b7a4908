package lookup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"foray/schemas"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// vocabulary holds the descriptions of the clustering that the table was made
// from.
type vocabulary struct {
	descriptions map[int32]string // of every level
	leaves       []int32          // sorted
}

func loadVocabulary(ctx context.Context, output store.Bucket, version string) (vocabulary, error) {
	var v vocabulary
	clusters, _, err := tables.Read[schemas.Cluster](ctx, output, schemas.ClustersTable, version)
	if err != nil {
		return v, fmt.Errorf("read the clusters that it was made from: %w; serve a version that still has them, or make the table again", err)
	}
	last := int32(0)
	for _, c := range clusters {
		last = max(last, c.Level)
	}
	v.descriptions = make(map[int32]string, len(clusters))
	for _, c := range clusters {
		v.descriptions[c.ClusterID] = c.Description
		if c.Level == last {
			v.leaves = append(v.leaves, c.ClusterID)
		}
	}
	slices.Sort(v.leaves)
	return v, nil
}

// Describe gives the description of a cluster of any level.
func (t *Table) Describe(cluster int32) (description string, ok bool) {
	description, ok = t.descriptions[cluster]
	return description, ok
}

// Leaves are the ids of all leaves, sorted. Not to be changed.
func (t *Table) Leaves() []int32 { return t.leaves }

// Find gives the leaves that words may mean, sorted: the one of that very
// description, else those with that very phrase, else all with these words in
// their descriptions, in any order. Upper and lower case are the same.
func (t *Table) Find(words string) []int32 {
	var found, phrased []int32
	wanted := fields(words)
	if len(wanted) == 0 {
		return nil
	}
	for _, leaf := range t.leaves {
		have := fields(t.descriptions[leaf])
		if slices.Equal(have, wanted) {
			return []int32{leaf}
		}
		for phrase := range strings.SplitSeq(t.descriptions[leaf], ",") {
			if slices.Equal(fields(phrase), wanted) {
				phrased = append(phrased, leaf)
				break
			}
		}
		if !slices.ContainsFunc(wanted, func(w string) bool { return !slices.Contains(have, w) }) {
			found = append(found, leaf)
		}
	}
	if len(phrased) > 0 {
		return phrased
	}
	return found
}

// fields parts a text into words, less the commas between phrases.
func fields(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == ',' || r == ' ' })
}
