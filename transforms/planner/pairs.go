package planner

import (
	"math"
	"slices"
	"sync"

	"foray/schemas"
)

// pairs scores next clusters by a sum over the key's clusters, one by one:
// what successor backs off to, and all that nearest knows.
type pairs struct {
	leaves []int32 // ids by rank
	ranks  []int32 // rank by id
	// score[a*n+b] speaks for b after a, by ranks; ≥ 0.
	score []float32
	// tie[b] speaks for b where scores are equal.
	tie []float64
}

// nearest plans the clusters whose centroids are most like the key's: its
// score is the mean cosine, in [−1, 1], shifted into [0, 1].
func newNearest(w *World) *nearest {
	n := len(w.Leaves)
	p := &nearest{pairs{leaves: ids(w.Leaves), ranks: ranksOf(w.Leaves), score: make([]float32, n*n), tie: make([]float64, n)}}
	for a := range n {
		for b := range n {
			var dot float32
			for i, x := range w.Leaves[a].Centroid {
				dot += x * w.Leaves[b].Centroid[i]
			}
			p.score[a*n+b] = (1 + dot) / 2
		}
		p.tie[a] = w.Leaves[a].Traffic
	}
	return p
}

type nearest struct{ pairs }

func (p *nearest) Plan(key []int32, n int, into []schemas.Candidate) []schemas.Candidate {
	return p.best(key, nil, n, into)
}

// sums are reused: a planner is asked half a million times.
var sums = sync.Pool{New: func() any { return new([]float32) }}

// exact is a next cluster, by rank, with a count of users that outweighs any
// sum of pairs.
type exact struct {
	rank  int32
	users float64
}

// best appends the n ranks with the highest (users + mean of pairs), larger
// traffic first and then the lower id where these are equal.
func (p *pairs) best(key []int32, counts []exact, n int, into []schemas.Candidate) []schemas.Candidate {
	size := len(p.leaves)
	buffer := sums.Get().(*[]float32)
	defer sums.Put(buffer)
	*buffer = slices.Grow((*buffer)[:0], size)[:size]
	sum := *buffer
	known := 0
	for _, id := range key {
		r := p.rank(id)
		if r < 0 {
			continue // a key of another clustering: its other clusters still speak
		}
		row := p.score[int(r)*size:][:size]
		if known++; known == 1 {
			copy(sum, row)
			continue
		}
		for b, v := range row {
			sum[b] += v
		}
	}
	if known == 0 {
		clear(sum)
	}
	scale := 1 / float32(max(known, 1))
	for _, id := range key {
		if r := p.rank(id); r >= 0 {
			sum[r] = float32(math.Inf(-1))
		}
	}
	top := ranking{pairs: p, start: len(into), n: n, into: into}
	for _, c := range counts {
		if s := sum[c.rank]; !math.IsInf(float64(s), -1) {
			top.offer(c.rank, c.users+float64(s*scale))
			sum[c.rank] = float32(math.Inf(-1))
		}
	}
	// Most clusters are far below the best: they are passed over by one
	// comparison of sums.
	least := float32(top.least() / float64(scale))
	for b, s := range sum {
		if s < least || s < 0 {
			continue
		}
		top.offer(int32(b), float64(s*scale))
		least = float32(top.least()/float64(scale)) * (1 - 1e-6) // rounding must not pass over an equal
	}
	return top.into
}

// ranking keeps the best n candidates offered, sorted, behind start.
type ranking struct {
	*pairs
	start, n int
	into     []schemas.Candidate
}

// least is a score that none below can enter with.
func (r *ranking) least() float64 {
	if len(r.into)-r.start < r.n || r.n == 0 {
		return 0
	}
	return r.into[len(r.into)-1].Score
}

func (r *ranking) offer(rank int32, score float64) {
	at := len(r.into)
	for at > r.start {
		above := r.into[at-1]
		if above.Score > score || above.Score == score && !r.before(rank, r.ranks[above.Cluster]) {
			break
		}
		at--
	}
	if at-r.start == r.n {
		return
	}
	if len(r.into)-r.start == r.n {
		r.into = r.into[:len(r.into)-1]
	}
	r.into = slices.Insert(r.into, at, schemas.Candidate{Cluster: r.leaves[rank], Score: score})
}

// before says that rank a goes before b where their scores are equal.
func (p *pairs) before(a, b int32) bool {
	if p.tie[a] != p.tie[b] {
		return p.tie[a] > p.tie[b]
	}
	return a < b
}
