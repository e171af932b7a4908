package embed

import (
	"errors"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"
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

// leftSingular returns the first rank left singular vectors of a, as the
// columns of a matrix of a.rows × r, and the r singular values, largest
// first; r is less than rank where a has fewer. It is randomised subspace
// iteration on a·aᵀ with an orthonormal basis kept by QR (Halko et al. 2011,
// algorithm 4.4) and a Rayleigh-Ritz step at the end. t must be a's transpose.
func leftSingular(a, t sparse, rank int, seed uint64) (dense, []float64, error) {
	width := min(rank+oversampling, a.rows, a.cols)
	if width <= 0 || rank <= 0 || len(a.value) == 0 {
		return newDense(a.rows, 0), nil, nil
	}
	rng := rand.New(rand.NewPCG(seed, 0x5bd1e995))
	q := newDense(a.rows, width)
	for i := range q.data {
		q.data[i] = rng.NormFloat64()
	}
	z := newDense(a.cols, width)
	for range powerIterations + 1 {
		t.times(q, z)
		a.times(z, q)
		orthonormalise(q)
	}
	t.times(q, z)

	// Rayleigh-Ritz: (aᵀq)ᵀ(aᵀq) = e·λ·eᵀ, so a ≈ (q·e)·√λ·….
	gram := blas64.Symmetric{N: width, Stride: width, Data: make([]float64, width*width), Uplo: blas.Upper}
	blas64.Syrk(blas.Trans, 1, general(z), 0, gram)
	var eigen mat.EigenSym
	symmetric := mat.NewSymDense(width, nil)
	symmetric.SetRawSymmetric(gram)
	if !eigen.Factorize(symmetric, true) {
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
	left := newDense(a.rows, len(singular))
	if len(singular) > 0 {
		blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, general(q), general(rotation), 0, general(left))
	}
	fixSigns(left)
	return left, singular, nil
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
// rows, by an orthonormal basis that spans them (Householder QR).
func orthonormalise(m dense) {
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

func general(m dense) blas64.General {
	return blas64.General{Rows: m.rows, Cols: m.cols, Stride: max(m.cols, 1), Data: m.data}
}
