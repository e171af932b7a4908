package catalogue

import (
	"math"
	"testing"
)

func TestNextIsADistribution(t *testing.T) {
	truth := generate(t, DefaultOptions()).Truth
	n := len(truth.Interests)
	for a := range n {
		for b := range n {
			p := truth.Next(a, b)
			if a == b {
				if p != nil {
					t.Fatalf("Next(%d, %d) is not nil", a, b)
				}
				continue
			}
			var sum float64
			for _, q := range p {
				sum += q
			}
			if len(p) != n || math.Abs(sum-1) > 1e-9 || p[a] != 0 || p[b] != 0 {
				t.Fatalf("Next(%d, %d): %d chances that sum to %v, %v and %v for the key", a, b, len(p), sum, p[a], p[b])
			}
		}
	}
	for _, pair := range [][2]int{{-1, 0}, {0, n}, {n, 0}} {
		if truth.Next(pair[0], pair[1]) != nil {
			t.Errorf("Next%v is not nil", pair)
		}
	}
}

// TestMeetFollowsNext holds what is drawn against Next restricted to what the
// user has not met: with little met, and with all but two.
func TestMeetFollowsNext(t *testing.T) {
	o := DefaultOptions()
	o.Interests = 12
	d := generate(t, o).Truth.drift
	rng := stream(7, 7)
	for _, seen := range [][]int32{{3, 5}, {3, 5, 0, 1, 2, 4, 6, 7, 8, 9}} {
		var met bitset
		want := d.next(3, 5)
		var sum float64
		for _, x := range seen {
			met.add(x)
			want[x] = 0
		}
		for _, q := range want {
			sum += q
		}
		const draws = 200_000
		got := make([]float64, d.n)
		for range draws {
			got[d.meet(3, 5, &met, rng)] += 1.0 / draws
		}
		for x, q := range want {
			q /= sum
			if math.Abs(got[x]-q) > 5*math.Sqrt(q*(1-q)/draws)+1e-12 {
				t.Errorf("with %d met: interest %d was drawn %.4f of the time, want %.4f", len(seen), x, got[x], q)
			}
		}
	}
}

func TestSuccessorsCrossThemes(t *testing.T) {
	truth := generate(t, DefaultOptions()).Truth
	near, first := 0, 0
	for a, list := range truth.drift.successors {
		seen := map[int32]bool{int32(a): true}
		for i, x := range list {
			if seen[x] {
				t.Fatalf("successors of %d: %v", a, list)
			}
			seen[x] = true
			if truth.Interests[a].Theme == truth.Interests[x].Theme {
				near++
				if i == 0 {
					first++
				}
			}
		}
	}
	n := len(truth.Interests)
	if near != n*len(successorWeights)/2 {
		t.Errorf("%d successors are of the same theme, want half of %d", near, n*len(successorWeights))
	}
	if first < n/4 || first > n*3/4 {
		t.Errorf("%d of %d likeliest successors are of the same theme, want about half", first, n)
	}
}

func TestSamplerFollowsWeights(t *testing.T) {
	weights := []float64{5, 0, 1, 3, 1}
	rng := stream(1, 99)
	s := newSampler(weights)
	const draws = 200_000
	var got, picked [5]float64
	for range draws {
		got[s.draw(rng)] += 1.0 / draws
		picked[pick(weights, rng)] += 1.0 / draws
	}
	for i, w := range weights {
		limit := 5*math.Sqrt(w/10*(1-w/10)/draws) + 1e-12
		if math.Abs(got[i]-w/10) > limit || math.Abs(picked[i]-w/10) > limit {
			t.Errorf("%d was drawn %.4f and picked %.4f of the time, want %.4f", i, got[i], picked[i], w/10)
		}
	}
}
