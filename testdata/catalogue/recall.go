package catalogue

import (
	"cmp"
	"slices"

	"foray/transforms/history"
)

// Recall is how well a planner does that knows the truth: for every key, it
// names the k interests of the highest P(next | key).
type Recall struct {
	// Expected is the mean chance that one of the named is what the user
	// meets, given the key and what the user had met before; in [0, 1].
	Expected float64
	// Realised is the share of transitions where it was; in [0, 1].
	Realised float64
	// Transitions is the number of transitions judged.
	Transitions int
}

// Transition is one transition of a user, for K = 2: Next was met just after
// the key A, B.
type Transition struct {
	A, B, Next int32
	User       int32
	// Time is that of the event that met Next.
	Time int32
}

// Cut is the time at a fraction, in [0, 1], of the span of all events: what is
// before it trains, the rest tests.
func (w *World) Cut(fraction float64) int32 {
	if len(w.Events) == 0 {
		return 0
	}
	first, last := w.Events[0].Time, w.Events[len(w.Events)-1].Time
	return first + int32(fraction*float64(last-first))
}

// Transitions are those of all users, with interests in the role of clusters,
// by user and time. They are what no clustering can make clearer.
func (w *World) Transitions() []Transition {
	var out []Transition
	w.histories(func(t Transition, _ *history.Walker) { out = append(out, t) })
	return out
}

// BestRecall is the best recall@k that a lookup table can be expected to have
// on the transitions at or after the cut (see Cut), all zero if there are none.
func (w *World) BestRecall(k int, cut int32) Recall {
	var r Recall
	named := map[[2]int32][]int32{}
	var expected float64
	var hits int
	w.histories(func(t Transition, before *history.Walker) {
		if t.Time < cut {
			return
		}
		r.Transitions++
		p := w.Truth.drift.next(t.A, t.B)
		key := [2]int32{t.A, t.B}
		if named[key] == nil {
			named[key] = best(p, k)
		}
		var open float64 // the chance of all that the user had not met
		for x, q := range p {
			if !before.Seen(int32(x)) || int32(x) == t.Next {
				open += q
			}
		}
		for _, x := range named[key] {
			if !before.Seen(x) || x == t.Next {
				expected += p[x] / open
			}
			if x == t.Next {
				hits++
			}
		}
	})
	if r.Transitions > 0 {
		r.Expected = expected / float64(r.Transitions)
		r.Realised = float64(hits) / float64(r.Transitions)
	}
	return r
}

// best are the k largest of p that are above 0, the lower index first where
// these are equal.
func best(p []float64, k int) []int32 {
	order := make([]int32, 0, len(p))
	for i, q := range p {
		if q > 0 {
			order = append(order, int32(i))
		}
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(p[b], p[a]) })
	return order[:max(0, min(k, len(order)))]
}

// histories calls yield for every transition, with a walker that has just
// stepped over it.
func (w *World) histories(yield func(Transition, *history.Walker)) {
	// Users' events, found by counting: first[u] to first[u+1] of byUser.
	first := make([]int32, w.Users+1)
	for i := range w.Events {
		first[w.Events[i].User+1]++
	}
	for u := range w.Users {
		first[u+1] += first[u]
	}
	byUser := make([]int32, len(w.Events))
	at := slices.Clone(first)
	for i := range w.Events {
		u := w.Events[i].User
		byUser[at[u]] = int32(i)
		at[u]++
	}
	walker := history.NewWalker(2)
	var events []history.Event
	for u := range w.Users {
		events = events[:0]
		for _, i := range byUser[first[u]:first[u+1]] {
			e := w.Events[i]
			events = append(events, history.Event{Time: int64(e.Time) * 1e6, Cluster: w.Truth.ItemInterest[e.Item]})
		}
		history.Sort(events)
		walker.Reset()
		for _, e := range events {
			if key, ok := walker.Step(e.Cluster); ok {
				yield(Transition{A: key[0], B: key[1], Next: e.Cluster, User: int32(u), Time: int32(e.Time / 1e6)}, walker)
			}
		}
	}
}
