package kernel

import (
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
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

func TestDotAndProductAgreeWithFloat64(t *testing.T) {
	for _, cols := range []int{0, 1, 2, 3, 4, 5, 7, 8, 31, 128} {
		a, b := random(5, cols, 1), random(7, cols, 2)
		out := make([]float32, a.Rows*b.Rows)
		product(a, b, out)
		for i := range a.Rows {
			for j := range b.Rows {
				var want float64
				for p := range cols {
					want += float64(a.Row(i)[p]) * float64(b.Row(j)[p])
				}
				if got := float64(Dot(a.Row(i), b.Row(j))); math.Abs(got-want) > 1e-4 {
					t.Errorf("cols %d: Dot(%d, %d) = %v, want %v", cols, i, j, got, want)
				}
				if got := float64(out[i*b.Rows+j]); math.Abs(got-want) > 1e-4 {
					t.Errorf("cols %d: product(%d, %d) = %v, want %v", cols, i, j, got, want)
				}
			}
		}
	}
}

// An element of the block product depends on its two rows alone.
func TestProductDoesNotDependOnPlace(t *testing.T) {
	a, b := random(9, 37, 3), random(11, 37, 4)
	whole := make([]float32, a.Rows*b.Rows)
	product(a, b, whole)
	for i := range a.Rows {
		for j := range b.Rows {
			var one [1]float32
			product(a.Slice(i, i+1), b.Slice(j, j+1), one[:])
			if one[0] != whole[i*b.Rows+j] {
				t.Fatalf("(%d, %d): %v alone, %v in the block", i, j, one[0], whole[i*b.Rows+j])
			}
		}
	}
}

func TestTopKAgainstSorting(t *testing.T) {
	for _, test := range []struct{ rowsA, rowsB, cols, k int }{
		{1, 1, 3, 1}, {3, 5, 4, 9}, {70, 200, 16, 32}, {129, 65, 8, 7}, {5, 0, 2, 3}, {0, 5, 2, 3},
	} {
		a, b := random(test.rowsA, test.cols, 5), random(test.rowsB, test.cols, 6)
		// Duplicates make ties, which the smaller index must win.
		for i := 1; i < b.Rows; i += 3 {
			copy(b.Row(i), b.Row(i-1))
		}
		got, err := TopK(a, b, test.k)
		if err != nil {
			t.Fatal(err)
		}
		if want := min(test.k, test.rowsB); got.K != want {
			t.Fatalf("%+v: K = %d, want %d", test, got.K, want)
		}
		for i := range a.Rows {
			order := make([]int32, b.Rows)
			for j := range order {
				order[j] = int32(j)
			}
			slices.SortStableFunc(order, func(x, y int32) int {
				dx, dy := Dot(a.Row(i), b.Row(int(x))), Dot(a.Row(i), b.Row(int(y)))
				switch {
				case dx > dy:
					return -1
				case dx < dy:
					return 1
				}
				return 0
			})
			index, score := got.Row(i)
			if !slices.Equal(index, order[:got.K]) {
				t.Fatalf("%+v row %d: %v, want %v", test, i, index, order[:got.K])
			}
			for j := range index {
				if score[j] != Dot(a.Row(i), b.Row(int(index[j]))) {
					t.Fatalf("%+v row %d: score %d is not Dot's", test, i, j)
				}
			}
		}
	}
}

func TestTopKSameOnAnyNumberOfCores(t *testing.T) {
	a, b := random(500, 24, 7), random(150, 24, 8)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one, err := TopK(a, b, 10)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GOMAXPROCS(4)
	four, err := TopK(a, b, 10)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(one, four) {
		t.Fatal("the result differs between 1 and 4 cores")
	}
}

func TestTopKRefuses(t *testing.T) {
	if _, err := TopK(New(2, 3), New(2, 4), 1); err == nil {
		t.Error("differing columns: no error")
	}
	if _, err := TopK(New(2, 3), New(2, 3), 0); err == nil {
		t.Error("k = 0: no error")
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

func BenchmarkTopK(b *testing.B) {
	x, y := random(2000, 128, 1), random(761, 128, 2)
	for b.Loop() {
		if _, err := TopK(x, y, 32); err != nil {
			b.Fatal(err)
		}
	}
	flops := 2 * float64(x.Rows) * float64(y.Rows) * float64(x.Cols) * float64(b.N)
	b.ReportMetric(flops/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
