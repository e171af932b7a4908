package policy

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"sync"
)

// ErrTransition says that a row does not belong to the item policy that it
// was read with: an item number out of range, or a weight that is none.
var ErrTransition = errors.New("policy: bad transition")

// Markov scores what followed a user's last items in other users' histories:
//
//	score(x) = Σ_{j=1…Window} Decay^(j−1) · W(item j back, x)
//
// with the weights W of the transitions. Memory: 12 bytes a transition.
type Markov struct {
	start      []int // row i is next[start[i]:start[i+1]]
	next       []int32
	weight     []float64
	popularity []float64
	pool       sync.Pool // of *sums
}

// NewMarkov builds the policy for items numbered 0 … items−1 from rows sorted
// by item, such as Counter.Transitions yields. Rows with Next == Item are
// popularity. Errors wrap ErrTransition.
func NewMarkov(items int, rows iter.Seq[Transition]) (*Markov, error) {
	m := &Markov{start: make([]int, items+1), popularity: make([]float64, items)}
	item := int32(0)
	for r := range rows {
		switch {
		case r.Item < 0 || int(r.Item) >= items || r.Next < 0 || int(r.Next) >= items:
			return nil, fmt.Errorf("%w: item %d and next %d of %d items", ErrTransition, r.Item, r.Next, items)
		case r.Item < item:
			return nil, fmt.Errorf("%w: item %d comes after item %d; rows must be sorted by item", ErrTransition, r.Item, item)
		case !(r.Weight > 0) || math.IsInf(r.Weight, 0):
			return nil, fmt.Errorf("%w: item %d, next %d: weight %v, want one above 0", ErrTransition, r.Item, r.Next, r.Weight)
		}
		for item < r.Item {
			item++
			m.start[item] = len(m.next)
		}
		if r.Next == r.Item {
			m.popularity[r.Item] = r.Weight
			continue
		}
		m.next = append(m.next, r.Next)
		m.weight = append(m.weight, r.Weight)
	}
	for i := int(item) + 1; i <= items; i++ {
		m.start[i] = len(m.next)
	}
	m.pool.New = func() any { return &sums{score: make([]float64, items)} }
	return m, nil
}

// Popularity is the number of events of each item. The caller must not
// change it.
func (m *Markov) Popularity() []float64 { return m.popularity }

// Scores implements Policy.
func (m *Markov) Scores(history []int32, into []Scored) []Scored {
	s := m.pool.Get().(*sums)
	defer m.pool.Put(s)
	back := 0
	for i := len(history) - 1; i >= 0 && back < Window; i-- {
		item := history[i]
		if item < 0 || int(item) >= len(m.popularity) {
			continue
		}
		back++
		from, to := m.start[item], m.start[item+1]
		for j := from; j < to; j++ {
			s.add(m.next[j], weights[back]*m.weight[j])
		}
	}
	return s.drain(into)
}

// sums adds up scores by item: a dense row, and which of it is in use.
type sums struct {
	score   []float64
	touched []int32
}

func (s *sums) add(item int32, x float64) {
	if s.score[item] == 0 {
		s.touched = append(s.touched, item)
	}
	s.score[item] += x
}

// drain appends the sums to into and leaves s empty.
func (s *sums) drain(into []Scored) []Scored {
	for _, item := range s.touched {
		into = append(into, Scored{Item: item, Score: s.score[item]})
		s.score[item] = 0
	}
	s.touched = s.touched[:0]
	return into
}
