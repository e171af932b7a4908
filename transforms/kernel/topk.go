package kernel

import (
	"fmt"
	"math"
	"slices"
	"sync"
)

// Neighbors are, for each row of one matrix, the rows of another with the
// largest dot products.
type Neighbors struct {
	// K is how many stand in each row.
	K int
	// Index and Score have K values a row, best first; equal scores are in the
	// order of the index.
	Index []int32
	Score []float32
}

// Row returns the neighbors of row i, best first.
func (n Neighbors) Row(i int) ([]int32, []float32) {
	return n.Index[i*n.K : (i+1)*n.K], n.Score[i*n.K : (i+1)*n.K]
}

// TopK finds for each row of a the k rows of b with the largest dot products,
// or all rows of b where it has fewer than k. The result is that of scoring
// all pairs by Dot and sorting, to the last bit, on every processor. It takes
// memory for a copy of b. It returns an error if the columns differ, or k is
// not positive; values must be finite (see Matrix.Check), and so small that
// no dot product overflows.
func TopK(a, b Matrix, k int) (Neighbors, error) {
	var n Neighbors
	err := n.Find(a, b, k)
	return n, err
}

// Find puts what TopK finds in place of the neighbors, into their memory if it
// is large enough.
func (n *Neighbors) Find(a, b Matrix, k int) error {
	if a.Cols != b.Cols {
		return fmt.Errorf("top-k: rows of %d columns cannot be compared with rows of %d", a.Cols, b.Cols)
	}
	if k <= 0 {
		return fmt.Errorf("top-k: k is %d, must be at least 1", k)
	}
	if b.Rows > math.MaxInt32 {
		return fmt.Errorf("top-k: %d rows are more than an index can count, at most %d", b.Rows, math.MaxInt32)
	}
	k = min(k, b.Rows)
	all := a.Rows * k
	n.K, n.Index, n.Score = k, slices.Grow(n.Index[:0], all)[:all], slices.Grow(n.Score[:0], all)[:all]
	if k == 0 {
		return nil
	}
	path := active
	packed := pack(b, path)
	var longest float64
	for j := range b.Rows {
		longest = max(longest, path.squares(b.Row(j)))
	}
	longest = math.Sqrt(longest)
	searches := sync.Pool{New: func() any { return newSearch(path, b, k) }}
	Parallel(a.Rows, blockRows, func(lo, hi int) {
		s := searches.Get().(*search)
		defer searches.Put(s)
		rows := a.Slice(lo, hi)
		for i := range rows.Rows {
			s.lists[i].reset(math.Sqrt(path.squares(rows.Row(i)))*longest, a.Cols)
		}
		for from := 0; from < b.Rows; from += blockCols {
			to := min(from+blockCols, b.Rows)
			s.block.multiply(rows, &packed, from, to)
			for i := range rows.Rows {
				s.offer(&s.lists[i], rows.Row(i), s.block.row(i)[:], from, to-from)
			}
		}
		for i := range rows.Rows {
			s.rank(&s.lists[i], rows.Row(i))
			index, score := n.Row(lo + i)
			for j, c := range s.lists[i].candidates {
				index[j], score[j] = c.index(), c.score()
			}
		}
	})
	return nil
}
