package policy

import (
	"bytes"
	"cmp"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func collect(c *Counter, top int) []Transition { return slices.Collect(c.Transitions(top)) }

func TestCounterCountsByDistance(t *testing.T) {
	var c Counter
	c.Add([]int32{0, 1, -1, 2, 1})
	c.Add([]int32{0, 1})
	want := []Transition{
		{0, 0, 2}, {0, 1, 2 + 0.7*0.7}, {0, 2, 0.7}, // twice next to it, once three on
		{1, 1, 3}, {1, 2, 1}, // 1 does not follow itself
		{2, 2, 1}, {2, 1, 1},
	}
	got := collect(&c, 0)
	if !slices.EqualFunc(got, want, func(a, b Transition) bool {
		return a.Item == b.Item && a.Next == b.Next && math.Abs(a.Weight-b.Weight) < 1e-12
	}) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestCounterForgetsBeyondWindow(t *testing.T) {
	var c Counter
	c.Add([]int32{0, 1, 2, 3, 4, 5, 6})
	for _, tr := range collect(&c, 0) {
		if d := tr.Next - tr.Item; d > Window {
			t.Errorf("counted %v, %d items apart", tr, d)
		} else if d > 0 && tr.Weight != weights[d] {
			t.Errorf("%v at distance %d, want weight %v", tr, d, weights[d])
		}
	}
}

// TestCounterMatchesCounting compares with plain maps on random histories.
func TestCounterMatchesCounting(t *testing.T) {
	histories := randomHistories(1, 300, 40)
	type pair struct{ item, next int32 }
	counts := map[pair][Window + 1]int{}
	for _, h := range histories {
		for i, next := range h {
			own := counts[pair{next, next}]
			own[0]++
			counts[pair{next, next}] = own
			for d := 1; d <= Window && d <= i; d++ {
				if p := (pair{h[i-d], next}); p.item != p.next {
					n := counts[p]
					n[d]++
					counts[p] = n
				}
			}
		}
	}
	want := map[pair]float64{}
	for p, n := range counts {
		if p.item == p.next {
			want[p] = float64(n[0])
			continue
		}
		for d := 1; d <= Window; d++ {
			want[p] += float64(n[d]) * weights[d]
		}
	}
	var c Counter
	for _, h := range histories {
		c.Add(h)
	}
	all := collect(&c, 0)
	got := map[pair]float64{}
	for _, tr := range all {
		got[pair{tr.Item, tr.Next}] = tr.Weight
	}
	if len(got) != len(all) {
		t.Errorf("%d transitions, %d distinct", len(all), len(got))
	}
	if !maps.Equal(got, want) {
		t.Errorf("%d pairs differ from the %d counted", len(got), len(want))
	}
	for i := 1; i < len(all); i++ {
		a, b := all[i-1], all[i]
		own := func(t Transition) int {
			if t.Next == t.Item {
				return 0
			}
			return 1
		}
		if cmp.Or(cmp.Compare(a.Item, b.Item), cmp.Compare(own(a), own(b)), cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Next, b.Next)) >= 0 {
			t.Fatalf("%v stands before %v", a, b)
		}
	}
	top := collect(&c, 3)
	for item := range int32(40) {
		of := func(ts []Transition) (r []Transition) {
			for _, tr := range ts {
				if tr.Item == item {
					r = append(r, tr)
				}
			}
			return r
		}
		full := of(all)
		if kept := of(top); !slices.Equal(kept, full[:min(len(full), 4)]) {
			t.Errorf("item %d keeps %v of %v", item, kept, full)
		}
	}
}

// TestCounterIsSpreadable: any order, any number of counters, any ranges of
// blocks, the same counts.
func TestCounterIsSpreadable(t *testing.T) {
	histories := randomHistories(2, 4000, 300) // enough to settle more than once
	var whole Counter
	for _, h := range histories {
		whole.Add(h)
	}
	rng := rand.New(rand.NewPCG(3, 0))
	for _, workers := range []int{1, 3, 7} {
		rng.Shuffle(len(histories), func(i, j int) { histories[i], histories[j] = histories[j], histories[i] })
		parts := make([]Counter, workers)
		for i, h := range histories {
			parts[i%workers].Add(h)
		}
		var merged Counter
		for _, bounds := range [][2]int32{{100, 300}, {0, 100}, {300, 300}, {300, 200}} {
			for i := range parts {
				if err := merged.Merge(parts[i].Block(bounds[0], bounds[1])); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got, want := collect(&merged, 20), collect(&whole, 20); !slices.Equal(got, want) {
			t.Errorf("%d workers: %d transitions, want %d, or they differ", workers, len(got), len(want))
		}
		if !bytes.Equal(merged.Block(0, math.MaxInt32), whole.Block(0, math.MaxInt32)) {
			t.Errorf("%d workers: the blocks differ", workers)
		}
	}
}

func TestCountsSaturate(t *testing.T) {
	var c Counter
	c.Add([]int32{1, 2})
	c.tallies[1].settle()
	c.tallies[1].counts[0] = math.MaxUint32
	c.Add([]int32{1, 2})
	if err := c.Merge(c.Block(0, 10)); err != nil {
		t.Fatal(err)
	}
	if n := c.tallies[1].counts[0]; n != math.MaxUint32 {
		t.Errorf("the count is %d, want it to stay at 2^32−1", n)
	}
}

func TestMergeRefuses(t *testing.T) {
	var c Counter
	c.Add([]int32{1, 2, 3})
	good := c.Block(0, 10)
	for name, block := range map[string][]byte{
		"empty":                 {},
		"cut":                   good[:len(good)-1],
		"longer":                append(slices.Clone(good), 0),
		"count 0":               {1, 0, 0, 0, 0, 0, 0, 0},
		"more pairs than bytes": {255, 255, 255, 255, 15, 1, 1, 0},
		"item with itself":      {0, 1, 0, 1, 0, 0, 0, 0},
	} {
		var into Counter
		if err := into.Merge(block); !errors.Is(err, ErrBlock) {
			t.Errorf("%s: error %v, want ErrBlock", name, err)
		}
		if ts := collect(&into, 0); len(ts) > 0 {
			t.Errorf("%s: %v were added", name, ts)
		}
	}
}

func FuzzMerge(f *testing.F) {
	var c Counter
	for _, h := range randomHistories(4, 20, 10) {
		c.Add(h)
	}
	f.Add(c.Block(0, 10))
	f.Add(c.Block(3, 4))
	f.Add([]byte{0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, block []byte) {
		var c Counter
		if err := c.Merge(block); err != nil {
			return
		}
		// What is accepted comes back as the same counts.
		var again Counter
		if err := again.Merge(c.Block(0, math.MaxInt32)); err != nil {
			t.Fatal(err)
		}
		// The last item stands outside the half-open range.
		inside := func(ts []Transition) []Transition {
			return slices.DeleteFunc(ts, func(t Transition) bool { return t.Item == math.MaxInt32 })
		}
		if !slices.Equal(inside(collect(&c, 0)), inside(collect(&again, 0))) {
			t.Error("a block does not round-trip")
		}
	})
}

func randomHistories(seed uint64, users, items int) [][]int32 {
	rng := rand.New(rand.NewPCG(seed, 0))
	histories := make([][]int32, users)
	for i := range histories {
		for range rng.IntN(30) {
			histories[i] = append(histories[i], int32(float64(items)*rng.Float64()*rng.Float64()))
		}
	}
	return histories
}

func BenchmarkCounter(b *testing.B) {
	histories := randomHistories(5, 10000, 5000)
	events := 0
	for _, h := range histories {
		events += len(h)
	}
	for b.Loop() {
		var c Counter
		for _, h := range histories {
			c.Add(h)
		}
		for range c.Transitions(DefaultSuccessors) {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(events), "ns/event")
}
