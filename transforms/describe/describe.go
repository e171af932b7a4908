// Package describe names clusters by what their items' texts say: a few short
// phrases in the items' own words, unique among the clusters. A description is
// all that a model sees or says of a cluster, so it has to read well, and two
// of them must stay different when case, punctuation and order are lost.
package describe

import (
	"fmt"
	"math"
	"strings"

	"foray/transforms/kernel"
)

// MaxPhrases is the most phrases that a description has.
const MaxPhrases = 10

// DefaultPhrases is what a person takes in at a glance, and what keeps a
// vocabulary of 761 descriptions within a prompt.
const DefaultPhrases = 5

// Options shape descriptions.
type Options struct {
	// Phrases is how many a description has, 1 to MaxPhrases; 0 means
	// DefaultPhrases. It has fewer where texts give no more, and more where
	// that sets it apart.
	Phrases int
	// Weight is each item's traffic, at least 0 and in any unit: what people
	// use most speaks loudest, though not in proportion. nil: all items count
	// the same.
	Weight []float64
	// Kept are descriptions that stay as they are, by node; the others are made
	// so that they differ from these, too.
	Kept map[int32]Description
}

// Description says what a cluster is about.
type Description struct {
	// Phrases are one to ten, of one to three words each, most telling first,
	// without commas and line breaks.
	Phrases []string
	// Text is the phrases joined by ", ", or a name that a model gave.
	Text string
}

// Named tells that a model named the cluster.
func (d Description) Named() bool { return d.Text != "" && d.Text != strings.Join(d.Phrases, ", ") }

// Leaves describes the clusters 0 … k−1 by the texts of their items: assign[i]
// is the cluster of the item that has the i-th text. No two descriptions are alike,
// even without case, accents, punctuation, and the order of phrases or of
// words. A cluster whose items have no text is called by its number.
func (c *Corpus) Leaves(assign []int32, k int, opt Options) ([]Description, error) {
	importance, err := opt.fill(len(c.items))
	if err != nil {
		return nil, err
	}
	members, err := group(assign, len(c.items), k)
	if err != nil {
		return nil, err
	}
	kept := make([]Description, k)
	for i := range kept {
		kept[i] = opt.Kept[int32(i)]
	}
	return c.describe(members, importance, 0, opt.Phrases, kept), nil
}

// Parents describes the inner nodes of a tree over the leaves 0 … k−1, in the
// order of their ids k … len(parent)−1, in the same way; descriptions are
// unique within a level. parent and level are indexed by node id, leaves
// first; level 0 has no parents (see package balance).
func (c *Corpus) Parents(assign, parent, level []int32, k int, opt Options) ([]Description, error) {
	importance, err := opt.fill(len(c.items))
	if err != nil {
		return nil, err
	}
	if len(parent) != len(level) || len(parent) < k {
		return nil, fmt.Errorf("describe: %d parents and %d levels for %d leaves", len(parent), len(level), k)
	}
	if _, err := group(assign, len(c.items), k); err != nil {
		return nil, err
	}
	descriptions := make([]Description, len(parent)-k)
	// Item by item, from the level above the leaves to level 0.
	node := append([]int32(nil), assign...)
	for {
		above := make([][]int32, len(descriptions))
		climbed := false
		for i, id := range node {
			if level[id] == 0 {
				continue
			}
			up := parent[id]
			if int(up) < k || int(up) >= len(parent) || level[up] != level[id]-1 {
				return nil, fmt.Errorf("describe: node %d of level %d cannot have the parent %d", id, level[id], up)
			}
			climbed = true
			node[i] = up
			above[int(up)-k] = append(above[int(up)-k], int32(i))
		}
		if !climbed {
			break
		}
		var ids []int
		var members [][]int32
		for i, items := range above {
			if len(items) > 0 {
				ids, members = append(ids, i), append(members, items)
			}
		}
		kept := make([]Description, len(ids))
		for j, i := range ids {
			kept[j] = opt.Kept[int32(k+i)]
		}
		for j, d := range c.describe(members, importance, k+ids[0], opt.Phrases, kept) {
			descriptions[ids[j]] = d
		}
	}
	for i, d := range descriptions {
		if d.Text == "" {
			return nil, fmt.Errorf("describe: node %d has no items", k+i)
		}
	}
	return descriptions, nil
}

// fill sets defaults, checks what is set, and returns how much each item
// counts: 1 without traffic, and 1 + ln 2 with the mean traffic.
func (o *Options) fill(items int) ([]float64, error) {
	if o.Phrases == 0 {
		o.Phrases = DefaultPhrases
	}
	if o.Phrases < 1 || o.Phrases > MaxPhrases {
		return nil, fmt.Errorf("describe: %d phrases: a description has 1 to %d", o.Phrases, MaxPhrases)
	}
	if o.Weight != nil && len(o.Weight) != items {
		return nil, fmt.Errorf("describe: %d weights for %d items", len(o.Weight), items)
	}
	var mean float64
	for i, w := range o.Weight {
		if !(w >= 0) || math.IsInf(w, 0) {
			return nil, fmt.Errorf("describe: the weight of item %d is %v: must be a finite number, at least 0", i, w)
		}
		mean += w / float64(items)
	}
	importance := make([]float64, items)
	for i := range importance {
		importance[i] = 1
		if mean > 0 {
			importance[i] += math.Log1p(o.Weight[i] / mean)
		}
	}
	return importance, nil
}

// group returns the items of each cluster.
func group(assign []int32, items, k int) ([][]int32, error) {
	if len(assign) != items {
		return nil, fmt.Errorf("describe: %d items have texts, %d a cluster", items, len(assign))
	}
	members := make([][]int32, max(k, 0))
	for i, c := range assign {
		if c < 0 || int(c) >= k {
			return nil, fmt.Errorf("describe: item %d is in cluster %d, clusters are 0 … %d", i, c, k-1)
		}
		members[c] = append(members[c], int32(i))
	}
	return members, nil
}

// describe gives each cluster a description that no other has. first is the
// number by which the first one is called if all else fails; what is kept of
// clusters, unless it is empty, stays.
func (c *Corpus) describe(members [][]int32, importance []float64, first, phrases int, kept []Description) []Description {
	words := 0
	for _, items := range members {
		for _, item := range items {
			for _, p := range c.items[item] {
				if c.length[p] == 1 {
					words++
				}
			}
		}
	}
	meanWords := max(float64(words)/float64(max(len(members), 1)), 1)
	ranked := make([][]string, len(members))
	kernel.Parallel(len(members), 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			for _, p := range c.rank(members[i], importance, meanWords, phrases+spare) {
				ranked[i] = append(ranked[i], c.surface[p])
			}
		}
	})
	return distinguish(ranked, first, phrases, kept)
}
