package balance

import (
	"cmp"
	"math"
	"slices"

	"foray/transforms/kernel"
)

// repack helps clusters that no exchange helped: it packs their items and
// those of the nearest clusters anew, the heaviest first, into as many
// clusters. It takes as few neighbors as will do, and in the end all clusters:
// so the limit holds wherever packing all items longest-first holds it (Graham,
// SIAM Journal on Applied Mathematics 17, 1969).
func (f *fit) repack() {
	for c := range f.k {
		if !f.over(c) {
			continue
		}
		nearest := f.nearest(c)
		for size := 2; size <= min(mostTogether, f.k) && !f.pack(nearest[:size]); size *= 2 {
		}
	}
	for c := range f.k {
		if f.over(c) {
			f.pack(f.all)
			return
		}
	}
}

// nearest returns all clusters, c first, then those whose centroids are nearest
// to that of c.
func (f *fit) nearest(c int) []int32 {
	cosine := make([]float32, f.k)
	kernel.Dots(f.centroids.Row(c), f.centroids, f.all, cosine)
	cosine[c] = float32(math.Inf(1))
	order := slices.Clone(f.all)
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(cosine[b], cosine[a]), cmp.Compare(a, b))
	})
	return order
}

// pack spreads the items of some clusters over them longest-first, if all are
// within the limit then, and tells whether it did.
func (f *fit) pack(clusters []int32) bool {
	var total float64
	for _, c := range clusters {
		total += f.load[c]
	}
	if total > float64(len(clusters))*f.limit*(1+slack) {
		return false
	}
	among := make([]bool, f.k)
	for _, c := range clusters {
		among[c] = true
	}
	var items []int32
	for i, c := range f.assign {
		if among[c] {
			items = append(items, int32(i))
		}
	}
	slices.SortStableFunc(items, func(a, b int32) int { return cmp.Compare(f.weight[b], f.weight[a]) })
	type pile struct {
		items []int32
		load  float64
	}
	piles := make([]pile, len(clusters))
	for _, item := range items {
		lightest := &piles[0]
		for p := range piles {
			if piles[p].load < lightest.load {
				lightest = &piles[p]
			}
		}
		lightest.items = append(lightest.items, item)
		lightest.load += f.weight[item]
		if lightest.load > f.limit*(1+slack) {
			return false
		}
	}
	// A pile becomes the cluster that most of it comes from.
	free := slices.Clone(clusters)
	share := make([]float64, f.k)
	for _, p := range piles {
		clear(share)
		for _, item := range p.items {
			share[f.assign[item]] += f.weight[item]
		}
		at := 0
		for j, c := range free {
			if share[c] > share[free[at]] {
				at = j
			}
		}
		c := free[at]
		free = slices.Delete(free, at, at+1)
		for _, item := range p.items {
			f.assign[item] = c
		}
		f.load[c], f.count[c] = p.load, len(p.items)
	}
	return true
}
