// Package embed turns item texts and who engaged with what into vectors, in
// pure Go, without a model to download.
//
// Texts become TF-IDF rows over words and pairs of words, and latent semantic
// analysis (Deerwester et al. 1990) brings them to a few dozen dimensions.
// Engagement becomes an item × user matrix, and the same factorisation gives
// items vectors by whose users they share. Both are brought to unit length,
// weighted and put side by side, so that a cosine of the joined rows is the
// weighted mean of both cosines.
//
// The model of the text half is small and explicit: items that come later are
// placed by it, by text alone. The same input and seed give the same vectors
// on any number of cores.
package embed

import (
	"fmt"

	"foray/transforms/kernel"
)

// Options size and weight the two halves of an embedding.
type Options struct {
	// Dims is the number of columns from texts, at least 0. Fewer come out where
	// the texts have a lower rank.
	Dims int
	// CoDims is the number of columns from co-engagement, likewise.
	CoDims int
	// CoWeight is the share, in [0, 1], that co-engagement has in the cosine of
	// items with many users. 0 leaves it out.
	CoWeight float64
	Seed     uint64
}

// DefaultOptions are 64 + 64 columns of equal weight: on a gift shop, a film
// site and the demo's catalogue, other sizes and weights gain for one of them
// what they lose for another.
func DefaultOptions() Options {
	return Options{Dims: 64, CoDims: 64, CoWeight: 0.5, Seed: 1}
}

func (o Options) check() error {
	switch {
	case o.Dims < 0 || o.CoDims < 0:
		return fmt.Errorf("embed: %d + %d dimensions: must not be negative", o.Dims, o.CoDims)
	case !(o.CoWeight >= 0 && o.CoWeight <= 1):
		return fmt.Errorf("embed: the weight of co-engagement is %v, must be in [0, 1]", o.CoWeight)
	}
	return nil
}

// Model places texts in the space of a fit.
type Model struct {
	// Terms are sorted; a pair of words has a space between.
	Terms []string
	// IDF is each term's inverse document frequency, positive.
	IDF []float64
	// Basis has a row for each term and a column for each text dimension: the
	// right singular vectors of the TF-IDF matrix.
	Basis kernel.Matrix
	// CoDims is the number of columns for co-engagement, which follow those for
	// text.
	CoDims int
}

// Fit embeds the items that have the given texts, which may be empty, and the
// given engagement (see Join), as rows of unit length: Basis.Cols columns from
// text, then Model.CoDims columns from co-engagement. A row is zero where an
// item has neither.
func Fit(texts []string, baskets [][]int32, opt Options) (*Model, kernel.Matrix, error) {
	if err := opt.check(); err != nil {
		return nil, kernel.Matrix{}, err
	}
	m := &Model{}
	m.Terms, m.IDF = vocabulary(texts)
	byItem := tfidf(texts, m.Terms, m.IDF)
	right, _, err := rightSingular(byItem, opt.Dims, opt.Seed)
	if err != nil {
		return nil, kernel.Matrix{}, fmt.Errorf("embed: texts: %w", err)
	}
	m.Basis = kernel.New(right.rows, right.cols)
	for i, v := range right.data {
		m.Basis.Data[i] = float32(v)
	}
	joined, err := Join(m.project(byItem), baskets, opt)
	if err != nil {
		return nil, kernel.Matrix{}, err
	}
	m.CoDims = joined.Cols - m.Basis.Cols
	return m, joined, nil
}

// Embed places texts by the model alone: rows of unit length in the fit's
// space, without co-engagement; zero where the model knows no term of a text.
// It returns an error if the model's parts do not fit each other.
func (m *Model) Embed(texts []string) (kernel.Matrix, error) {
	if len(m.Terms) != len(m.IDF) || len(m.Terms) != m.Basis.Rows || m.CoDims < 0 {
		return kernel.Matrix{}, fmt.Errorf("embed: broken model: %d terms, %d idf values, a basis of %d rows, %d co-engagement columns",
			len(m.Terms), len(m.IDF), m.Basis.Rows, m.CoDims)
	}
	return Pad(m.project(tfidf(texts, m.Terms, m.IDF)), m.Basis.Cols+m.CoDims)
}

// project returns a·Basis.
func (m *Model) project(a sparse) kernel.Matrix {
	basis := newDense(m.Basis.Rows, m.Basis.Cols)
	for i, v := range m.Basis.Data {
		basis.data[i] = float64(v)
	}
	return a.times(basis, smallestProjection)
}

// smallestProjection is far below what a term of the basis gives a unit row.
// Products of terms outside the kept dimensions are rounding; without this they
// would be scaled up to unit length.
const smallestProjection = 1e-7
