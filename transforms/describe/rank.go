package describe

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

const (
	// shortlist bounds the phrases of a cluster that are looked at closely.
	shortlist = 300
	// covered is what an item that a chosen phrase covers already counts for
	// the next one.
	covered = 0.5
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
	score  float64  // what an item of importance 1 counts
}

// rank returns the phrases of a cluster of items, most telling first, without
// those that repeat others: at most limit. It is class-based TF-IDF
// (Grootendorst, "BERTopic", arXiv 2203.05794): a phrase counts for the
// cluster's items that have it (by their importance), times ln(1 + A/f), with f items that have it
// anywhere and A words in the mean cluster. The phrases are then chosen one by
// one, and items that one covers count less for the next, so that they tell
// of the whole cluster.
func (c *corpus) rank(items []int32, importance []float64, meanWords float64, limit int) []int32 {
	candidates := c.candidates(items, importance, meanWords)
	times := map[int32]int{} // how many chosen phrases cover an item
	var chosen []candidate
	for len(chosen) < limit {
		best, bestGain := -1, 0.0
		for i, candidate := range candidates {
			if repeats(candidate, chosen) {
				continue
			}
			var gain float64
			for _, item := range candidate.items {
				gain += importance[item] * math.Pow(covered, float64(times[item]))
			}
			if gain *= candidate.score; gain > bestGain {
				best, bestGain = i, gain
			}
		}
		if best < 0 {
			break
		}
		for _, item := range candidates[best].items {
			times[item]++
		}
		chosen = append(chosen, candidates[best])
	}
	phrases := make([]int32, len(chosen))
	for i, candidate := range chosen {
		phrases[i] = candidate.phrase
	}
	return phrases
}

// candidates returns the best phrases of the items by score and importance, best
// first, without those that nearly always stand inside a longer one.
func (c *corpus) candidates(items []int32, importance []float64, meanWords float64) []candidate {
	having := map[int32][]int32{}
	for _, item := range items {
		for _, p := range c.items[item] {
			having[p] = append(having[p], item)
		}
	}
	all := make([]candidate, 0, len(having))
	value := make(map[int32]float64, len(having))
	for p, items := range having {
		words := strings.Fields(c.key[p])
		slices.Sort(words)
		score := math.Log(1+meanWords/float64(c.documents[p])) * (1 + wordBonus*float64(len(words)-1))
		if len(items) == 1 {
			score *= lonely
		}
		for _, item := range items {
			value[p] += score * importance[item]
		}
		all = append(all, candidate{p, words, items, score})
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(
			cmp.Compare(value[b.phrase], value[a.phrase]),
			cmp.Compare(a.phrase, b.phrase))
	})
	all = all[:min(len(all), shortlist)]
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
