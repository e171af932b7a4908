// Package planner holds the planners that need no model: successor, random,
// popular and nearest. They are the baselines that a model must beat, and
// successor is the embedded default.
package planner

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"

	"foray/schemas"
)

// The names of the planners, as --planner takes them.
const (
	Successor = "successor"
	Random    = "random"
	Popular   = "popular"
	Nearest   = "nearest"
	OpenAI    = "openai"
)

// Baselines are the planners of this package, in the order of reports.
var Baselines = []string{Successor, Popular, Nearest, Random}

// Planner names novel clusters for keys. Safe for concurrent use.
type Planner interface {
	// Plan appends to into up to n clusters outside key, best first. Scores
	// fall along the list and are comparable within a key only.
	Plan(key []int32, n int, into []schemas.Candidate) []schemas.Candidate
}

// World is what planners know: the leaves in the order of their ids, and what
// was seen before --train_until.
type World struct {
	// Leaves are the rows of the leaf level, sorted by id.
	Leaves []schemas.Cluster
	// Transitions are sorted by (key, next).
	Transitions []schemas.Transition
	Seed        uint64
}

// New makes the planner of that name.
func New(name string, w *World) (Planner, error) {
	switch name {
	case Successor:
		return newSuccessor(w), nil
	case Popular:
		return newPopular(w), nil
	case Nearest:
		return newNearest(w), nil
	case Random:
		return &random{leaves: ids(w.Leaves), seed: w.Seed}, nil
	}
	return nil, fmt.Errorf("--planner=%s is no planner: use %s, %s, %s, %s or %s", name, Successor, Random, Popular, Nearest, OpenAI)
}

func ids(leaves []schemas.Cluster) []int32 {
	out := make([]int32, len(leaves))
	for i, c := range leaves {
		out[i] = c.ClusterID
	}
	return out
}

// ranksOf maps ids to their places among the leaves, −1 for ids that are none.
func ranksOf(leaves []schemas.Cluster) []int32 {
	most := int32(-1)
	for _, c := range leaves {
		most = max(most, c.ClusterID)
	}
	ranks := make([]int32, most+1)
	for i := range ranks {
		ranks[i] = -1
	}
	for i, c := range leaves {
		ranks[c.ClusterID] = int32(i)
	}
	return ranks
}

// popular plans what draws the most traffic, for every key alike.
type popular struct {
	order []schemas.Candidate
}

func newPopular(w *World) *popular {
	p := &popular{}
	for _, c := range w.Leaves {
		p.order = append(p.order, schemas.Candidate{Cluster: c.ClusterID, Score: c.Traffic})
	}
	sort.SliceStable(p.order, func(i, j int) bool { return p.order[i].Score > p.order[j].Score })
	return p
}

func (p *popular) Plan(key []int32, n int, into []schemas.Candidate) []schemas.Candidate {
	for _, c := range p.order {
		if n == 0 {
			break
		}
		if !slices.Contains(key, c.Cluster) {
			into = append(into, c)
			n--
		}
	}
	return into
}

// random plans other clusters for every key and seed, all equally likely.
type random struct {
	leaves []int32
	seed   uint64
}

func (p *random) Plan(key []int32, n int, into []schemas.Candidate) []schemas.Candidate {
	n = min(n, len(p.leaves)-len(key))
	// FNV-1a over the key, so that each key has a stream of its own.
	hash := uint64(14695981039346656037)
	for _, c := range key {
		hash = (hash ^ uint64(uint32(c))) * 1099511628211
	}
	rng := rand.New(rand.NewPCG(p.seed, hash))
	start := len(into)
	for i := 0; i < n; {
		c := p.leaves[rng.IntN(len(p.leaves))]
		if slices.Contains(key, c) || slices.ContainsFunc(into[start:], func(have schemas.Candidate) bool { return have.Cluster == c }) {
			continue
		}
		into = append(into, schemas.Candidate{Cluster: c, Score: 1 / float64(i+1)})
		i++
	}
	return into
}
