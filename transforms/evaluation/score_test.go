package evaluation

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

func TestPoissonHasMeanAndVarianceOne(t *testing.T) {
	var sum, squares float64
	const n = 200_000
	for i := range uint64(n) {
		w := float64(poisson(i*2654435761, i%Replicates))
		sum += w
		squares += w * w
	}
	mean := sum / n
	if v := squares/n - mean*mean; math.Abs(mean-1) > .02 || math.Abs(v-1) > .03 {
		t.Errorf("mean %v and variance %v, want 1 and 1", mean, v)
	}
}

func TestIntervalsCover(t *testing.T) {
	// Of 200 samples of 300 users with a true recall of 0.3 about 95 % of the
	// intervals must hold it.
	rng := rand.New(rand.NewPCG(1, 2))
	covered := 0
	for range 200 {
		s := NewScore(1)
		for range 300 {
			cases := int64(1 + rng.IntN(3))
			var hits [len(Tops)]int64
			for range cases {
				if rng.Float64() < .3 {
					hits[0]++
				}
			}
			s.Add(rng.Uint64(), cases, [][len(Tops)]int64{hits})
		}
		value, low, high := s.Recall(0, 0)
		if low > value || value > high {
			t.Fatalf("%v is not in [%v, %v]", value, low, high)
		}
		if low <= .3 && .3 <= high {
			covered++
		}
	}
	if covered < 180 || covered == 200 {
		t.Errorf("%d of 200 intervals hold the truth, want about 190", covered)
	}
}

func TestMergeIsAddingUp(t *testing.T) {
	whole, a, b := NewScore(2), NewScore(2), NewScore(2)
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range 100 {
		user, cases := rng.Uint64(), rng.Int64N(4)
		hits := [][len(Tops)]int64{{0, cases, cases}, {0, 0, cases / 2}}
		whole.Add(user, cases, hits)
		if i%3 == 0 {
			a.Add(user, cases, hits)
		} else {
			b.Add(user, cases, hits)
		}
	}
	a.Merge(b)
	if !reflect.DeepEqual(a, whole) {
		t.Error("two halves are not the whole")
	}
	if v, low, high := NewScore(1).Recall(0, 0); v != 0 || low != 0 || high != 0 {
		t.Error("no cases should give 0")
	}
}
