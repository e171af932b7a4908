package planner

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sort"
	"testing"

	"foray/schemas"
)

// world has n leaves with the ids 0, 2, 4, … and falling traffic.
func world(n int, rng *rand.Rand) *World {
	w := &World{Seed: 7}
	for i := range n {
		w.Leaves = append(w.Leaves, schemas.Cluster{ClusterID: int32(2 * i), Traffic: 1 / float64(i+2), Centroid: []float32{rng.Float32(), rng.Float32() - .5}})
	}
	return w
}

func clusters(cs []schemas.Candidate) []int32 {
	var out []int32
	for _, c := range cs {
		out = append(out, c.Cluster)
	}
	return out
}

func TestSuccessorIsTheMostFrequentNext(t *testing.T) {
	w := world(6, rand.New(rand.NewPCG(1, 1)))
	w.Transitions = []schemas.Transition{
		{Key: []int32{0, 2}, Next: 6, Users: 2},
		{Key: []int32{0, 2}, Next: 8, Users: 5},
		{Key: []int32{2, 4}, Next: 10, Users: 9},
	}
	p, err := New(Successor, w)
	if err != nil {
		t.Fatal(err)
	}
	// 8 and 6 were seen; 10 followed 2 in another key; 4 is all that is left.
	if got, want := clusters(p.Plan([]int32{0, 2}, 10, nil)), []int32{8, 6, 10, 4}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// A key never seen, whose clusters never led anywhere: popularity.
	if got, want := clusters(p.Plan([]int32{6, 8}, 3, nil)), []int32{0, 2, 4}; !reflect.DeepEqual(got, want) {
		t.Errorf("unseen key: got %v, want %v", got, want)
	}
}

func TestPopularAndNearest(t *testing.T) {
	w := world(4, rand.New(rand.NewPCG(1, 1)))
	for i, c := range [][]float32{{1, 0}, {0, 1}, {.6, .8}, {-1, 0}} {
		w.Leaves[i].Centroid = c
	}
	p, _ := New(Popular, w)
	if got, want := clusters(p.Plan([]int32{0}, 2, nil)), []int32{2, 4}; !reflect.DeepEqual(got, want) {
		t.Errorf("popular: got %v, want %v", got, want)
	}
	p, _ = New(Nearest, w)
	if got, want := clusters(p.Plan([]int32{0}, 3, nil)), []int32{4, 2, 6}; !reflect.DeepEqual(got, want) {
		t.Errorf("nearest: got %v, want %v", got, want)
	}
	if _, err := New("best", w); err == nil {
		t.Error("an unknown planner was made")
	}
}

func TestEveryPlanIsNovelSortedAndFull(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 50 {
		n := 4 + rng.IntN(20)
		w := world(n, rng)
		for range rng.IntN(100) {
			p := rng.Perm(n)
			w.Transitions = append(w.Transitions, schemas.Transition{Key: []int32{int32(2 * p[0]), int32(2 * p[1])}, Next: int32(2 * p[2]), Users: 1 + rng.Int64N(3)})
		}
		sort.Slice(w.Transitions, func(i, j int) bool {
			a, b := w.Transitions[i], w.Transitions[j]
			if c := slices.Compare(a.Key, b.Key); c != 0 {
				return c < 0
			}
			return a.Next < b.Next
		})
		w.Transitions = slices.CompactFunc(w.Transitions, func(a, b schemas.Transition) bool {
			return slices.Equal(a.Key, b.Key) && a.Next == b.Next
		})
		for _, name := range Baselines {
			p, err := New(name, w)
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range [][]int32{{0, 2}, {6, 4}, {2, 1}, {999, 0}} {
				what := fmt.Sprintf("round %d %s %v", round, name, key)
				kept := []schemas.Candidate{{Cluster: -1}}
				got := p.Plan(key, 5, kept)
				if got[0].Cluster != -1 {
					t.Fatalf("%s: what stood in the list is gone", what)
				}
				got = got[1:]
				if !reflect.DeepEqual(got, p.Plan(key, 5, nil)) {
					t.Errorf("%s: a second time it plans otherwise", what)
				}
				novel := n
				for _, c := range key {
					if c%2 == 0 && int(c) < 2*n {
						novel--
					}
				}
				if want := min(5, novel); len(got) != want && name != Random || len(got) > 5 {
					t.Errorf("%s: %d clusters, want %d", what, len(got), want)
				}
				for i, c := range got {
					if slices.Contains(key, c.Cluster) {
						t.Errorf("%s: plans %d of its own key", what, c.Cluster)
					}
					if i > 0 && c.Score > got[i-1].Score {
						t.Errorf("%s: scores rise: %v", what, got)
					}
					if slices.Contains(clusters(got[:i]), c.Cluster) {
						t.Errorf("%s: %d stands twice", what, c.Cluster)
					}
				}
				if name == Successor && len(p.(*successor).next.After(key)) > 0 {
					most := int64(0)
					for _, tr := range w.Transitions {
						if slices.Equal(tr.Key, key) && !slices.Contains(key, tr.Next) {
							most = max(most, tr.Users)
						}
					}
					if int64(got[0].Score) < most {
						t.Errorf("%s: first has score %v, the most frequent next %d users", what, got[0].Score, most)
					}
				}
			}
		}
	}
}

func BenchmarkSuccessor(b *testing.B) {
	rng := rand.New(rand.NewPCG(3, 4))
	w := world(761, rng)
	p, _ := New(Successor, w)
	var room []schemas.Candidate
	for i := 0; b.Loop(); i++ {
		room = p.Plan([]int32{int32(i%700) * 2, int32((i+1)%700) * 2}, 10, room[:0])
	}
}
