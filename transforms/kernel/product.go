package kernel

// A block of scores has blockRows rows of a and at most blockCols rows of b:
// 252 KiB, which fit a core's second cache beside the block of a.
const (
	blockRows = 84
	blockCols = 12 * lanes
)

// packed is a matrix whose rows are to be multiplied with those of others,
// laid out so that a tile reads it straight through.
type packed struct {
	path       *path
	rows, cols int
	// data holds, for each depthBlock of columns, panels of path.cols rows, the
	// last filled up with zero rows; a panel holds the values of its rows at
	// its first column, then those at the second, ….
	data []float32
}

func pack(m Matrix, path *path) packed {
	n := path.cols
	padded := (m.Rows + n - 1) / n * n
	data := make([]float32, padded*m.Cols)
	Parallel(m.Rows, n, func(lo, hi int) {
		for from := 0; from < m.Cols; from += depthBlock {
			to := min(from+depthBlock, m.Cols)
			panel := data[from*padded+lo*(to-from):][:n*(to-from)]
			for i := lo; i < hi; i++ {
				for p, v := range m.Row(i)[from:to] {
					panel[p*n+i-lo] = v
				}
			}
		}
	})
	return packed{path: path, rows: m.Rows, cols: m.Cols, data: data}
}

// block is where the scores of some rows with some packed rows are computed.
type block struct {
	// a is a copy of the rows, a depthBlock of columns at a time. Rows past the
	// last keep what was there: they lead to scores that nobody reads.
	a [blockRows * aStride]float32
	// scores has stride values a row, as many as there are packed rows, and
	// then up to lanes−1 of no meaning.
	scores [blockRows * blockCols]float32
	stride int
}

// row returns the scores of row i, with those of no meaning at the end.
func (s *block) row(i int) []float32 {
	return s.scores[i*s.stride : (i+1)*s.stride]
}

// multiply computes the dot products of the rows of a, at most blockRows, with
// the packed rows from … to−1, at most blockCols of them; from must be a
// multiple of lanes. A score depends on its two rows alone, not on where they
// stand; and nearly all time goes here.
func (s *block) multiply(a Matrix, b *packed, from, to int) {
	s.stride = (to - from + lanes - 1) / lanes * lanes
	if b.cols == 0 {
		clear(s.scores[:a.Rows*s.stride])
		return
	}
	path := b.path
	padded := (b.rows + path.cols - 1) / path.cols * path.cols
	for first := 0; first < b.cols; first += depthBlock {
		depth := min(depthBlock, b.cols-first)
		for i := range a.Rows {
			copy(s.a[i*aStride:], a.Row(i)[first:first+depth])
		}
		for j := from; j < to; j += path.cols {
			panel := b.data[first*padded+j*depth:][:depth*path.cols]
			for i := 0; i < a.Rows; i += path.rows {
				path.tile(depth, s.a[i*aStride:], panel, s.scores[i*s.stride+j-from:], s.stride, first == 0)
			}
		}
	}
}
