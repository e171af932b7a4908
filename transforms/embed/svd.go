package embed

import (
	"errors"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"

	"foray/transforms/kernel"
)

const (
	// oversampling and powerIterations as Halko, Martinsson, Tropp (SIAM Review
	// 53, 2011) advise for matrices whose singular values fall slowly.
	oversampling    = 10
	powerIterations = 4
	// smallestSingular, relative to the largest singular value: directions
	// below it are rounding.
	smallestSingular = 1e-5
)

// rightSingular returns the first rank right singular vectors of a, as the
// columns of a matrix of a.cols × r, and the r singular values, largest
// first; r is less than rank where a has fewer. It is randomised subspace
// iteration on aᵀ·a with an orthonormal basis (Halko et al. 2011, algorithm 4.4)
// and a Rayleigh-Ritz step at the end. Beside a it holds two matrices of
// a.cols × (rank + oversampling) and nothing of a.rows.
func rightSingular(a sparse, rank int, seed uint64) (dense, []float64, error) {
	width := min(rank+oversampling, a.rows, a.cols)
	if width <= 0 || rank <= 0 || len(a.value) == 0 {
		return newDense(a.cols, 0), nil, nil
	}
	rng := rand.New(rand.NewPCG(seed, 0x5bd1e995))
	q, y := newDense(a.cols, width), newDense(a.cols, width)
	for i := range q.data {
		q.data[i] = rng.NormFloat64()
	}
	for range powerIterations + 1 {
		a.gram(q, y)
		q, y = y, q
		orthonormalise(q)
	}
	a.gram(q, y)

	// Rayleigh-Ritz: qᵀ·(aᵀ·a·q) = e·λ·eᵀ, so a ≈ ….·√λ·(q·e)ᵀ.
	var eigen mat.EigenSym
	if !eigen.Factorize(mat.NewSymDense(width, inner(q, y).data), true) {
		return dense{}, nil, errors.New("the eigenvalues of the projected matrix did not converge")
	}
	ascending := eigen.Values(nil)
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	var singular []float64
	for i := width - 1; i >= 0 && len(singular) < rank; i-- {
		s := math.Sqrt(max(ascending[i], 0))
		if s == 0 || len(singular) > 0 && s < smallestSingular*singular[0] {
			break
		}
		singular = append(singular, s)
	}
	rotation := newDense(width, len(singular))
	for j := range singular {
		for i := range width {
			rotation.row(i)[j] = vectors.At(i, width-1-j)
		}
	}
	right := newDense(a.cols, len(singular))
	if len(singular) > 0 {
		eachBlock(a.cols, func(lo, hi int) {
			blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, general(q.rowsOf(lo, hi)), general(rotation), 0, general(right.rowsOf(lo, hi)))
		})
	}
	fixSigns(right)
	return right, singular, nil
}

// fixSigns turns each column so that its largest entry is positive, since the
// sign of a singular vector is otherwise an accident.
func fixSigns(m dense) {
	for j := range m.cols {
		var largest float64
		for i := range m.rows {
			if v := m.row(i)[j]; math.Abs(v) > math.Abs(largest) {
				largest = v
			}
		}
		if largest >= 0 {
			continue
		}
		for i := range m.rows {
			m.row(i)[j] = -m.row(i)[j]
		}
	}
}

// orthonormalise replaces the columns of m, of which there are no more than
// rows, by an orthonormal basis that spans them: by Cholesky QR, twice
// (Yamamoto et al., ETNA 44, 2015), which works on blocks of rows at once; or by
// Householder QR where columns are nearly dependent.
func orthonormalise(m dense) {
	for range 2 {
		upper := inner(m, m)
		triangle := blas64.Symmetric{N: m.cols, Stride: m.cols, Data: upper.data, Uplo: blas.Upper}
		r, ok := lapack64.Potrf(triangle)
		if !ok {
			householder(m)
			return
		}
		eachBlock(m.rows, func(lo, hi int) {
			blas64.Trsm(blas.Right, blas.NoTrans, 1, r, general(m.rowsOf(lo, hi)))
		})
	}
}

// householder is orthonormalise for any columns, on one core.
func householder(m dense) {
	tau := make([]float64, m.cols)
	var size [1]float64
	lapack64.Geqrf(general(m), tau, size[:], -1)
	work := make([]float64, int(size[0]))
	lapack64.Geqrf(general(m), tau, work, len(work))
	lapack64.Orgqr(general(m), tau, size[:], -1)
	if needed := int(size[0]); needed > len(work) {
		work = make([]float64, needed)
	}
	lapack64.Orgqr(general(m), tau, work, len(work))
}

// inner is the symmetric part of aᵀ·b, for matrices of few columns.
func inner(a, b dense) dense {
	blocks := (a.rows + blockRows - 1) / blockRows
	parts := make([]dense, blocks)
	eachBlock(a.rows, func(lo, hi int) {
		part := newDense(a.cols, a.cols)
		blas64.Gemm(blas.Trans, blas.NoTrans, 1, general(a.rowsOf(lo, hi)), general(b.rowsOf(lo, hi)), 0, general(part))
		parts[lo/blockRows] = part
	})
	sum := newDense(a.cols, a.cols)
	for _, part := range parts {
		floats.Add(sum.data, part.data)
	}
	for i := range a.cols {
		for j := range i {
			mean := (sum.row(i)[j] + sum.row(j)[i]) / 2
			sum.row(i)[j], sum.row(j)[i] = mean, mean
		}
	}
	return sum
}

// blockRows is how many rows of a tall matrix are worked on at once.
const blockRows = 8192

// eachBlock calls work for blocks of rows, the same on any number of cores.
func eachBlock(rows int, work func(lo, hi int)) { kernel.Parallel(rows, blockRows, work) }

func general(m dense) blas64.General {
	return blas64.General{Rows: m.rows, Cols: m.cols, Stride: max(m.cols, 1), Data: m.data}
}
