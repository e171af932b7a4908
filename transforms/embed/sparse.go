package embed

import (
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

// times writes a·x into out, which is overwritten. Each row is summed in the
// order of its columns, so cores do not matter.
func (a sparse) times(x, out dense) {
	kernel.Parallel(a.rows, 256, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row := out.row(i)
			clear(row)
			for p := a.start[i]; p < a.start[i+1]; p++ {
				floats.AddScaled(row, float64(a.value[p]), x.row(int(a.index[p])))
			}
		}
	})
}
