package balance

import (
	"math"
	"math/rand/v2"
	"slices"

	"foray/transforms/kernel"
)

const (
	// powerSteps are enough for a direction that splits well; it need not be the
	// exact first principal component.
	powerSteps = 4
	// sampled is how many items of a part tell its direction; more move the cut
	// of a large part hardly at all.
	sampled = 2048
	// nearby is how many rows are worked on at a time, so that a core's cache
	// still holds them when they are needed again.
	nearby = 64
)

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
	p.sort(x, weight, seed)
	var total float64
	for _, item := range p.items {
		total += weight[item]
	}
	goal := total * float64(left) / float64(leaves)
	var before float64
	cut := 0
	for i, item := range p.items {
		if before+weight[item]/2 < goal {
			cut = i + 1
		}
		before += weight[item]
	}
	// Every leaf needs an item.
	cut = min(max(cut, left), len(p.items)-(leaves-left))
	middle := p.from + int32(left)
	return part{p.items[:cut], p.from, middle}, part{p.items[cut:], middle, p.to}
}

// sort orders the part's items by where they stand along its direction.
func (p part) sort(x kernel.Matrix, weight []float64, seed uint64) {
	sample := p.items
	if len(sample) > 2*sampled {
		// The items stand in the order of the part's last cut, so these are spread
		// evenly over it.
		sample = make([]int32, sampled)
		for i := range sample {
			sample[i] = p.items[i*len(p.items)/sampled]
		}
	}
	direction := principal(x, weight, sample, rand.New(rand.NewPCG(seed, uint64(p.from)<<32|uint64(p.to))))
	along := make([]float32, len(p.items))
	keys := make([]uint64, len(p.items))
	kernel.Parallel(len(p.items), 4096, func(lo, hi int) {
		kernel.Dots(direction, x, p.items[lo:hi], along[lo:hi])
		for i, item := range p.items[lo:hi] {
			keys[lo+i] = uint64(ascending(along[lo+i]))<<32 | uint64(item)
		}
	})
	slices.Sort(keys)
	for i, key := range keys {
		p.items[i] = int32(uint32(key))
	}
}

// ascending maps numbers to integers of the same order; −0 is 0.
func ascending(v float32) uint32 {
	b := math.Float32bits(v + 0)
	return b ^ (uint32(int32(b)>>31) | 1<<31)
}

// principal returns about the first principal direction of the items'
// weighted, centred rows, found by power iteration.
func principal(x kernel.Matrix, weight []float64, items []int32, rng *rand.Rand) []float32 {
	var total float64
	for _, item := range items {
		total += weight[item]
	}
	mean := make([]float32, x.Cols)
	for _, item := range items {
		kernel.AddScaled(mean, float32(weight[item]/total), x.Row(int(item)))
	}
	direction, next := make([]float32, x.Cols), make([]float32, x.Cols)
	for j := range direction {
		direction[j] = float32(rng.NormFloat64())
	}
	kernel.Normalize(direction)
	along := make([]float32, nearby)
	for range powerSteps {
		centre := kernel.Dot(mean, direction)
		clear(next)
		for group := range slices.Chunk(items, nearby) {
			kernel.Dots(direction, x, group, along)
			for i, item := range group {
				// Centred projections sum to 0, so the rows need no centring.
				kernel.AddScaled(next, float32(weight[item]/total)*(along[i]-centre), x.Row(int(item)))
			}
		}
		if kernel.Normalize(next) == 0 {
			break
		}
		direction, next = next, direction
	}
	return direction
}
