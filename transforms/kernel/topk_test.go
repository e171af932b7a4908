package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"
)

// onPath lets TopK take one path until the test ends.
func onPath(t testing.TB, path *path) {
	before := active
	active = path
	t.Cleanup(func() { active = before })
}

// sorted is TopK by its definition.
func sorted(a, b Matrix, k int) Neighbors {
	k = min(k, b.Rows)
	result := Neighbors{K: k}
	order, score := make([]int32, b.Rows), make([]float32, b.Rows)
	for i := range a.Rows {
		for j := range order {
			order[j], score[j] = int32(j), Dot(a.Row(i), b.Row(j))
		}
		slices.SortStableFunc(order, func(x, y int32) int {
			switch dx, dy := score[x], score[y]; {
			case dx > dy:
				return -1
			case dx < dy:
				return 1
			}
			return 0
		})
		for _, j := range order[:k] {
			result.Index, result.Score = append(result.Index, j), append(result.Score, score[j])
		}
	}
	return result
}

func checkTopK(t *testing.T, a, b Matrix, k int) {
	t.Helper()
	want := sorted(a, b, k)
	for _, path := range paths() {
		onPath(t, path)
		got, err := TopK(a, b, k)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: %d × %d rows of %d columns, k = %d: not what sorting gives", path.name, a.Rows, b.Rows, a.Cols, k)
		}
	}
}

func TestTopKAgainstSorting(t *testing.T) {
	for _, test := range []struct{ rowsA, rowsB, cols, k int }{
		{1, 1, 3, 1}, {3, 5, 4, 9}, {70, 200, 16, 32}, {129, 65, 8, 7}, {5, 0, 2, 3}, {0, 5, 2, 3}, {5, 9, 0, 3},
		{90, blockCols + 70, 6, 1}, {90, 2*blockCols + 1, 5, 32}, {4, 700, depthBlock + 2, 300}, {2, 900, 3, 900},
	} {
		a, b := random(test.rowsA, test.cols, 5), random(test.rowsB, test.cols, 6)
		// Duplicates make ties, which the smaller index must win.
		for i := 1; i < b.Rows; i += 3 {
			copy(b.Row(i), b.Row(i-1))
		}
		checkTopK(t, a, b, test.k)
	}
}

// Sizes, ties, and numbers whose rounding hides which of two is larger.
func FuzzTopK(f *testing.F) {
	for seed := range uint64(30) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 2))
		cols := rng.IntN(40)
		a, b := New(rng.IntN(2*blockRows), cols), New(rng.IntN(300), cols)
		// Few different values make equal scores; a common part makes near ones.
		values, common := 1+rng.IntN(6), float32(rng.IntN(2)*1000)
		size := float32(math.Pow(2, float64(rng.IntN(120)-60)))
		for _, m := range []Matrix{a, b} {
			for i := range m.Data {
				m.Data[i] = (common + float32(rng.IntN(2*values+1)-values)/float32(values)) * size
			}
		}
		if b.Rows > 0 && rng.IntN(2) == 0 {
			for range b.Rows {
				copy(b.Row(rng.IntN(b.Rows)), b.Row(rng.IntN(b.Rows)))
			}
		}
		checkTopK(t, a, b, 1+rng.IntN(60))
	})
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

func TestFindIntoMemoryThatIsThere(t *testing.T) {
	a, b := random(90, 12, 1), random(50, 12, 2)
	var n Neighbors
	for _, size := range []struct{ rows, k int }{{90, 9}, {30, 20}, {90, 9}, {90, 31}} {
		want := sorted(a.Slice(0, size.rows), b, size.k)
		if err := n.Find(a.Slice(0, size.rows), b, size.k); err != nil || !reflect.DeepEqual(n, want) {
			t.Fatalf("%+v: error %v, or not what sorting gives", size, err)
		}
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

// BenchmarkTopK is the product with the search, on all cores.
func BenchmarkTopK(b *testing.B) {
	x, y := random(20000, 256, 1), random(761, 256, 2)
	for _, path := range paths() {
		for _, k := range []int{1, 32} {
			b.Run(fmt.Sprintf("%s/k=%d", path.name, k), func(b *testing.B) {
				onPath(b, path)
				for b.Loop() {
					if _, err := TopK(x, y, k); err != nil {
						b.Fatal(err)
					}
				}
				reportRate(b, x, y)
			})
		}
	}
}
