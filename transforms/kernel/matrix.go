// Package kernel holds the dense arithmetic that clustering, embedding and
// the item policy share: row-major matrices, dot products, and the top-k rows
// of one matrix by dot product with the rows of another.
//
// Results never depend on the number of cores: work is cut into blocks of
// rows, each block is computed alone, and every sum has one fixed order. A
// fast block product only proposes candidates; Dot, with its one order,
// rescores and ranks them.
package kernel

import (
	"fmt"
	"math"
)

// Matrix is a dense row-major matrix: element (i, j) is Data[i*Cols+j].
type Matrix struct {
	Rows, Cols int
	Data       []float32
}

// New returns a zero matrix of rows × cols. Negative sizes count as 0.
func New(rows, cols int) Matrix {
	rows, cols = max(rows, 0), max(cols, 0)
	return Matrix{Rows: rows, Cols: cols, Data: make([]float32, rows*cols)}
}

// Row returns row i as a view of the matrix, of length and capacity Cols.
func (m Matrix) Row(i int) []float32 {
	return m.Data[i*m.Cols : (i+1)*m.Cols : (i+1)*m.Cols]
}

// Slice returns the rows lo … hi−1 as a view of the matrix.
func (m Matrix) Slice(lo, hi int) Matrix {
	return Matrix{Rows: hi - lo, Cols: m.Cols, Data: m.Data[lo*m.Cols : hi*m.Cols]}
}

// Clone returns a copy that shares nothing with m.
func (m Matrix) Clone() Matrix {
	m.Data = append([]float32(nil), m.Data...)
	return m
}

// Check returns an error if the sizes do not fit Data, or if a value is NaN
// or infinite; it then names the first such row, counted from 0.
func (m Matrix) Check() error {
	if m.Rows < 0 || m.Cols < 0 || len(m.Data) != m.Rows*m.Cols {
		return fmt.Errorf("matrix of %d × %d has %d values", m.Rows, m.Cols, len(m.Data))
	}
	for i, v := range m.Data {
		// v−v is 0 for every finite value, and NaN for the others.
		if v-v != 0 {
			return fmt.Errorf("row %d, column %d of the matrix is %v: every value must be a finite number", i/m.Cols, i%m.Cols, v)
		}
	}
	return nil
}

// NormalizeRows scales each row to unit length, in place. Rows without a
// length (all zero) stay zero. Values must be finite.
func (m Matrix) NormalizeRows() {
	for i := range m.Rows {
		Normalize(m.Row(i))
	}
}

// Normalize scales v to unit length, in place, and returns the length it had;
// a zero vector stays zero.
func Normalize(v []float32) float64 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return 0
	}
	length := math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) / length)
	}
	return length
}
