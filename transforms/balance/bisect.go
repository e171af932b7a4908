package balance

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"foray/transforms/kernel"
)

// powerSteps are enough for a direction that splits well; it need not be the
// exact first principal component.
const powerSteps = 4

// part is a run of the item order that is to become the leaves from … to−1.
type part struct {
	items    []int32
	from, to int32
}

// bisect assigns each row of x to one of k leaves: a set is cut at the weighted
// median along its first principal direction, in proportion to the leaves on
// either side, until each part is a leaf. No leaf is empty.
func bisect(x kernel.Matrix, weight []float64, k int, seed uint64) []int32 {
	order := make([]int32, x.Rows)
	for i := range order {
		order[i] = int32(i)
	}
	assign := make([]int32, x.Rows)
	for parts := []part{{order, 0, int32(k)}}; len(parts) > 0; {
		halves := make([]part, 2*len(parts))
		kernel.Parallel(len(parts), 1, func(lo, hi int) {
			for p := lo; p < hi; p++ {
				halves[2*p], halves[2*p+1] = parts[p].split(x, weight, seed)
			}
		})
		parts = parts[:0]
		for _, half := range halves {
			if half.to-half.from > 1 {
				parts = append(parts, half)
				continue
			}
			for _, item := range half.items {
				assign[item] = half.from
			}
		}
	}
	return assign
}

// split reorders the part's items and cuts them in two.
func (p part) split(x kernel.Matrix, weight []float64, seed uint64) (part, part) {
	leaves := int(p.to - p.from)
	left := leaves / 2
	along := project(x, weight, p.items, rand.New(rand.NewPCG(seed, uint64(p.from)<<32|uint64(p.to))))
	type placed struct {
		along float32
		item  int32
	}
	sorted := make([]placed, len(p.items))
	var total float64
	for i, item := range p.items {
		sorted[i] = placed{along[i], item}
		total += weight[item]
	}
	slices.SortFunc(sorted, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.along, b.along), cmp.Compare(a.item, b.item))
	})
	goal := total * float64(left) / float64(leaves)
	var before float64
	cut := 0
	for i, s := range sorted {
		p.items[i] = s.item
		if before+weight[s.item]/2 < goal {
			cut = i + 1
		}
		before += weight[s.item]
	}
	// Every leaf needs an item.
	cut = min(max(cut, left), len(sorted)-(leaves-left))
	middle := p.from + int32(left)
	return part{p.items[:cut], p.from, middle}, part{p.items[cut:], middle, p.to}
}

// project returns where the items stand along the first principal direction of
// their weighted, centred rows, found by power iteration.
func project(x kernel.Matrix, weight []float64, items []int32, rng *rand.Rand) []float32 {
	var total float64
	for _, item := range items {
		total += weight[item]
	}
	mean := make([]float32, x.Cols)
	for _, item := range items {
		kernel.AddScaled(mean, float32(weight[item]/total), x.Row(int(item)))
	}
	direction := make([]float32, x.Cols)
	for j := range direction {
		direction[j] = float32(rng.NormFloat64())
	}
	kernel.Normalize(direction)
	along := make([]float32, len(items))
	next := make([]float32, x.Cols)
	for step := range powerSteps + 1 {
		centre := kernel.Dot(mean, direction)
		for i, item := range items {
			along[i] = kernel.Dot(x.Row(int(item)), direction) - centre
		}
		if step == powerSteps {
			break
		}
		clear(next)
		for i, item := range items {
			// Centred projections sum to 0, so the rows need no centring.
			kernel.AddScaled(next, float32(weight[item]/total)*along[i], x.Row(int(item)))
		}
		if kernel.Normalize(next) == 0 {
			break
		}
		direction, next = next, direction
	}
	return along
}
