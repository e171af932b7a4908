package policy

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"foray/schemas"
)

// fixed answers every history with the same scores.
type fixed []Scored

func (f fixed) Scores(_ []int32, into []Scored) []Scored { return append(into, f...) }

func TestRecommend(t *testing.T) {
	// Items 0-9: clusters 0 0 0 1 1 1 2 2 – 2; item 9 is the most popular.
	clusters := []int32{0, 0, 0, 1, 1, 1, 2, 2, -1, 2}
	popularity := []float64{5, 5, 1, 4, 4, 8, 2, 2, 9, 10}
	policy := fixed{{0, 3}, {1, 3}, {4, 1}, {8, 9}, {3, 1}, {6, 2}}
	tests := []struct {
		name             string
		history, planned []int32
		slots            int
		share            float64
		want             string // items in order, explore ones marked e
	}{
		{"exploit only: score, popularity, number, then the popular", nil, nil, 10, 0, "8 0 1 6 3 4 9 5 7 2"},
		{"seen items never come back", []int32{8, 9, 0}, nil, 4, 0, "1 6 3 4"},
		{"clusters take turns", nil, []int32{1, 2}, 4, 1, "3e 6e 4e 9e"},
		{"a starved cluster passes its turn", []int32{6, 7}, []int32{2, 1}, 4, 1, "9e 3e 4e 5e"},
		{"what clusters cannot fill is exploited", nil, []int32{2}, 5, 1, "6e 8 9e 0 7e"},
		{"explore in the middle of its section", nil, []int32{1, 2}, 10, 0.2, "8 0 3e 1 4 9 5 6e 7 2"},
		{"a planned cluster named twice has one turn", nil, []int32{1, 1, 2}, 2, 1, "3e 6e"},
		{"an unknown cluster has none", nil, []int32{77, -1, 2}, 1, 1, "6e"},
		{"no share, no exploring", nil, []int32{1}, 2, 0, "8 0"},
		{"a share that is no number counts as none", nil, []int32{1}, 2, math.NaN(), "8 0"},
		{"a share above 1 counts as 1", nil, []int32{0}, 2, 7, "0e 1e"},
		{"halves are rounded up", nil, []int32{1}, 2, 0.25, "8 3e"},
		{"unknown items of a history are passed over", []int32{-4, 99, 8}, nil, 1, 0, "0"},
		{"more slots than items", []int32{0, 1, 2, 3, 4, 5}, []int32{2}, 50, 0, "8 6 9 7"},
		{"all seen", []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, []int32{2}, 5, 0.5, ""},
		{"no slots", nil, []int32{2}, 0, 0.5, ""},
		{"slots below none", nil, []int32{2}, -3, 0.5, ""},
	}
	r, err := NewRecommender(policy, clusters, popularity)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			picks := r.Recommend(tt.history, tt.planned, tt.slots, tt.share)
			if got := words(picks); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			for _, p := range picks {
				if p.Cluster != clusters[p.Item] {
					t.Errorf("item %d in cluster %d, want %d", p.Item, p.Cluster, clusters[p.Item])
				}
			}
		})
	}
}

// TestExploreInTheMiddle needs a full slate of the default shape.
func TestExploreInTheMiddle(t *testing.T) {
	clusters := make([]int32, 100)
	for i := range clusters {
		clusters[i] = int32(i % 10)
	}
	r, err := NewRecommender(fixed{}, clusters, make([]float64, 100))
	if err != nil {
		t.Fatal(err)
	}
	picks := r.Recommend(nil, []int32{7, 8}, DefaultSlots, DefaultExploreShare)
	var ranks []int
	for i, p := range picks {
		if p.Source == schemas.SourceExplore {
			ranks = append(ranks, i+1)
		}
	}
	if want := []int{3, 8, 13, 18}; !slices.Equal(ranks, want) || len(picks) != DefaultSlots {
		t.Errorf("explore items of %d at ranks %v, want %v of 20", len(picks), ranks, want)
	}
}

