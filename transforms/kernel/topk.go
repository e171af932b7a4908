package kernel

import (
	"cmp"
	"fmt"
	"slices"
)

// Tile sizes of the block product: 64 rows of b with 128 columns are 32 KiB,
// which stays in a core's first cache while 64 rows of a pass over them.
const (
	tileA = 64
	tileB = 64
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
// or all rows of b where it has fewer than k. Scores are those of Dot. It
// returns an error if the columns differ, or k is not positive; values must be
// finite (see Matrix.Check).
func TopK(a, b Matrix, k int) (Neighbors, error) {
	if a.Cols != b.Cols {
		return Neighbors{}, fmt.Errorf("top-k: rows of %d columns cannot be compared with rows of %d", a.Cols, b.Cols)
	}
	if k <= 0 {
		return Neighbors{}, fmt.Errorf("top-k: k is %d, must be at least 1", k)
	}
	k = min(k, b.Rows)
	result := Neighbors{K: k, Index: make([]int32, a.Rows*k), Score: make([]float32, a.Rows*k)}
	if k == 0 {
		return result, nil
	}
	Parallel(a.Rows, tileA, func(lo, hi int) {
		heaps := make([]heap, hi-lo)
		for i := range heaps {
			heaps[i].limit = k
		}
		tile := make([]float32, tileA*tileB)
		for from := 0; from < b.Rows; from += tileB {
			to := min(from+tileB, b.Rows)
			product(a.Slice(lo, hi), b.Slice(from, to), tile)
			for i := range heaps {
				heaps[i].offer(tile[i*(to-from):(i+1)*(to-from)], int32(from))
			}
		}
		for i := range heaps {
			row := a.Row(lo + i)
			best := heaps[i].entries
			for j := range best {
				best[j].score = Dot(row, b.Row(int(best[j].index)))
			}
			slices.SortFunc(best, func(x, y entry) int {
				return cmp.Or(cmp.Compare(y.score, x.score), cmp.Compare(x.index, y.index))
			})
			index, score := result.Row(lo + i)
			for j, e := range best {
				index[j], score[j] = e.index, e.score
			}
		}
	})
	return result, nil
}

type entry struct {
	score float32
	index int32
}

// heap keeps the best limit entries that it was offered, the worst on top.
type heap struct {
	limit   int
	entries []entry
}

// offer takes the scores of the consecutive indexes that begin with first.
// Indexes must come in ascending order: of equal scores the first stays.
func (h *heap) offer(scores []float32, first int32) {
	for j, score := range scores {
		switch {
		case len(h.entries) < h.limit:
			h.entries = append(h.entries, entry{score, first + int32(j)})
			h.up(len(h.entries) - 1)
		case score > h.entries[0].score:
			h.entries[0] = entry{score, first + int32(j)}
			h.down(0)
		}
	}
}

// worse tells whether x leaves the heap before y does.
func worse(x, y entry) bool {
	return x.score < y.score || x.score == y.score && x.index > y.index
}

func (h *heap) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !worse(h.entries[i], h.entries[parent]) {
			return
		}
		h.entries[i], h.entries[parent] = h.entries[parent], h.entries[i]
		i = parent
	}
}

func (h *heap) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h.entries) {
			return
		}
		if child+1 < len(h.entries) && worse(h.entries[child+1], h.entries[child]) {
			child++
		}
		if !worse(h.entries[child], h.entries[i]) {
			return
		}
		h.entries[i], h.entries[child] = h.entries[child], h.entries[i]
		i = child
	}
}
