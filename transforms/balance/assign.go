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
	// in the last round. On 100,000 items with Zipf weights, half or twice as much
	// at either end changes the mean cosine by less than 0.4 %.
	firstStiffness = 0.1
	lastStiffness  = 0.5
	// learning is how much of an overload's cost stays in the price for the
	// next round.
	learning = 1.0
)

// searches are the rounds that look for candidates among all centroids. Later
// ones only score the candidates again, since centroids hardly move.
var searches = [...]int{0, 1, 2, 4, 7, 11}

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
	length    []float64 // of the weighted sums whose directions the centroids are
	price     []float64
	load      []float64
	count     []int
	near      kernel.Neighbors
	// zero tells the items whose rows are zero; to them every cluster of all
	// has one of the scores zeros.
	zero  []bool
	all   []int32
	zeros []float32
}

// run clusters: start, rounds, repair, and centroids of what came out.
func (f *fit) run() error {
	f.assign = bisect(f.x, f.weight, f.k, f.seed)
	f.prepare()
	order := rand.New(rand.NewPCG(f.seed, 0x9e3779b9)).Perm(f.x.Rows)
	for round := range f.rounds {
		f.centre()
		if slices.Contains(searches[:], round) {
			if err := f.near.Find(f.x, f.centroids, candidates); err != nil {
				return err
			}
		} else {
			f.rescore()
		}
		f.gains()
		progress := float64(round) / float64(max(f.rounds-1, 1))
		f.round(order, firstStiffness*math.Pow(lastStiffness/firstStiffness, progress), round >= f.rounds-1)
	}
	f.repair()
	f.centre()
	f.settlePrices()
	return nil
}

// prepare sets up what goes with assign.
func (f *fit) prepare() {
	f.price, f.load, f.count = make([]float64, f.k), make([]float64, f.k), make([]int, f.k)
	for i, c := range f.assign {
		if c != New {
			f.load[c] += f.weight[i]
			f.count[c]++
		}
	}
	f.zero, f.all, f.zeros = make([]bool, f.x.Rows), make([]int32, f.k), make([]float32, f.k)
	for i := range f.zero {
		f.zero[i] = isZero(f.x.Row(i))
	}
	for c := range f.all {
		f.all[c] = int32(c)
	}
}

// centre sets the centroids to the weighted mean directions of their items.
func (f *fit) centre() {
	f.centroids, f.length = centroids(f.x, f.weight, f.assign, f.k)
}

// centroids returns the weighted mean directions of k clusters, and how long
// the weighted sums of their rows are; weights must be positive.
func centroids(x kernel.Matrix, weight []float64, assign []int32, k int) (kernel.Matrix, []float64) {
	members, first := byCluster(assign, k)
	m, length := kernel.New(k, x.Cols), make([]float64, k)
	kernel.Parallel(k, 8, func(lo, hi int) {
		for c := lo; c < hi; c++ {
			items := members[first[c]:first[c+1]]
			// Scaled by a cluster's largest weight, sums neither overflow nor vanish.
			var largest float64
			for _, i := range items {
				largest = max(largest, weight[i])
			}
			for _, i := range items {
				kernel.AddScaled(m.Row(c), float32(weight[i]/largest), x.Row(int(i)))
			}
			length[c] = largest * kernel.Normalize(m.Row(c))
		}
	})
	return m, length
}

// byCluster lists the items of cluster c, ascending, at first[c] … first[c+1]−1
// of members.
func byCluster(assign []int32, k int) (members []int32, first []int) {
	first = make([]int, k+1)
	for _, c := range assign {
		first[c+1]++
	}
	for c := range k {
		first[c+1] += first[c]
	}
	next := slices.Clone(first)
	members = make([]int32, len(assign))
	for i, c := range assign {
		members[next[c]] = int32(i)
		next[c]++
	}
	return members, first
}

// rescore brings the candidates' scores up to date with the centroids.
func (f *fit) rescore() {
	kernel.Parallel(f.x.Rows, 256, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			index, score := f.near.Row(i)
			kernel.Dots(f.x.Row(i), f.centroids, index, score)
		}
	})
}

// round lets each item, in order, leave its cluster and join the candidate
// with the largest gain − price − cost of the load there. Loads change with
// every item: when all choose at once, they herd. With hard, nobody joins a
// cluster beyond the limit.
func (f *fit) round(order []int, stiffness float64, hard bool) {
	// cost is the price and what the load costs; an item's own weight would add
	// the same to each.
	cost, rate := make([]float64, f.k), stiffness/f.mean
	for c := range cost {
		cost[c] = f.price[c] + rate*f.load[c]
	}
	for _, i := range order {
		own, w := f.assign[i], f.weight[i]
		if f.count[own] == 1 {
			continue // a cluster never gets empty
		}
		f.load[own] -= w
		cost[own] = f.price[own] + rate*f.load[own]
		room := f.limit - w
		best, bestValue, ownKnown := own, math.Inf(-1), false
		index, score := f.near.Row(i)
		if f.zero[i] {
			// All centroids are alike to it, so it may fill any gap.
			index, score = f.all, f.zeros
		}
		for j, c := range index {
			value := float64(score[j]) - cost[c]
			ownKnown = ownKnown || c == own
			if value > bestValue && !(hard && f.load[c] > room) {
				best, bestValue = c, value
			}
		}
		if !ownKnown && !(hard && f.load[own] > room) &&
			f.gain(own, float64(kernel.Dot(f.x.Row(i), f.centroids.Row(int(own)))), w, true)-cost[own] >= bestValue {
			best = own
		}
		f.count[own]--
		f.count[best]++
		f.load[best] += w
		cost[best] = f.price[best] + rate*f.load[best]
		f.assign[i] = best
	}
	for c := range f.price {
		f.price[c] = max(0, f.price[c]+learning*stiffness*(f.load[c]-f.goal())/f.mean)
	}
}

// gains puts the candidates' gains in place of their scores.
func (f *fit) gains() {
	kernel.Parallel(f.x.Rows, 256, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			if f.zero[i] {
				continue
			}
			index, score := f.near.Row(i)
			for j, c := range index {
				score[j] = float32(f.gain(c, float64(score[j]), f.weight[i], c == f.assign[i]))
			}
		}
	})
}

// gain is by how much an item of weight w, of this cosine to a cluster's
// centroid, makes the cluster's sum longer, ÷ w: near the cosine, but what the
// item itself has added to the centroid does not count. Sums are what the mean
// cosine adds up from (Hartigan's method against Lloyd's; Telgarsky and
// Vattani, "Hartigan's method: k-means clustering without Voronoi", 2010).
func (f *fit) gain(c int32, cosine, w float64, own bool) float64 {
	length, along := f.length[c], f.length[c]*cosine
	if own {
		along -= w
		length = math.Sqrt(max(0, length*length-2*w*along-w*w))
	}
	return (2*along + w) / (math.Sqrt(max(0, length*length+2*w*along+w*w)) + length)
}

// goal is the load above which a price rises and below which it falls, down to
// 0: the mean, or more where the limit is far above it. Light clusters are not
// paid for, so that the cap costs no more likeness than it must.
func (f *fit) goal() float64 {
	return max(f.mean, f.limit-DefaultEpsilon*f.mean)
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
