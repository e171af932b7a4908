package kernel

import (
	"math"
	"math/bits"
	"slices"
)

// A search finds the best rows of b for up to blockRows rows at once.
//
// Scores of the block product differ from those of Dot by rounding, of which
// a bound is known. So all rows of b that may be among the best k by Dot are
// kept, and then Dot decides.
type search struct {
	path  *path
	b     Matrix
	k     int
	block block
	lists [blockRows]shortlist

	maxima [2][lanes]float32
	mask   [blockCols / lanes]uint64
	index  [lanes]int32
	score  [lanes]float32
}

// A shortlist holds the candidates of one row.
type shortlist struct {
	candidates []candidate
	// scale bounds every score from above, and its negative from below.
	scale float64
	// margin is twice the bound of the difference of two scores of the same
	// pair: what is below the k-th best score by more is not among the best.
	margin float64
	// floor is the least score that may still be among the best k.
	floor float32
}

func newSearch(path *path, b Matrix, k int) *search {
	s := &search{path: path, b: b, k: k}
	for i := range s.lists {
		s.lists[i].candidates = make([]candidate, 0, 2*k+lanes)
	}
	return s
}

// reset empties the list for a row whose length times that of the longest row
// of b is scale.
//
// The margin is from Higham, Accuracy and Stability of Numerical Algorithms
// (2002), section 3.1: a dot product of n columns in any order differs from
// the true one by at most γ·Σ|aᵢ·bᵢ|, where γ = n·u/(1−n·u) and u = 2⁻²⁴, and
// Σ|aᵢ·bᵢ| is at most the product of the two lengths. What underflow adds is
// at most 2⁻¹⁴⁹ a column.
func (l *shortlist) reset(scale float64, cols int) {
	n := float64(cols + 4)
	l.candidates = l.candidates[:0]
	l.scale = scale
	l.floor = float32(math.Inf(-1))
	l.margin = math.Inf(1)
	if nu := n * 0x1p-24; nu < 0.5 {
		// Two scores err each by γ, and the margin is twice that.
		l.margin = 4 * (nu/(1-nu)*scale*(1+1e-6) + n*0x1p-149)
	}
}

// raise sets the floor, given a score that at least k rows of b reach.
func (l *shortlist) raise(reached float32) {
	floor := float64(reached) - l.margin
	l.floor = float32(floor)
	if float64(l.floor) > floor {
		l.floor = math.Nextafter32(l.floor, float32(math.Inf(-1)))
	}
}

// offer takes the scores of a row with the n rows of b from first on.
// len(scores) is n rounded up to a multiple of lanes.
func (s *search) offer(l *shortlist, row, scores []float32, first, n int) {
	if len(l.candidates) == 0 {
		for j := n; j < len(scores); j++ {
			scores[j] = float32(math.Inf(-1))
		}
		if reached, ok := s.reached(scores, l.scale); ok {
			l.raise(reached)
		}
	}
	mask := s.mask[:len(scores)/lanes]
	s.path.atLeast(scores, l.floor, mask)
	mask[len(mask)-1] &= ^uint64(0) >> (len(scores) - n)
	for w, word := range mask {
		for ; word != 0; word &= word - 1 {
			j := w*lanes + bits.TrailingZeros64(word)
			l.candidates = append(l.candidates, newCandidate(scores[j], int32(first+j)))
		}
	}
	if len(l.candidates) > 2*s.k+lanes {
		s.prune(l, row)
	}
}

// reached returns a score that at least k of the scores reach, and not many
// more, if it finds one fast. k parts of the scores have maxima that reach it.
func (s *search) reached(scores []float32, scale float64) (float32, bool) {
	half := len(scores) / lanes / 2 * lanes
	parts := s.maxima[:1]
	if s.k > 4 && half > 0 {
		parts = s.maxima[:2]
		s.path.maxima(scores[half:], &parts[1])
		scores = scores[:half]
	}
	s.path.maxima(scores, &parts[0])
	if s.k == 1 {
		return slices.Max(parts[0][:]), true
	}
	low, high, found := -scale, scale, false
	for range 16 {
		middle := float32((low + high) / 2)
		count := 0
		for i := range parts {
			s.path.atLeast(parts[i][:], middle, s.mask[:1])
			count += bits.OnesCount64(s.mask[0])
		}
		if count < s.k {
			high = float64(middle)
			continue
		}
		low, found = float64(middle), true
		if count <= s.k+1 {
			break
		}
	}
	return float32(low), found
}

// prune drops candidates that are not among the best k.
func (s *search) prune(l *shortlist, row []float32) {
	slices.Sort(l.candidates)
	l.raise(l.candidates[s.k-1].score())
	end := s.k
	for end < len(l.candidates) && !(l.candidates[end].score() < l.floor) {
		end++
	}
	l.candidates = l.candidates[:end]
	if end > 2*s.k+lanes {
		s.rank(l, row)
		l.raise(l.candidates[s.k-1].score())
	}
}

// rank keeps the best k candidates by Dot, best first.
func (s *search) rank(l *shortlist, row []float32) {
	for from := 0; from < len(l.candidates); from += lanes {
		group := l.candidates[from:min(from+lanes, len(l.candidates))]
		for i, c := range group {
			s.index[i] = c.index()
		}
		// What fills up the last group of rows need only be a row.
		whole := (len(group) + rowGroup - 1) / rowGroup * rowGroup
		for i := len(group); i < whole; i++ {
			s.index[i] = s.index[0]
		}
		s.path.dots(row, s.b.Data, s.index[:whole], s.score[:])
		for i, c := range group {
			group[i] = newCandidate(s.score[i], c.index())
		}
	}
	slices.Sort(l.candidates)
	l.candidates = l.candidates[:s.k]
}

// A candidate is a row of b and its score in one integer: the better, or of
// equal ones the earlier, is the smaller.
type candidate uint64

func newCandidate(score float32, index int32) candidate {
	// The bits of floats are in their order, but for the sign: negative ones
	// stand above and backwards. Adding zero turns −0 to 0, its equal.
	b := math.Float32bits(score + 0)
	b ^= ^uint32(int32(b)>>31) & math.MaxInt32
	return candidate(b)<<32 | candidate(uint32(index))
}

func (c candidate) index() int32 { return int32(uint32(c)) }

func (c candidate) score() float32 {
	b := uint32(c >> 32)
	return math.Float32frombits(b ^ ^uint32(int32(b)>>31)&math.MaxInt32)
}
