// Package balance groups items into clusters that are alike inside, carry the
// same traffic, and hang in a tree.
//
// It is spherical k-means (similarity is the cosine, centroids are weighted
// mean directions) under a cap on each cluster's load: weighted bisection
// gives the start, then items are re-assigned one after another against
// prices that full clusters raise and empty ones lower, as in the auction
// algorithm (Bertsekas, Annals of Operations Research 14, 1988), and a repair
// moves and swaps what is still over the cap. Loads count an item at most half
// a mean cluster: an item that is heavier than a cluster must not become an
// interest of its own.
//
// The same input and seed give the same clustering on any number of cores.
package balance

import (
	"fmt"
	"math"

	"foray/transforms/kernel"
)

// Options say what clustering is wanted.
type Options struct {
	// K is the number of leaves, from 2 to the number of items.
	K int
	// Levels of the tree, at least 1; 1 means leaves alone.
	Levels int
	// Epsilon is how far above the mean a leaf's clipped load may be, as a
	// share of the mean; 0 means DefaultEpsilon.
	Epsilon float64
	// Rounds of re-assignment; 0 means DefaultRounds.
	Rounds int
	Seed   uint64
	// Overwrite has the rows brought to unit length where they are, and saves
	// a copy of them.
	Overwrite bool
}

const (
	// DefaultEpsilon lets a leaf carry 5 % more than the mean.
	DefaultEpsilon = 0.05
	// DefaultRounds is where more rounds gain little: on 100,000 items, 12 rounds
	// give 99.8 % of the mean cosine of 16, and 20 give 0.1 % more.
	DefaultRounds = 16
	// clip, in mean raw loads, is the most that one item counts.
	clip = 0.5
)

// Clustering is the result for n items.
type Clustering struct {
	// Assign is each item's leaf, in 0 … K−1; every leaf has an item.
	Assign []int32
	// Similarity is the cosine of each item and its leaf's centroid, in
	// [−1, 1]; 0 for items whose row is zero.
	Similarity []float32
	// Centroids has a row of unit length for each leaf; zero only where all
	// its items' rows are zero, or cancel out.
	Centroids kernel.Matrix
	// Prices, one a leaf, in cosines, are what balance costs: a later item
	// goes to the leaf with the largest cosine − price (see Leaves). Their mean
	// is 0.
	Prices []float64
	Loads
	Tree Tree
}

// Loads are what the leaves of a clustering carry.
type Loads struct {
	// RawLoad and ClippedLoad, one a leaf, are the sums of the items' weights
	// as given, and after clipping at half a mean raw load.
	RawLoad, ClippedLoad []float64
	// ReachedEpsilon is the heaviest clipped load ÷ the mean, − 1. It exceeds
	// Options.Epsilon only where no move or swap of whole items helps.
	ReachedEpsilon float64
}

// Fit clusters the rows of x, whose lengths do not matter, by the traffic that
// weight gives to each of them (at least 0, in any unit; items without any
// count a little, and if none has any, all count the same).
//
// It returns an error if a size or an option is out of range, or if a value is
// NaN or infinite (it then names the row, counted from 0).
func Fit(x kernel.Matrix, weight []float64, opt Options) (*Clustering, error) {
	f, clipped, err := newFit(&x, weight, &opt)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	if err := f.run(); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	c := f.result(weight, clipped)
	if c.Tree, err = grow(f.centroids, c.ClippedLoad, opt); err != nil {
		return nil, fmt.Errorf("cluster: tree: %w", err)
	}
	c.Centroids = c.Tree.Centroids.Slice(0, opt.K)
	return c, nil
}

