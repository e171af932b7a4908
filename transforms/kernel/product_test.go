package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// exact is the dot product in float64, and the sum of its terms' sizes.
func exact(a, b []float32) (dot, most float64) {
	for p, v := range a {
		term := float64(v) * float64(b[p])
		dot += term
		most += math.Abs(term)
	}
	return dot, most
}

// rounding is how far a dot product of float32 may be from the true one, as a
// share of the sum of its terms' sizes (see shortlist.reset).
func rounding(cols int) float64 {
	return float64(cols+4) * 0x1p-24 * 1.01
}

// Every remainder of a tile's rows and columns, and of the blocks of depth and
// of columns, against a plain loop.
func TestProductAgainstFloat64(t *testing.T) {
	for _, path := range paths() {
		t.Run(path.name, func(t *testing.T) {
			s := &block{}
			for _, depth := range []int{0, 1, 2, 3, 5, 31, depthBlock - 1, depthBlock, depthBlock + 1, 2*depthBlock + 3} {
				a, b := random(2*path.rows+1, depth, 3), random(blockCols+lanes+1, depth, 4)
				want, most := New(a.Rows, b.Rows), New(a.Rows, b.Rows)
				for i := range a.Rows {
					for j := range b.Rows {
						dot, size := exact(a.Row(i), b.Row(j))
						want.Row(i)[j], most.Row(i)[j] = float32(dot), float32(size)
					}
				}
				check := func(rows, from, to int, packed *packed) {
					s.multiply(a.Slice(0, rows), packed, from, to)
					for i := range rows {
						got := s.row(i)
						for j := from; j < to; j++ {
							w, m := want.Row(i)[j], float64(most.Row(i)[j])
							if math.Abs(float64(got[j-from]-w)) > 2*rounding(depth)*m {
								t.Fatalf("%d rows, %d … %d of %d, depth %d: (%d, %d) is %v, want %v",
									rows, from, to, packed.rows, depth, i, j, got[j-from], w)
							}
						}
					}
				}
				for cols := 1; cols <= 2*path.cols+1; cols++ {
					packed := pack(b.Slice(0, cols), path)
					for rows := 1; rows <= a.Rows; rows++ {
						check(rows, 0, cols, &packed)
					}
				}
				packed := pack(b, path)
				check(a.Rows, 0, blockCols, &packed)
				check(a.Rows, blockCols, b.Rows, &packed)
			}
		})
	}
}

// A score depends on its two rows alone, wherever they stand in a tile.
func TestProductDoesNotDependOnPlace(t *testing.T) {
	for _, path := range paths() {
		s, depth := &block{}, depthBlock+7
		a, b := random(path.rows+3, depth, 3), random(path.cols+5, depth, 4)
		packed := pack(b, path)
		s.multiply(a, &packed, 0, b.Rows)
		whole := New(a.Rows, b.Rows)
		for i := range a.Rows {
			copy(whole.Row(i), s.row(i))
		}
		for i := range a.Rows {
			for j := range b.Rows {
				one := pack(b.Slice(j, j+1), path)
				s.multiply(a.Slice(i, i+1), &one, 0, 1)
				if s.row(0)[0] != whole.Row(i)[j] {
					t.Fatalf("%s: (%d, %d) is %v alone, %v in the block", path.name, i, j, s.row(0)[0], whole.Row(i)[j])
				}
			}
		}
	}
}

// The short loops beside the product, against the portable ones.
func TestLoopsAgainstPortable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, path := range paths() {
		for words := 1; words <= 4; words++ {
			scores := random(1, words*lanes, rng.Uint64()).Data
			for range lanes / 4 {
				scores[rng.IntN(len(scores))] = float32(math.Inf(-1))
			}
			var got, want [lanes]float32
			path.maxima(scores, &got)
			maximaPortable(scores, &want)
			if got != want {
				t.Errorf("%s: maxima of %d words differ", path.name, words)
			}
			scores[rng.IntN(len(scores))] = float32(math.NaN())
			mask, plain := make([]uint64, words), make([]uint64, words)
			floor := scores[0] // equal to one of them
			path.atLeast(scores, floor, mask)
			atLeastPortable(scores, floor, plain)
			if !slices.Equal(mask, plain) {
				t.Errorf("%s: masks of %d words are %x, want %x", path.name, words, mask, plain)
			}
		}
		for cols := range 40 {
			a, b := random(1, cols, rng.Uint64()), random(9, cols, rng.Uint64())
			index := make([]int32, 2*rowGroup)
			for j := range index {
				index[j] = int32(rng.IntN(b.Rows))
			}
			got, want := make([]float32, len(index)), make([]float32, len(index))
			path.dots(a.Data, b.Data, index, got)
			dotsPortable(a.Data, b.Data, index, want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: dots of %d columns are %v, want %v", path.name, cols, got, want)
			}
			to, plainTo := slices.Clone(b.Row(0)), slices.Clone(b.Row(0))
			path.addScaled(to, 0.7, a.Data)
			addScaledPortable(plainTo, 0.7, a.Data)
			if !slices.Equal(to, plainTo) {
				t.Errorf("%s: scaled sums of %d columns are %v, want %v", path.name, cols, to, plainTo)
			}
			squares, plain := path.squares(a.Data), squaresPortable(a.Data)
			if math.Abs(squares-plain) > 1e-12*plain {
				t.Errorf("%s: squares of %d values are %v, want %v", path.name, cols, squares, plain)
			}
		}
	}
}

// BenchmarkProduct is the block product alone, on one core.
func BenchmarkProduct(b *testing.B) {
	for _, path := range paths() {
		for _, depth := range []int{64, 256} {
			b.Run(fmt.Sprintf("%s/depth=%d", path.name, depth), func(b *testing.B) {
				x, y := random(blockRows, depth, 1), random(blockCols, depth, 2)
				packed, s := pack(y, path), &block{}
				for b.Loop() {
					s.multiply(x, &packed, 0, y.Rows)
				}
				reportRate(b, x, y)
			})
		}
	}
}

// reportRate adds the floating-point operations in a second: a multiplication
// and an addition for each column of each pair of rows.
func reportRate(b *testing.B, x, y Matrix) {
	flops := 2 * float64(x.Rows) * float64(y.Rows) * float64(x.Cols) * float64(b.N)
	b.ReportMetric(flops/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
