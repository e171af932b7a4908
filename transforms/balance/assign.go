package balance

import (
	"math"
	"math/rand/v2"
	"slices"

	"foray/transforms/kernel"
)

const (
	// candidates are how many of the nearest centroids an item chooses among.
	candidates = 32
	// stiffness is what a load of one mean costs, in cosines, in the first and
	// in the last round. On 50,000 items with Zipf weights, half as much at either
	// end costs up to 0.3 % of the mean cosine.
	firstStiffness = 0.2
	lastStiffness  = 0.5
	// learning is how much of an overload's cost stays in the price for the
	// next round.
	learning = 1.0
)

// searches are the rounds that look for candidates among all centroids. Later
// ones only score the candidates again, since centroids hardly move.
var searches = [...]int{0, 2, 5}

// fit is a clustering at work. Rows of x have unit length, or are zero.
type fit struct {
	x      kernel.Matrix
	weight []float64 // all positive
	k      int
	mean   float64 // of the loads that the limit is about
	limit  float64 // of a cluster's load
	rounds int
	seed   uint64

	assign    []int32
	centroids kernel.Matrix
	price     []float64
	load      []float64
	count     []int
	near      kernel.Neighbors
}

// run clusters: start, rounds, repair, and centroids of what came out.
func (f *fit) run() error {
	f.assign = bisect(f.x, f.weight, f.k, f.seed)
	f.price, f.load, f.count = make([]float64, f.k), make([]float64, f.k), make([]int, f.k)
	for i, c := range f.assign {
		f.load[c] += f.weight[i]
		f.count[c]++
	}
	order := rand.New(rand.NewPCG(f.seed, 0x9e3779b9)).Perm(f.x.Rows)
	for round := range f.rounds {
		f.centre()
		if slices.Contains(searches[:], round) {
			near, err := kernel.TopK(f.x, f.centroids, candidates)
			if err != nil {
				return err
			}
			f.near = near
		} else {
			f.rescore()
		}
		progress := float64(round) / float64(max(f.rounds-1, 1))
		f.round(order, firstStiffness*math.Pow(lastStiffness/firstStiffness, progress), round >= f.rounds-1)
	}
	f.repair()
	f.centre()
	f.settlePrices()
	return nil
}

// centre sets the centroids to the weighted mean directions of their items.
func (f *fit) centre() {
	f.centroids = centroids(f.x, f.weight, f.assign, f.k)
}

// centroids returns the weighted mean directions of k clusters; weights must be
// positive.
func centroids(x kernel.Matrix, weight []float64, assign []int32, k int) kernel.Matrix {
	// Scaled by a cluster's largest weight, sums neither overflow nor vanish.
	largest := make([]float64, k)
	for i, c := range assign {
		largest[c] = max(largest[c], weight[i])
	}
	m := kernel.New(k, x.Cols)
	for i, c := range assign {
		kernel.AddScaled(m.Row(int(c)), float32(weight[i]/largest[c]), x.Row(i))
	}
	m.NormalizeRows()
	return m
}

// rescore brings the candidates' scores up to date with the centroids.
func (f *fit) rescore() {
	kernel.Parallel(f.x.Rows, 256, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			index, score := f.near.Row(i)
			for j, c := range index {
				score[j] = kernel.Dot(f.x.Row(i), f.centroids.Row(int(c)))
			}
		}
	})
}

// round lets each item, in order, leave its cluster and join the candidate
// with the largest cosine − price − cost of the load there. Loads change with
// every item: when all choose at once, they herd. With hard, nobody joins a
// cluster beyond the limit.
func (f *fit) round(order []int, stiffness float64, hard bool) {
	for _, i := range order {
		own, w := f.assign[i], f.weight[i]
		if f.count[own] == 1 {
			continue // a cluster never gets empty
		}
		row := f.x.Row(i)
		f.load[own] -= w
		value := func(c int32, cosine float32) float64 {
			return float64(cosine) - f.price[c] - stiffness*(f.load[c]+w)/f.mean
		}
		best := own
		bestValue := value(own, kernel.Dot(row, f.centroids.Row(int(own))))
		if hard && f.load[own]+w > f.limit {
			bestValue = math.Inf(-1)
		}
		consider := func(c int32, cosine float32) {
			if c == own || hard && f.load[c]+w > f.limit {
				return
			}
			if v := value(c, cosine); v > bestValue {
				best, bestValue = c, v
			}
		}
		if isZero(row) {
			// All centroids are alike to it, so it may fill any gap.
			for c := range int32(f.k) {
				consider(c, 0)
			}
		} else {
			index, score := f.near.Row(i)
			for j, c := range index {
				consider(c, score[j])
			}
		}
		f.count[own]--
		f.count[best]++
		f.load[best] += w
		f.assign[i] = best
	}
	for c := range f.price {
		f.price[c] += learning * stiffness * (f.load[c]/f.mean - 1)
	}
}

// settlePrices shifts the prices so that their mean is 0, which changes no
// choice.
func (f *fit) settlePrices() {
	mean := sum(f.price) / float64(f.k)
	for c := range f.price {
		f.price[c] -= mean
	}
}

func isZero(row []float32) bool {
	for _, v := range row {
		if v != 0 {
			return false
		}
	}
	return true
}
