package kernel

import "golang.org/x/sys/cpu"

// paths returns the paths that this processor has, the fastest first.
func paths() []*path {
	found := []*path{&portable}
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return found
	}
	avx2 := &path{
		name: "AVX2", rows: 6, cols: 16,
		tile: tileAVX2, maxima: maximaAVX, atLeast: atLeastAVX,
		dots: dotsAVX, addScaled: addScaledAVX, squares: squaresAVX,
	}
	found = append([]*path{avx2}, found...)
	if !cpu.X86.HasAVX512F {
		return found
	}
	// Only the product is worth instructions of its own.
	avx512 := *avx2
	avx512.name, avx512.rows, avx512.cols, avx512.tile = "AVX-512", 14, 32, tileAVX512
	return append([]*path{&avx512}, found...)
}

// The functions of path_amd64.s do what the fields of path say. They check no
// length.

//go:noescape
func tileAVX512(depth int, a, b, c []float32, stride int, first bool)

//go:noescape
func tileAVX2(depth int, a, b, c []float32, stride int, first bool)

//go:noescape
func maximaAVX(scores []float32, out *[lanes]float32)

//go:noescape
func atLeastAVX(scores []float32, floor float32, mask []uint64)

//go:noescape
func dotsAVX(a, b []float32, index []int32, out []float32)

//go:noescape
func addScaledAVX(y []float32, scale float32, x []float32)

//go:noescape
func squaresAVX(v []float32) float64
