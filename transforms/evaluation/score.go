// Package evaluation judges plans by what users did after the cut: a plan is
// right if the next cluster that the user met for the first time, from that
// very key, is among its first k.
package evaluation

import (
	"math"
	"math/bits"
	"slices"

	"foray/schemas"
)

// Tops are the numbers of candidates that recall is measured at.
var Tops = [...]int{1, 5, 10}

// Replicates is the number of bootstrap resamples of users behind an interval.
const Replicates = 400

// Score adds up, over users, the transitions after the cut that each planner
// foresaw. Scores of any users merge by adding.
type Score struct {
	// Users had Cases transitions after the cut.
	Users, Cases int64
	// Hits[p][t] of the cases were among the first Tops[t] of planner p.
	Hits [][len(Tops)]int64
	// BootCases[r] and BootHits[p][t][r] are the same in resample r.
	BootCases []int64
	BootHits  [][len(Tops)][]int64
	// Keys are the keys that the users shown on the page have now, by hash.
	Keys map[int64][]int32
}

// NewScore makes an empty score of so many planners.
func NewScore(planners int) *Score {
	s := &Score{Hits: make([][len(Tops)]int64, planners), BootCases: make([]int64, Replicates), BootHits: make([][len(Tops)][]int64, planners)}
	for p := range s.BootHits {
		for t := range s.BootHits[p] {
			s.BootHits[p][t] = make([]int64, Replicates)
		}
	}
	return s
}

// Add counts one user: of cases transitions, hits[p][t] were foreseen. user
// tells users apart and chooses how often each resample draws this one.
func (s *Score) Add(user uint64, cases int64, hits [][len(Tops)]int64) {
	if cases == 0 {
		return
	}
	s.Users++
	s.Cases += cases
	var weights [Replicates]int64
	for r := range weights {
		weights[r] = poisson(user, uint64(r))
		s.BootCases[r] += weights[r] * cases
	}
	for p := range hits {
		for t, n := range hits[p] {
			if n == 0 {
				continue
			}
			s.Hits[p][t] += n
			boot := s.BootHits[p][t]
			for r, w := range weights {
				boot[r] += w * n
			}
		}
	}
}

// Merge adds another score of the same planners.
func (s *Score) Merge(o *Score) {
	s.Users += o.Users
	s.Cases += o.Cases
	addTo(s.BootCases, o.BootCases)
	for user, key := range o.Keys {
		s.keep(user, key)
	}
	for p := range s.Hits {
		for t := range s.Hits[p] {
			s.Hits[p][t] += o.Hits[p][t]
			addTo(s.BootHits[p][t], o.BootHits[p][t])
		}
	}
}

func (s *Score) keep(user int64, key []int32) {
	if s.Keys == nil {
		s.Keys = map[int64][]int32{}
	}
	s.Keys[user] = slices.Clone(key)
}

func addTo(a, b []int64) {
	for i, v := range b {
		a[i] += v
	}
}

// Recall is planner p's share of cases foreseen by its first Tops[t], with
// the 95 % interval of the Poisson bootstrap over users (Chamandy et al.,
// "Estimating uncertainty for massive data streams", 2012): each resample
// draws each user Poisson(1) times, so that partitions need not know of one
// another.
func (s *Score) Recall(p, t int) (value, low, high float64) {
	if s.Cases == 0 {
		return 0, 0, 0
	}
	var boots []float64
	for r, n := range s.BootCases {
		if n > 0 {
			boots = append(boots, float64(s.BootHits[p][t][r])/float64(n))
		}
	}
	value = float64(s.Hits[p][t]) / float64(s.Cases)
	if len(boots) == 0 {
		return value, value, value
	}
	slices.Sort(boots)
	at := func(q float64) float64 { return boots[int(q*float64(len(boots)-1)+.5)] }
	return value, min(value, at(.025)), max(value, at(.975))
}

// poissonBelow[n] is 2⁶⁴ times the probability that Poisson(1) is at most n.
var poissonBelow = func() (below [20]uint64) {
	p, sum := math.Exp(-1), 0.0
	for n := range below {
		sum += p
		p /= float64(n + 1)
		below[n] = uint64(min(sum, 1-0x1p-53) * 0x1p64)
	}
	return below
}()

// poisson draws from Poisson(1), the same for the same user and resample.
func poisson(user, resample uint64) int64 {
	// One round of wyhash's mix: users and resamples are told apart by it.
	hi, lo := bits.Mul64(user^0xa0761d6478bd642f, resample*0x9e3779b97f4a7c15^0xe7037ed1a0b428db)
	u := hi ^ lo
	hi, lo = bits.Mul64(u^0x8ebc6af09c88c6e3, 0x589965cc75374cc3)
	u = hi ^ lo
	for n, below := range poissonBelow {
		if u < below {
			return int64(n)
		}
	}
	return int64(len(poissonBelow))
}

// rankOf gives the place of a cluster among candidates, −1 if it is none.
func rankOf(candidates []schemas.Candidate, cluster int32) int {
	return slices.IndexFunc(candidates, func(c schemas.Candidate) bool { return c.Cluster == cluster })
}