// newFit checks the input, fills in what opt leaves open, and sets a fit up,
// of x with rows of unit length; it returns the clipped weights, too.
func newFit(x *kernel.Matrix, weight []float64, opt *Options) (*fit, []float64, error) {
	if opt.Epsilon == 0 {
		opt.Epsilon = DefaultEpsilon
	}
	if opt.Rounds == 0 {
		opt.Rounds = DefaultRounds
	}
	if err := check(*x, weight, *opt); err != nil {
		return nil, nil, err
	}
	if !opt.Overwrite {
		*x = x.Clone()
	}
	kernel.Parallel(x.Rows, 1024, func(lo, hi int) { x.Slice(lo, hi).NormalizeRows() })
	clipped := clipWeights(weight, opt.K)
	mean := sum(clipped) / float64(opt.K)
	return &fit{
		x: *x, weight: spread(clipped, opt.Epsilon), k: opt.K,
		mean: mean, limit: (1 + opt.Epsilon) * mean,
		rounds: opt.Rounds, seed: opt.Seed,
	}, clipped, nil
}

// result is what came out, without the tree.
func (f *fit) result(weight, clipped []float64) *Clustering {
	c := &Clustering{
		Assign:     f.assign,
		Similarity: make([]float32, f.x.Rows),
		Prices:     f.price,
		Loads:      loads(f.assign, weight, clipped, f.k),
	}
	for i, leaf := range c.Assign {
		c.Similarity[i] = kernel.Dot(f.x.Row(i), f.centroids.Row(int(leaf)))
	}
	return c
}

// loads sums the weights of the k leaves; items without a leaf do not count.
func loads(assign []int32, weight, clipped []float64, k int) Loads {
	l := Loads{RawLoad: make([]float64, k), ClippedLoad: make([]float64, k)}
	for i, leaf := range assign {
		if leaf != New {
			l.RawLoad[leaf] += weight[i]
			l.ClippedLoad[leaf] += clipped[i]
		}
	}
	mean := sum(clipped) / float64(k)
	for _, load := range l.ClippedLoad {
		l.ReachedEpsilon = max(l.ReachedEpsilon, load/mean-1)
	}
	return l
}

func check(x kernel.Matrix, weight []float64, opt Options) error {
	switch {
	case opt.K < 2 || opt.K > x.Rows:
		return fmt.Errorf("%d clusters of %d items: from 2 clusters to one for each item are possible", opt.K, x.Rows)
	case opt.Levels < 1:
		return fmt.Errorf("a tree of %d levels: at least 1 is needed", opt.Levels)
	case !(opt.Epsilon > 0) || math.IsInf(opt.Epsilon, 0):
		return fmt.Errorf("epsilon is %v, must be positive", opt.Epsilon)
	case opt.Rounds < 0:
		return fmt.Errorf("%d rounds: must not be negative", opt.Rounds)
	case len(weight) != x.Rows:
		return fmt.Errorf("%d weights for %d items", len(weight), x.Rows)
	}
	if err := x.Check(); err != nil {
		return err
	}
	for i, w := range weight {
		if !(w >= 0) || math.IsInf(w, 0) {
			return fmt.Errorf("the weight of row %d is %v: must be a finite number, at least 0", i, w)
		}
	}
	if math.IsInf(sum(weight), 0) {
		return fmt.Errorf("the weights are too large to be summed")
	}
	return nil
}

// clipWeights bounds weights by clip mean raw loads; if all are zero, all
// become 1.
func clipWeights(weight []float64, k int) []float64 {
	clipped := make([]float64, len(weight))
	limit := clip * sum(weight) / float64(k)
	for i, w := range weight {
		clipped[i] = min(w, limit)
		if limit == 0 {
			clipped[i] = 1
		}
	}
	return clipped
}

// spread gives items without weight a little, so that they do not all end in
// one cluster. Together they count no more than half of what the cap leaves
// free, and each no more than the lightest other item: so the cap on all
// weights can be kept wherever the cap on the real ones can.
func spread(clipped []float64, epsilon float64) []float64 {
	lightest, zeros := math.Inf(1), 0
	for _, w := range clipped {
		if w > 0 {
			lightest = min(lightest, w)
		} else {
			zeros++
		}
	}
	if zeros == 0 {
		return clipped
	}
	little := min(lightest, epsilon/2*sum(clipped)/float64(zeros))
	spread := make([]float64, len(clipped))
	for i, w := range clipped {
		if spread[i] = w; w == 0 {
			spread[i] = little
		}
	}
	return spread
}

func sum(values []float64) float64 {
	var total float64
	for _, v := range values {
		total += v
	}
	return total
}
