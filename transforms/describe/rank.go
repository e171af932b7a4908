package describe

import (
	"cmp"
	"math"
	"slices"
)

const (
	// shortlist bounds the phrases of a cluster that are looked at closely.
	shortlist = 300
	// telling is λ of maximal marginal relevance: how much what a phrase tells
	// counts, against what is told already. From 0.5 to 1, descriptions share a
	// word with as many titles of a gift shop, a film site and the demo's
	// catalogue, within two in a hundred.
	telling = 0.7
	// wordBonus is how much more each further word makes a phrase tell.
	wordBonus = 0.3
	// lonely is what a phrase of a single item counts: it hardly speaks for a
	// cluster, but may have to tell it from others.
	lonely = 0.3
)

// candidate is a phrase that may describe a cluster.
type candidate struct {
	phrase int32
	words  []string // the terms, sorted
	items  []int32  // those of the cluster that have it
	weight float64  // the importance of these items together, positive
	value  float64  // how much it tells of the cluster
}

// rank returns the phrases of a cluster of items, most telling first, without
// those that repeat others: at most limit. How much a phrase tells is
// class-based TF-IDF (Grootendorst, "BERTopic", arXiv 2203.05794): the
// importance of the cluster's items that have it, times ln(1 + A/f), with f items
// that have it anywhere and A words in the mean cluster. The phrases are then
// chosen one by one by maximal marginal relevance (Carbonell and Goldstein,
// SIGIR 1998): two are alike as far as the same items have them, by cosine, so
// that a description tells of the whole cluster.
func (c *Corpus) rank(items []int32, importance []float64, meanWords float64, limit int) []int32 {
	candidates := c.candidates(items, importance, meanWords)
	alike := make([]float64, len(candidates)) // to the chosen one most like it
	var chosen []candidate
	for len(chosen) < limit {
		best, bestValue := -1, math.Inf(-1)
		for i, candidate := range candidates {
			value := telling*candidate.value/candidates[0].value - (1-telling)*alike[i]
			if value > bestValue && !repeats(candidate, chosen) {
				best, bestValue = i, value
			}
		}
		if best < 0 {
			break
		}
		chosen = append(chosen, candidates[best])
		having := map[int32]bool{}
		for _, item := range candidates[best].items {
			having[item] = true
		}
		for i, candidate := range candidates {
			both := 0.0
			for _, item := range candidate.items {
				if having[item] {
					both += importance[item]
				}
			}
			alike[i] = max(alike[i], both/math.Sqrt(candidate.weight*candidates[best].weight))
		}
	}
	phrases := make([]int32, len(chosen))
	for i, candidate := range chosen {
		phrases[i] = candidate.phrase
	}
	return phrases
}

// candidates returns the best phrases of the items, best first, without those
// that nearly always stand inside a longer one.
func (c *Corpus) candidates(items []int32, importance []float64, meanWords float64) []candidate {
	type having struct { // a phrase, and who has it
		phrase int32
		items  []uint64
		weight float64
		value  float64
	}
	// A phrase in the upper half, a place in items in the lower.
	var pairs []uint64
	for at, item := range items {
		for _, p := range c.items[item] {
			pairs = append(pairs, uint64(p)<<32|uint64(at))
		}
	}
	slices.Sort(pairs)
	var found []having
	for first, next := 0, 0; first < len(pairs); first = next {
		h := having{phrase: int32(pairs[first] >> 32)}
		for ; next < len(pairs) && int32(pairs[next]>>32) == h.phrase; next++ {
			h.weight += importance[items[uint32(pairs[next])]]
		}
		h.items = pairs[first:next]
		h.value = h.weight * math.Log(1+meanWords/float64(c.documents[h.phrase])) * (1 + wordBonus*float64(c.length[h.phrase]-1))
		if len(h.items) == 1 {
			h.value *= lonely
		}
		found = append(found, h)
	}
	slices.SortFunc(found, func(a, b having) int {
		return cmp.Or(cmp.Compare(b.value, a.value), cmp.Compare(a.phrase, b.phrase))
	})
	found = found[:min(len(found), shortlist)]
	all := make([]candidate, len(found))
	for i, h := range found {
		all[i] = candidate{h.phrase, termsOf(c.key[h.phrase]), make([]int32, len(h.items)), h.weight, h.value}
		slices.Sort(all[i].words)
		for j, pair := range h.items {
			all[i].items[j] = items[uint32(pair)]
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(short candidate) bool {
		return slices.ContainsFunc(all, func(long candidate) bool {
			return len(long.words) > len(short.words) && subset(short.words, long.words) &&
				3*len(long.items) >= 2*len(short.items)
		})
	})
}

// repeats tells whether a phrase says again what the chosen ones say: it has all
// words of one, or they have most of its own.
func repeats(c candidate, chosen []candidate) bool {
	used := map[string]bool{}
	for _, other := range chosen {
		if subset(other.words, c.words) {
			return true
		}
		for _, word := range other.words {
			used[word] = true
		}
	}
	known := 0
	for _, word := range c.words {
		if used[word] {
			known++
		}
	}
	return 2*known > len(c.words)
}

// subset tells whether all of the sorted words a are among b.
func subset(a, b []string) bool {
	for _, word := range a {
		if _, found := slices.BinarySearch(b, word); !found {
			return false
		}
	}
	return true
}
