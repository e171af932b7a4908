package embed

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"foray/transforms/kernel"
)

// sparse is a matrix in compressed rows: row i has value[p] in column
// index[p], for p from start[i] to start[i+1].
type sparse struct {
	rows, cols int
	start      []int
	index      []int32
	value      []float32
}

// dense is a row-major matrix of float64, in which the factorisation works.
type dense struct {
	rows, cols int
	data       []float64
}

func newDense(rows, cols int) dense {
	return dense{rows: rows, cols: cols, data: make([]float64, rows*cols)}
}

func (d dense) row(i int) []float64 { return d.data[i*d.cols : (i+1)*d.cols] }

// rowsOf are the rows lo … hi−1.
func (d dense) rowsOf(lo, hi int) dense {
	return dense{rows: hi - lo, cols: d.cols, data: d.data[lo*d.cols : hi*d.cols]}
}

// transpose returns the matrix with rows and columns exchanged; within a row
// the columns ascend.
func (a sparse) transpose() sparse {
	t := sparse{
		rows: a.cols, cols: a.rows,
		start: make([]int, a.cols+1),
		index: make([]int32, len(a.index)),
		value: make([]float32, len(a.value)),
	}
	for _, column := range a.index {
		t.start[column+1]++
	}
	for column := range a.cols {
		t.start[column+1] += t.start[column]
	}
	next := append([]int(nil), t.start[:a.cols]...)
	for i := range a.rows {
		for p := a.start[i]; p < a.start[i+1]; p++ {
			column := a.index[p]
			t.index[next[column]], t.value[next[column]] = int32(i), a.value[p]
			next[column]++
		}
	}
	return t
}

// strips is how many parts of a dense matrix's columns are worked on at once:
// more of them cost more than they gain on few cores.
const strips = 4

// gram writes aᵀ·(a·x) into out, which is overwritten. Strips of columns go to
// cores; each sums in the order of a's rows, so cores do not matter, and nothing
// of a's rows has to be held.
func (a sparse) gram(x, out dense) {
	clear(out.data)
	kernel.Parallel(x.cols, max((x.cols+strips-1)/strips, 1), func(from, to int) {
		product := make([]float64, to-from)
		for i := range a.rows {
			index, value := a.index[a.start[i]:a.start[i+1]], a.value[a.start[i]:a.start[i+1]]
			clear(product)
			for p, column := range index {
				floats.AddScaled(product, float64(value[p]), x.row(int(column))[from:to])
			}
			for p, column := range index {
				floats.AddScaled(out.row(int(column))[from:to], float64(value[p]), product)
			}
		}
	})
}

// times returns a·x, with what is not above least for 0.
func (a sparse) times(x dense, least float64) kernel.Matrix {
	out := kernel.New(a.rows, x.cols)
	kernel.Parallel(a.rows, 256, func(lo, hi int) {
		product := make([]float64, x.cols)
		for i := lo; i < hi; i++ {
			clear(product)
			for p := a.start[i]; p < a.start[i+1]; p++ {
				floats.AddScaled(product, float64(a.value[p]), x.row(int(a.index[p])))
			}
			row := out.Row(i)
			for j, v := range product {
				if math.Abs(v) > least {
					row[j] = float32(v)
				}
			}
		}
	})
	return out
}
