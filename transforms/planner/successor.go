package planner

import (
	"slices"

	"foray/schemas"
)

// prior is how many users the popularity of a cluster counts for, in the
// distribution of what follows one cluster.
const prior = 10

// successor plans a key's most frequent next clusters. Behind these, and
// between equals, it backs off to the key's clusters taken singly: the mean of
//
//	P(next | c) = (users who had c in the key of next + prior · popularity of next)
//	            ÷ (users who had c in the key of anything + prior + 1)
//
// over the key's clusters c, which is popularity where nothing was seen. The
// mean stays below 1, so that it never outweighs a user who was seen.
type successor struct {
	pairs
	next *Index
}

func newSuccessor(w *World) *successor {
	n := len(w.Leaves)
	p := &successor{pairs: pairs{leaves: ids(w.Leaves), ranks: ranksOf(w.Leaves), score: make([]float32, n*n), tie: make([]float64, n)}}
	counts := make([]int64, n*n)
	totals := make([]int64, n)
	for _, t := range w.Transitions {
		next := p.rank(t.Next)
		if next < 0 {
			continue
		}
		for _, id := range t.Key {
			if r := p.rank(id); r >= 0 {
				counts[int(r)*n+int(next)] += t.Users
				totals[r] += t.Users
			}
		}
	}
	for b, c := range w.Leaves {
		p.tie[b] = c.Traffic
	}
	for a := range n {
		for b, c := range w.Leaves {
			p.score[a*n+b] = float32((float64(counts[a*n+b]) + prior*c.Traffic) / (float64(totals[a]) + prior + 1))
		}
	}
	p.next = NewIndex(w.Transitions)
	return p
}

func (p *pairs) rank(id int32) int32 {
	if id < 0 || int(id) >= len(p.ranks) {
		return -1
	}
	return p.ranks[id]
}

func (p *successor) Plan(key []int32, n int, into []schemas.Candidate) []schemas.Candidate {
	var room [64]exact
	counts := room[:0]
	for _, t := range p.next.After(key) {
		if r := p.rank(t.Next); r >= 0 {
			counts = append(counts, exact{rank: r, users: float64(t.Users)})
		}
	}
	return p.best(key, counts, n, into)
}

// Index finds the transitions of a key.
type Index struct {
	rows []schemas.Transition
}

// NewIndex indexes rows sorted by (key, next).
func NewIndex(rows []schemas.Transition) *Index { return &Index{rows: rows} }

// After gives the transitions from key, sorted by next cluster.
func (x *Index) After(key []int32) []schemas.Transition {
	from, _ := slices.BinarySearchFunc(x.rows, key, func(t schemas.Transition, key []int32) int { return slices.Compare(t.Key, key) })
	to := from
	for to < len(x.rows) && slices.Equal(x.rows[to].Key, key) {
		to++
	}
	return x.rows[from:to]
}
