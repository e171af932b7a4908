package evaluation

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

func TestDrawsAreOfPoisson(t *testing.T) {
	for _, n := range []int64{1, 3, many, 5*many + 7} {
		var sum, squares float64
		const subjects = 500
		for i := range uint64(subjects) {
			var w weights
			w.draw(i*2654435761, n)
			for _, v := range w {
				sum += float64(v)
				squares += float64(v) * float64(v)
			}
		}
		mean := sum / (subjects * Replicates)
		variance := squares/(subjects*Replicates) - mean*mean
		if math.Abs(mean/float64(n)-1) > .01 || math.Abs(variance/float64(n)-1) > .03 {
			t.Errorf("of %d users: mean %v and variance %v", n, mean, variance)
		}
	}
}

func TestIntervalsCover(t *testing.T) {
	// Of 200 samples of 300 users with a true share of 0.3 about 95 % of the
	// intervals must hold it; and of two planners that are equally good, about
	// 5 % of the tests must call the difference one.
	rng := rand.New(rand.NewPCG(1, 2))
	covered, significant := 0, 0
	for range 200 {
		s := &Score{}
		for range 300 {
			sums := []int64{int64(1 + rng.IntN(3)), 0, 0}
			for range sums[0] {
				for p := 1; p < 3; p++ {
					if rng.Float64() < .3 {
						sums[p]++
					}
				}
			}
			s.Add(rng.Uint64(), sums)
		}
		s.resample()
		e := s.ratio(1, 0, s.sums[0])
		if e.low > e.value || e.value > e.high {
			t.Fatalf("%v is not in [%v, %v]", e.value, e.low, e.high)
		}
		if e.low <= .3 && .3 <= e.high {
			covered++
		}
		difference, p := s.lead(1, 2, 0, s.sums[0])
		if p < .05 {
			significant++
		}
		if p < .04 && difference.low <= 0 && difference.high >= 0 {
			t.Errorf("p is %v, the interval %+v", p, difference)
		}
	}
	if covered < 180 || covered == 200 {
		t.Errorf("%d of 200 intervals hold the truth, want about 190", covered)
	}
	if significant < 2 || significant > 20 {
		t.Errorf("%d of 200 equal planners are told apart, want about 10", significant)
	}
}

func TestMergeIsAddingUp(t *testing.T) {
	whole, a, b := &Score{}, &Score{}, &Score{}
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range 100 {
		user, sums := rng.Uint64(), []int64{rng.Int64N(4), rng.Int64N(1 << 40), 0}
		whole.Add(user, sums)
		if i%3 == 0 {
			a.Add(user, sums)
		} else {
			b.Add(user, sums)
		}
	}
	total := &Score{}
	for _, s := range []*Score{b, {}, a} {
		total.Merge(s)
	}
	total.Keys = nil
	total.resample()
	whole.resample()
	if !reflect.DeepEqual(total, whole) {
		t.Error("two halves are not the whole")
	}
}

func TestConcentration(t *testing.T) {
	c := newColumns(1, 20)
	sums := make([]int64, c.size)
	if !math.IsNaN(gini(c, sums)) || !math.IsNaN(entropy(c, sums)) || !math.IsNaN(topDecile(c, sums)) || coverage(c, sums) != 0 {
		t.Error("of no plans there is nothing to tell")
	}
	counts := c.counts(sums)
	counts[3] = 40
	if g, h, top := gini(c, sums), entropy(c, sums), topDecile(c, sums); g != .95 || h != 0 || top != 1 || coverage(c, sums) != .05 {
		t.Errorf("one of twenty: Gini %v, entropy %v, top tenth %v", g, h, top)
	}
	for i := range counts {
		counts[i] = 7
	}
	if g, h, top := gini(c, sums), entropy(c, sums), topDecile(c, sums); g != 0 || math.Abs(h-math.Log2(20)) > 1e-12 || top != .1 || coverage(c, sums) != 1 {
		t.Errorf("all alike: Gini %v, entropy %v, top tenth %v", g, h, top)
	}
}

func TestOverlapOfSuccessors(t *testing.T) {
	before := []counted{{next: 1, users: 9}, {next: 2, users: 8}, {next: 3, users: 7}, {next: 4, users: 6}, {next: 5, users: 2}, {next: 6, users: 2}}
	for _, c := range []struct {
		after []counted
		want  float64
	}{
		{before, 1},
		{[]counted{{next: 5, users: 1}, {next: 7, users: 1}}, 1. / 6}, // 5 of 5 and 6, which have as many users
		{[]counted{{next: 6, users: 1}}, 0},
		{nil, -1. / overlapUnit},
	} {
		if got := overlap(before, c.after); math.Abs(float64(got)-c.want*overlapUnit) > 1e-9 {
			t.Errorf("%v overlaps by %d parts, want %v", c.after, got, c.want*overlapUnit)
		}
	}
}

func TestDeciles(t *testing.T) {
	got := decilesOf([]int64{5, 6, 7, 8}, []int64{10, 70, 10, 10})
	if want := map[int64]int64{6: 1, 5: 8, 7: 9, 8: 10}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
