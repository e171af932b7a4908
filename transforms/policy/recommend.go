package policy

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"foray/schemas"
)

// The slate that Foray recommends unless told: 20 items, 4 of them explore.
const (
	DefaultSlots        = 20
	DefaultExploreShare = 0.2
)

// ErrCatalogue says that the descriptions of the items do not fit together.
var ErrCatalogue = errors.New("policy: bad catalogue")

// Pick is one recommended item.
type Pick struct {
	Item int32
	// Cluster is the item's, negative if it has none.
	Cluster int32
	// Source is schemas.SourceExplore or schemas.SourceExploit.
	Source string
	// Score is the policy's, 0 for an item taken for its popularity.
	Score float64
}

// Recommender fills slates. It is safe for use by several goroutines.
type Recommender struct {
	policy  Policy
	cluster []int32 // by item
	// rank of an item by (popularity descending, number): the tie-breaker,
	// and the order of items that the policy does not score.
	rank []int32
	// popular holds all items by rank, members those of each cluster.
	popular []int32
	members map[int32][]int32
	pool    sync.Pool // of *slate
}

// NewRecommender prepares the slates of a policy. cluster and popularity are
// by item number; cluster is negative for an item without one, which is never
// an explore item. The error wraps ErrCatalogue.
func NewRecommender(p Policy, cluster []int32, popularity []float64) (*Recommender, error) {
	if len(cluster) != len(popularity) {
		return nil, fmt.Errorf("%w: clusters of %d items, popularity of %d", ErrCatalogue, len(cluster), len(popularity))
	}
	r := &Recommender{
		policy:  p,
		cluster: cluster,
		rank:    make([]int32, len(cluster)),
		popular: make([]int32, len(cluster)),
		members: map[int32][]int32{},
	}
	for i, x := range popularity {
		if math.IsNaN(x) {
			return nil, fmt.Errorf("%w: the popularity of item %d is not a number", ErrCatalogue, i)
		}
		r.popular[i] = int32(i)
	}
	slices.SortFunc(r.popular, func(a, b int32) int {
		return cmp.Or(cmp.Compare(popularity[b], popularity[a]), cmp.Compare(a, b))
	})
	for rank, item := range r.popular {
		r.rank[item] = int32(rank)
		if c := cluster[item]; c >= 0 {
			r.members[c] = append(r.members[c], item)
		}
	}
	r.pool.New = func() any { return &slate{taken: make([]uint32, len(cluster))} }
	return r, nil
}

// Recommend fills up to slots places for a user with the given items (oldest
// first) and planned clusters (best first). No item stands twice, and none
// that the user has seen.
//
// round(slots·exploreShare) places are for exploring: the planned clusters
// take turns, each giving its best unseen item, so that no planned cluster is
// starved while places last. A cluster that has no item left passes. All
// other places, and those that the planned clusters could not fill, go to the
// policy's best unseen items anywhere. Items rank by score, then popularity,
// then number; those without a score come last.
//
// Explore items are spread evenly over the slate, in the middle of its equal
// sections (3, 8, 13 and 18 of 20), so that the head of the slate stays with
// the policy and a slate cut short keeps the share of exploration.
// exploreShare outside [0, 1] counts as the nearer end.
func (r *Recommender) Recommend(history, planned []int32, slots int, exploreShare float64) []Pick {
	slots = min(slots, len(r.cluster))
	if slots <= 0 {
		return nil
	}
	s := r.pool.Get().(*slate)
	defer r.pool.Put(s)
	s.reset()
	for _, item := range history {
		if item >= 0 && int(item) < len(r.cluster) {
			s.take(item)
		}
	}
	s.scored = r.policy.Scores(history, s.scored[:0])

	places := explorePlaces(slots, exploreShare)
	explore := r.explore(s, planned, places)
	for _, p := range explore {
		s.take(p.Item)
	}
	exploit := r.best(s, nil, slots-len(explore))
	return interleave(explore, exploit)
}

func explorePlaces(slots int, share float64) int {
	if !(share > 0) { // NaN too
		return 0
	}
	return int(math.Floor(float64(slots)*min(share, 1) + 0.5))
}

// explore deals out up to places items, one a planned cluster in turn.
func (r *Recommender) explore(s *slate, planned []int32, places int) []Pick {
	if places == 0 {
		return nil
	}
	var hands [][]Pick
	var dealt []int32
	for _, c := range planned {
		if len(hands) == places {
			break // the clusters after this one would get no turn
		}
		if c < 0 || slices.Contains(dealt, c) {
			continue
		}
		dealt = append(dealt, c)
		if hand := r.best(s, &c, places); len(hand) > 0 {
			hands = append(hands, hand)
		}
	}
	var picks []Pick
	for turn := range places {
		for _, hand := range hands {
			if turn < len(hand) && len(picks) < places {
				hand[turn].Source = schemas.SourceExplore
				picks = append(picks, hand[turn])
			}
		}
	}
	return picks
}

// best is the n best items not taken, of one cluster or (nil) of all: those
// that the policy scores, and after them the most popular.
func (r *Recommender) best(s *slate, of *int32, n int) []Pick {
	if n == 0 {
		return nil
	}
	picks := make([]Pick, 0, n+1)
	for _, x := range s.scored {
		if x.Item < 0 || int(x.Item) >= len(r.cluster) || s.isTaken(x.Item) || !(x.Score > 0) {
			continue
		}
		if of != nil && r.cluster[x.Item] != *of {
			continue
		}
		p := Pick{Item: x.Item, Cluster: r.cluster[x.Item], Source: schemas.SourceExploit, Score: x.Score}
		if len(picks) == n && r.compare(p, picks[n-1]) > 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(picks, p, r.compare)
		picks = slices.Insert(picks, at, p)
		picks = picks[:min(len(picks), n)]
	}
	rest := r.popular
	if of != nil {
		rest = r.members[*of]
	}
	scored := len(picks)
	for _, item := range rest {
		if len(picks) == n {
			break
		}
		if s.isTaken(item) || slices.ContainsFunc(picks[:scored], func(p Pick) bool { return p.Item == item }) {
			continue
		}
		picks = append(picks, Pick{Item: item, Cluster: r.cluster[item], Source: schemas.SourceExploit})
	}
	return picks
}

// compare orders picks, best first.
func (r *Recommender) compare(a, b Pick) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(r.rank[a.Item], r.rank[b.Item]))
}

// interleave puts the i-th of n explore items at (i + ½)/n of the slate.
func interleave(explore, exploit []Pick) []Pick {
	total := len(explore) + len(exploit)
	picks := make([]Pick, 0, total)
	next := 0
	for rank := range total {
		if next < len(explore) && rank == (2*next+1)*total/(2*len(explore)) {
			picks = append(picks, explore[next])
			next++
		} else {
			picks = append(picks, exploit[rank-next])
		}
	}
	return picks
}

// slate is the scratch space of one Recommend.
type slate struct {
	scored []Scored
	// taken[item] == now: the item is seen or picked already. Counting now
	// up empties the set without touching it.
	taken []uint32
	now   uint32
}

func (s *slate) reset() {
	s.now++
	if s.now == 0 {
		clear(s.taken)
		s.now = 1
	}
}

func (s *slate) take(item int32)         { s.taken[item] = s.now }
func (s *slate) isTaken(item int32) bool { return s.taken[item] == s.now }