// TestSlatesHold checks what every slate promises, from several goroutines.
func TestSlatesHold(t *testing.T) {
	const items, users = 200, 300
	histories := randomHistories(6, users, items)
	var c Counter
	for _, h := range histories {
		c.Add(h)
	}
	m, err := NewMarkov(items, c.Transitions(20))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 0))
	clusters := make([]int32, items)
	for i := range clusters {
		clusters[i] = int32(rng.IntN(12)) - 1
	}
	r, err := NewRecommender(m, clusters, m.Popularity())
	if err != nil {
		t.Fatal(err)
	}
	planned := make([][]int32, users)
	first := make([]string, users)
	for i := range planned {
		for range rng.IntN(6) {
			planned[i] = append(planned[i], int32(rng.IntN(11)))
		}
		picks := r.Recommend(histories[i], planned[i], DefaultSlots, DefaultExploreShare)
		first[i] = words(picks)
		seen := map[int32]bool{}
		for _, item := range histories[i] {
			seen[item] = true
		}
		explored := map[int32]bool{}
		for _, p := range picks {
			if seen[p.Item] {
				t.Fatalf("user %d: item %d was seen, or stands twice", i, p.Item)
			}
			seen[p.Item] = true
			if p.Source == schemas.SourceExplore {
				explored[p.Cluster] = true
				if !slices.Contains(planned[i], p.Cluster) {
					t.Fatalf("user %d explores cluster %d, planned are %v", i, p.Cluster, planned[i])
				}
			}
		}
		if len(picks) != DefaultSlots {
			t.Errorf("user %d has %d items", i, len(picks))
		}
		distinct := slices.Compact(slices.Sorted(slices.Values(planned[i])))
		if want := min(4, len(distinct)); len(explored) != want {
			t.Errorf("user %d explores %d of %v", i, len(explored), distinct)
		}
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range planned {
				if got := words(r.Recommend(histories[i], planned[i], DefaultSlots, DefaultExploreShare)); got != first[i] {
					t.Errorf("user %d: %s, before %s", i, got, first[i])
				}
			}
		})
	}
	wg.Wait()
}

func TestSlateOutlivesItsCounter(t *testing.T) {
	s := &slate{taken: make([]uint32, 2), now: math.MaxUint32 - 1}
	s.reset()
	s.take(0)
	s.reset() // wraps round
	if s.isTaken(0) || s.isTaken(1) {
		t.Error("an empty slate has items taken")
	}
}

func TestNewRecommenderRefuses(t *testing.T) {
	if _, err := NewRecommender(fixed{}, make([]int32, 2), make([]float64, 3)); !errors.Is(err, ErrCatalogue) {
		t.Errorf("lengths: error %v", err)
	}
	if _, err := NewRecommender(fixed{}, make([]int32, 1), []float64{math.NaN()}); !errors.Is(err, ErrCatalogue) {
		t.Errorf("NaN: error %v", err)
	}
}

func TestMarkovScores(t *testing.T) {
	m, err := NewMarkov(4, slices.Values([]Transition{{0, 0, 9}, {0, 2, 2}, {0, 3, 1}, {1, 3, 4}, {3, 1, 1}}))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		history []int32
		want    []Scored
	}{
		{"nothing", nil, nil},
		{"one item", []int32{0}, []Scored{{2, 2}, {3, 1}}},
		{"two items", []int32{0, 1}, []Scored{{2, 0.7 * 2}, {3, 4 + 0.7}}},
		{"unknown ones take no place", []int32{0, -1, 44, 1}, []Scored{{2, 0.7 * 2}, {3, 4 + 0.7}}},
		{"beyond the window", []int32{0, 2, 2, 2, 2, 2}, nil},
	} {
		got := m.Scores(tt.history, nil)
		slices.SortFunc(got, func(a, b Scored) int { return int(a.Item - b.Item) })
		if !slices.EqualFunc(got, tt.want, func(a, b Scored) bool { return a.Item == b.Item && math.Abs(a.Score-b.Score) < 1e-12 }) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
	if want := []float64{9, 0, 0, 0}; !slices.Equal(m.Popularity(), want) {
		t.Errorf("popularity %v, want %v", m.Popularity(), want)
	}
}

func TestNewMarkovRefuses(t *testing.T) {
	for name, rows := range map[string][]Transition{
		"item":     {{4, 0, 1}},
		"next":     {{0, -1, 1}},
		"unsorted": {{1, 0, 1}, {0, 1, 1}},
		"zero":     {{0, 1, 0}},
		"NaN":      {{0, 1, math.NaN()}},
		"infinite": {{0, 1, math.Inf(1)}},
	} {
		if _, err := NewMarkov(4, slices.Values(rows)); !errors.Is(err, ErrTransition) {
			t.Errorf("%s: error %v, want ErrTransition", name, err)
		}
	}
	if m, err := NewMarkov(0, slices.Values[[]Transition](nil)); err != nil || len(m.Scores([]int32{0}, nil)) > 0 {
		t.Errorf("no items: %v", err)
	}
}

func words(picks []Pick) string {
	var s []string
	for _, p := range picks {
		w := strconv.Itoa(int(p.Item))
		if p.Source == schemas.SourceExplore {
			w += "e"
		}
		s = append(s, w)
	}
	return strings.Join(s, " ")
}

func BenchmarkRecommend(b *testing.B) {
	users, items := movieTweetings(b)
	var c Counter
	for _, u := range users {
		c.Add(u)
	}
	m, err := NewMarkov(items, c.Transitions(DefaultSuccessors))
	if err != nil {
		b.Fatal(err)
	}
	clusters := make([]int32, items)
	for i := range clusters {
		clusters[i] = int32(i % 400)
	}
	r, err := NewRecommender(m, clusters, m.Popularity())
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		r.Recommend(users[i%len(users)], []int32{1, 2, 3}, DefaultSlots, DefaultExploreShare)
		i++
	}
}
