package clustering

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"foray/transforms/balance"
	"foray/transforms/read"
)

// sample draws the items that a fit sees, where there are more than it may: by
// priority sampling (Duffield, Lund and Thorup, Journal of the ACM 54, 2007).
// An item's priority is its weight ÷ a number in (0, 1) drawn for its id alone;
// the first n are the sample, and each stands for the larger of its weight and
// the first priority that was left out: sums of these are, on average, those of
// all items. So heavy items are surely in, and the sample has the loads of all.
// So are the items of sure, ascending and at most n, which stand for themselves.
//
// items are ascending; stands is nil where all are in, each for itself.
func sample(ids []string, weight []float64, n int, sure []int32, seed uint64) (items []int32, stands []float64) {
	items = make([]int32, len(ids))
	for i := range items {
		items[i] = int32(i)
	}
	if n <= 0 || len(ids) <= n {
		return items, nil
	}
	weight = counting(weight)
	type drawn struct {
		priority float64
		item     int32
	}
	all := make([]drawn, len(ids))
	for i, id := range ids {
		draw := rand.NewPCG(seed, uint64(read.HashItem(id))).Uint64()
		all[i] = drawn{weight[i] * (1 << 53) / (float64(draw>>11) + .5), int32(i)}
	}
	for _, item := range sure {
		all[item].priority = math.Inf(1)
	}
	slices.SortFunc(all, func(a, b drawn) int {
		return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.item, b.item))
	})
	for i, d := range all[:n] {
		items[i] = d.item
	}
	items = slices.Clone(items[:n])
	slices.Sort(items)
	stands = make([]float64, n)
	for i, item := range items {
		stands[i] = weight[item]
		if _, whole := slices.BinarySearch(sure, item); !whole {
			stands[i] = max(weight[item], all[n].priority)
		}
	}
	return items, stands
}

// counting gives items without weight a little, as the fit does, so that they
// can be drawn: together a share of all weight that the cap leaves free, and
// each no more than the lightest other item. Without any weight all count 1.
func counting(weight []float64) []float64 {
	total, zeros, lightest := 0.0, 0, 1.0
	for _, w := range weight {
		if total += w; w == 0 {
			zeros++
		} else if total == w || w < lightest {
			lightest = w
		}
	}
	little := lightest
	if total > 0 && zeros > 0 {
		little = min(lightest, balance.DefaultEpsilon/2*total/float64(zeros))
	}
	counting := slices.Clone(weight)
	for i, w := range counting {
		if w == 0 {
			counting[i] = little
		}
	}
	return counting
}
