package balance

import (
	"fmt"
	"slices"

	"foray/transforms/kernel"
)

// Choices is how many leaves an item that comes after a fit chooses among. It
// is fewer than the fit's own candidates, since later items are many, and each
// waits with its choices until all are there.
const Choices = 8

// Leaves are those of a clustering, for items that come after its fit.
type Leaves struct {
	centroids kernel.Matrix
	prices    []float64
	// priced has one more column: a dot product is cosine·1 + 1·(−price).
	priced kernel.Matrix
}

// NewLeaves makes leaves of centroids of unit length, and their prices. It
// returns an error if they do not fit each other, or are no finite numbers.
func NewLeaves(centroids kernel.Matrix, prices []float64) (*Leaves, error) {
	if len(prices) != centroids.Rows || centroids.Rows == 0 {
		return nil, fmt.Errorf("place items: %d centroids with %d prices", centroids.Rows, len(prices))
	}
	l := &Leaves{centroids, prices, kernel.New(centroids.Rows, centroids.Cols+1)}
	for c := range l.priced.Rows {
		copy(l.priced.Row(c), centroids.Row(c))
		l.priced.Row(c)[centroids.Cols] = float32(-prices[c])
	}
	if err := l.priced.Check(); err != nil {
		return nil, fmt.Errorf("place items: centroids and prices: %w", err)
	}
	return l, nil
}

// Count is how many leaves there are.
func (l *Leaves) Count() int { return l.centroids.Rows }

// Near finds for each row of x, of the clustering's space and any length, its
// Choices: the leaves with the largest cosine − price, best first, and as Score
// these cosines, in [−1, 1]. To a row of zeros all leaves are alike; the first
// of its choices is New. It returns an error if the columns differ, or if a
// value is NaN or infinite.
func (l *Leaves) Near(x kernel.Matrix) (kernel.Neighbors, error) {
	if x.Cols != l.centroids.Cols {
		return kernel.Neighbors{}, fmt.Errorf("place items: rows of %d columns do not fit centroids of %d", x.Cols, l.centroids.Cols)
	}
	if err := x.Check(); err != nil {
		return kernel.Neighbors{}, fmt.Errorf("place items: %w", err)
	}
	rows := kernel.New(x.Rows, x.Cols+1)
	kernel.Parallel(x.Rows, 256, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row := rows.Row(i)
			copy(row, x.Row(i))
			kernel.Normalize(row[:x.Cols])
			row[x.Cols] = 1
		}
	})
	near, err := kernel.TopK(rows, l.priced, Choices)
	if err != nil {
		return near, fmt.Errorf("place items: %w", err)
	}
	kernel.Parallel(x.Rows, 256, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row := rows.Row(i)[:x.Cols]
			index, score := near.Row(i)
			kernel.Dots(row, l.centroids, index, score)
			if isZero(row) {
				index[0] = New
			}
		}
	})
	return near, nil
}

// Cosine is that of a row, of any length, and a leaf's centroid; 0 for a row of
// zeros.
func (l *Leaves) Cosine(row []float32, leaf int32) float32 {
	row = slices.Clone(row)
	kernel.Normalize(row)
	return kernel.Dot(row, l.centroids.Row(int(leaf)))
}

// Later are items that came after a fit.
type Later struct {
	// Items are their numbers; row i of Near is that of Items[i].
	Items []int32
	Near  kernel.Neighbors
}

// Admit gives later items a leaf each, in assign, and the cosine, in
// similarity: the heaviest first, each the one of its choices with the largest
// cosine − price that has room under the cap of a fit with the same epsilon,
// or the lightest if none has. The other items of assign stay in their
// leaf, or out if that is New; all items have a weight, as in Fit. An epsilon
// of 0 is DefaultEpsilon.
func (l *Leaves) Admit(later Later, assign []int32, similarity []float32, weight []float64, epsilon float64) (Loads, error) {
	k := l.centroids.Rows
	if len(assign) != len(weight) || len(similarity) != len(weight) || len(later.Items) > 0 && len(later.Items)*later.Near.K != len(later.Near.Index) {
		return Loads{}, fmt.Errorf("place items: %d items with %d weights, of which %d are to be placed by %d choices", len(assign), len(weight), len(later.Items), len(later.Near.Index))
	}
	if epsilon == 0 {
		epsilon = DefaultEpsilon
	}
	clipped := clipWeights(weight, k)
	mean := sum(clipped) / float64(k)
	f := &fit{weight: spread(clipped, epsilon), k: k, assign: assign, limit: (1 + epsilon) * mean}
	f.prepare()
	f.price = l.prices
	f.admit(later.Items, func(j int) ([]int32, []float32) {
		index, score := later.Near.Row(j)
		if index[0] == New {
			return f.all, f.zeros
		}
		return index, score
	})
	for j, item := range later.Items {
		similarity[item] = 0
		index, score := later.Near.Row(j)
		if at := slices.Index(index, assign[item]); at >= 0 && index[0] != New {
			similarity[item] = score[at]
		}
	}
	return loads(assign, weight, clipped, k), nil
}
