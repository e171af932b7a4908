package catalogue

import (
	"math"
	"testing"
)

// tiny is a world of five interests with an item each, and a log of its own:
// user 0 engages with A, B, C, A, D, user 1 with A, A, B.
func tiny(t *testing.T) *World {
	w := generate(t, Options{Items: 5, Users: 2, Events: 8, Interests: 5, Seed: 3})
	itemOf := make([]int32, 5)
	for item, interest := range w.Truth.ItemInterest {
		itemOf[interest] = int32(item)
	}
	start := int32(Start.Unix())
	w.Events = nil
	for i, interest := range []int32{0, 1, 2, 0, 3} {
		w.Events = append(w.Events, Event{Time: start + int32(2*i), User: 0, Item: itemOf[interest]})
		if i < 3 {
			w.Events = append(w.Events, Event{Time: start + int32(2*i), User: 1, Item: itemOf[i/2]})
		}
	}
	return w
}

func TestTransitions(t *testing.T) {
	start := int32(Start.Unix())
	got := tiny(t).Transitions()
	want := []Transition{{A: 0, B: 1, Next: 2, Time: start + 4}, {A: 2, B: 0, Next: 3, Time: start + 8}}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestBestRecallByHand(t *testing.T) {
	w := tiny(t)
	start := int32(Start.Unix())
	if got := w.Cut(0.5); got != start+4 {
		t.Errorf("the cut is %d s after the start, want 4", got-start)
	}
	first, second := w.Truth.Next(0, 1), w.Truth.Next(2, 0)
	// Whoever has met A, B and C can meet D or E only.
	open := second[3] + second[4]
	var expected, realised float64
	one := best(first, 1)[0]
	expected += first[one] / 2
	if one == 2 {
		realised += 0.5
	}
	if two := best(second, 1)[0]; two != 1 {
		expected += second[two] / open / 2
		if two == 3 {
			realised += 0.5
		}
	}
	for _, c := range []struct {
		k    int
		cut  int32
		want Recall
	}{
		{1, start, Recall{expected, realised, 2}},
		{0, start, Recall{0, 0, 2}},
		{5, start, Recall{1, 1, 2}},
		{5, start + 8, Recall{1, 1, 1}},
		{1, start + 9, Recall{}},
	} {
		got := w.BestRecall(c.k, c.cut)
		if math.Abs(got.Expected-c.want.Expected) > 1e-9 || got.Realised != c.want.Realised || got.Transitions != c.want.Transitions {
			t.Errorf("BestRecall(%d, start+%d) = %+v, want %+v", c.k, c.cut-start, got, c.want)
		}
	}
}

// TestDriftIsLearnable counts what followed each key before the cut and plans
// the most frequent: far better than popularity, and short of the truth.
func TestDriftIsLearnable(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		w := generate(t, withSeed(seed))
		cut := w.Cut(0.8)
		n := len(w.Truth.Interests)
		traffic := make([]int, n)
		for _, e := range w.Events {
			if e.Time < cut {
				traffic[w.Truth.ItemInterest[e.Item]]++
			}
		}
		follows := map[[2]int32][]int{}
		var held []Transition
		for _, x := range w.Transitions() {
			if x.Time >= cut {
				held = append(held, x)
				continue
			}
			key := [2]int32{x.A, x.B}
			if follows[key] == nil {
				follows[key] = make([]int, n)
			}
			follows[key][x.Next]++
		}
		// most is the likeliest outside the key; traffic decides among equals.
		most := func(counts []int, x Transition) int32 {
			top := int32(-1)
			for i := range int32(n) {
				if i != x.A && i != x.B && (top < 0 || counts[i] > counts[top] || counts[i] == counts[top] && traffic[i] > traffic[top]) {
					top = i
				}
			}
			return top
		}
		var successor, popular float64
		for _, x := range held {
			if counts := follows[[2]int32{x.A, x.B}]; counts != nil && most(counts, x) == x.Next {
				successor += 1 / float64(len(held))
			}
			if most(traffic, x) == x.Next {
				popular += 1 / float64(len(held))
			}
		}
		best := w.BestRecall(1, cut)
		t.Logf("seed %d: recall@1 on %d transitions: popularity %.3f, counted successors %.3f, truth %.3f (expected %.3f)", seed, len(held), popular, successor, best.Realised, best.Expected)
		if best.Transitions != len(held) || len(held) < 1000 {
			t.Errorf("seed %d: %d transitions are judged, %d are held out", seed, best.Transitions, len(held))
		}
		if successor < 5*popular || successor < 0.3 {
			t.Errorf("seed %d: counting reaches %.3f, popularity %.3f: nothing to learn", seed, successor, popular)
		}
		if best.Expected < successor+0.05 || best.Expected > 0.7 {
			t.Errorf("seed %d: the truth reaches %.3f, counting %.3f", seed, best.Expected, successor)
		}
		for _, k := range []int{1, 5, 10} {
			r := w.BestRecall(k, cut)
			if math.Abs(r.Expected-r.Realised) > 4*math.Sqrt(r.Expected*(1-r.Expected)/float64(r.Transitions)) {
				t.Errorf("seed %d: recall@%d of the truth is %.3f, expected %.3f", seed, k, r.Realised, r.Expected)
			}
		}
	}
}
