package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"foray/schemas"
	"foray/transforms/planner"
	"foray/transforms/planning"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// lookupFigures are what inspect tells of the lookup table beside what it
// tells of any.
type lookupFigures struct {
	Statuses []statusCount `json:"statuses"`
	// Clusters are the leaves, 0 where the clusters are gone; Planned are the
	// distinct ones that some key plans.
	Clusters int `json:"clusters"`
	Planned  int `json:"clusters_planned"`
	// Covered is the share of users who stand at a key with a plan.
	Covered float64 `json:"users_with_a_plan"`
	// Top are the plans of the keys with the most users; Worst the keys with
	// the most users that have no plan, or another than most of their users'
	// next cluster.
	Top   []planInWords `json:"top"`
	Worst []planInWords `json:"worst"`
	// Judged says that there are transitions to hold plans against.
	Judged bool `json:"held_against_transitions"`
}

type statusCount struct {
	Status  string  `json:"status"`
	Keys    int     `json:"keys"`
	Share   float64 `json:"share"`
	Traffic float64 `json:"traffic"`
}

// planInWords is a row of the lookup table; ids stand for descriptions that are gone.
type planInWords struct {
	Key     []int32  `json:"key"`
	Words   []string `json:"key_words"`
	Status  string   `json:"status"`
	Plan    *int32   `json:"plan"`
	Planned string   `json:"plan_words"`
	Votes   int32    `json:"votes"`
	Samples int32    `json:"samples"`
	Traffic float64  `json:"traffic"`
	// Next is most users' next cluster, where it is not the plan.
	Next      *int32 `json:"most_went_on_to,omitempty"`
	NextWords string `json:"most_went_on_to_words,omitempty"`
}

// inspectLookup reads the table, and what there still is of its parents.
func inspectLookup(ctx context.Context, b store.Bucket, m schemas.Manifest, parent func(table string) (string, bool), rows int) (*lookupFigures, error) {
	all, _, err := tables.ReadKeyed[schemas.Lookup](ctx, b, m.Table, m.Version)
	if err != nil {
		return nil, err
	}
	words := describer{}
	if v, ok := parent(schemas.ClustersTable); ok {
		if words, err = readDescriptions(ctx, b, v); err != nil {
			return nil, err
		}
	}
	var transitions []schemas.Transition
	if v, ok := parent(schemas.TransitionsTable); ok {
		if transitions, _, err = tables.ReadKeyed[schemas.Transition](ctx, b, schemas.TransitionsTable, v); err != nil {
			return nil, err
		}
	}
	f := &lookupFigures{Clusters: len(words), Judged: len(transitions) > 0, Statuses: []statusCount{}, Top: []planInWords{}, Worst: []planInWords{}}
	f.count(all)
	slices.SortStableFunc(all, func(a, b schemas.Lookup) int { return cmp.Compare(b.Traffic, a.Traffic) })
	after := planner.NewIndex(transitions)
	for i, r := range all {
		p := words.plan(r)
		if i < rows {
			f.Top = append(f.Top, p)
		}
		if len(f.Worst) < rows {
			if next, ok := mostUsers(after.After(r.Key), p.Plan); ok {
				p.Next, p.NextWords = &next, words.of(next)
			}
			if p.Plan == nil || p.Next != nil {
				f.Worst = append(f.Worst, p)
			}
		}
	}
	return f, nil
}

func (f *lookupFigures) count(rows []schemas.Lookup) {
	statuses, planned, users := map[string]*statusCount{}, map[int32]bool{}, 0.0
	for _, r := range rows {
		s := statuses[r.Status]
		if s == nil {
			s = &statusCount{Status: r.Status}
			statuses[r.Status] = s
		}
		s.Keys++
		s.Traffic += r.Traffic
		users += r.Traffic
		if r.NovelCluster != nil {
			planned[*r.NovelCluster] = true
			f.Covered += r.Traffic
		}
	}
	for _, name := range sortedKeys(statuses) {
		statuses[name].Share = float64(statuses[name].Keys) / float64(len(rows))
		f.Statuses = append(f.Statuses, *statuses[name])
	}
	if f.Planned = len(planned); users > 0 {
		f.Covered /= users
	}
}

// mostUsers is the next cluster that most users of a key went on to, if more
// than to the plan.
func mostUsers(next []schemas.Transition, plan *int32) (cluster int32, ok bool) {
	most, planned := int64(0), int64(0)
	for _, t := range next {
		if t.Users > most {
			cluster, most = t.Next, t.Users
		}
		if plan != nil && t.Next == *plan {
			planned = t.Users
		}
	}
	return cluster, most > planned
}

// describer gives leaves their descriptions.
type describer map[int32]string

func readDescriptions(ctx context.Context, b store.Bucket, version string) (describer, error) {
	clusters, _, err := tables.Read[schemas.Cluster](ctx, b, schemas.ClustersTable, version)
	if err != nil {
		return nil, fmt.Errorf("read the clusters that the table was made from: %w", err)
	}
	words := describer{}
	for _, c := range planning.Leaves(clusters) {
		words[c.ClusterID] = c.Description
	}
	return words, nil
}

// of is a cluster in words, by its id where nothing better is known.
func (d describer) of(id int32) string {
	if words, ok := d[id]; ok {
		return printable(words)
	}
	return "cluster " + strconv.Itoa(int(id))
}

func (d describer) all(key []int32) []string {
	words := make([]string, len(key))
	for i, id := range key {
		words[i] = d.of(id)
	}
	return words
}

func (d describer) plan(r schemas.Lookup) planInWords {
	p := planInWords{Key: r.Key, Words: d.all(r.Key), Status: r.Status, Plan: r.NovelCluster, Votes: r.Votes, Samples: r.Samples, Traffic: r.Traffic}
	if r.NovelCluster != nil {
		p.Planned = printable(r.NovelDescription)
	}
	return p
}

func keyLine(key []int32) string {
	parts := make([]string, len(key))
	for i, c := range key {
		parts[i] = strconv.Itoa(int(c))
	}
	return strings.Join(parts, ",")
}

// printable takes control characters out, and those that turn the direction of
// text: descriptions are data, and a terminal obeys escapes.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
