package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func random(rows, cols int, seed uint64) Matrix {
	rng := rand.New(rand.NewPCG(seed, 0))
	m := New(rows, cols)
	for i := range m.Data {
		m.Data[i] = float32(rng.NormFloat64())
	}
	return m
}

func TestDotAgreesWithFloat64(t *testing.T) {
	for _, cols := range []int{0, 1, 2, 3, 4, 5, 7, 8, 31, 128} {
		a, b := random(5, cols, 1), random(7, cols, 2)
		for i := range a.Rows {
			for j := range b.Rows {
				want, most := exact(a.Row(i), b.Row(j))
				if got := float64(Dot(a.Row(i), b.Row(j))); math.Abs(got-want) > rounding(cols)*most {
					t.Errorf("cols %d: Dot(%d, %d) = %v, want %v", cols, i, j, got, want)
				}
			}
		}
	}
}

func TestDotsAreDot(t *testing.T) {
	a, b := random(1, 37, 1), random(30, 37, 2)
	for n := range 30 {
		index, out := make([]int32, n), make([]float32, n)
		for j := range index {
			index[j] = int32((7 * j) % b.Rows)
		}
		Dots(a.Data, b, index, out)
		for j, i := range index {
			if want := Dot(a.Data, b.Row(int(i))); out[j] != want {
				t.Fatalf("%d rows: row %d is %v, want %v", n, i, out[j], want)
			}
		}
	}
}

func TestParallelCoversEachRowOnce(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 65, 1000} {
		seen := make([]int, n)
		Parallel(n, 64, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				seen[i]++
			}
		})
		for i, count := range seen {
			if count != 1 {
				t.Fatalf("n = %d: row %d was worked on %d times", n, i, count)
			}
		}
	}
}

func TestNormalizeRows(t *testing.T) {
	m := Matrix{Rows: 3, Cols: 2, Data: []float32{3, 4, 0, 0, 1e-30, 0}}
	m.NormalizeRows()
	want := []float32{0.6, 0.8, 0, 0, 1, 0}
	if !slices.Equal(m.Data, want) {
		t.Fatalf("%v, want %v", m.Data, want)
	}
}

func TestCheckNamesTheRow(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		m := New(4, 3)
		m.Data[7] = float32(bad)
		if err := m.Check(); err == nil || !strings.Contains(err.Error(), "row 2, column 1") {
			t.Errorf("%v: error %v does not name row 2, column 1", bad, err)
		}
	}
	if err := (Matrix{Rows: 2, Cols: 2, Data: make([]float32, 3)}).Check(); err == nil {
		t.Error("too little data: no error")
	}
	if err := random(3, 3, 1).Check(); err != nil {
		t.Error(err)
	}
}
