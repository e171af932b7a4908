package evaluation

import (
	"maps"
	"sync"

	"foray/transforms/kernel"
)

// Tops are the numbers of candidates that recall is measured at.
var Tops = [...]int{1, 5, 10}

// Deciles are the groups of keys by traffic.
const Deciles = 10

// overlapUnit is what a share with a denominator of 1 to 10 is a whole number
// of parts of: the overlap of two lists of five.
const overlapUnit = 2520

// Measures are sums over users: first those that all planners share, then
// those of each planner. "ByKey" ones weigh a case by 1 ÷ the number of cases
// of its key, in parts of a unit that the key table chooses, so that every key
// counts the same, and sums are whole numbers: equal in whatever order they
// are added up.
const (
	sumCases = iota
	sumCasesByKey
	sumStable // cases whose key has successors in both periods
	sumStableByKey
	sumOverlap // of their keys' successors, in parts of overlapUnit
	sumOverlapByKey
	sumDecileCases                              // Deciles of them
	sumShared      = sumDecileCases + Deciles   // planner 0 starts here
	sumRecall      = 0                          // len(Tops) of them
	sumRecallByKey = sumRecall + len(Tops)      //
	sumNovel       = sumRecallByKey + len(Tops) // recall, of plans the user never had
	sumNovelByKey  = sumNovel + len(Tops)       //
	sumHit         = sumNovelByKey + len(Tops)  // first plan met from here on
	sumHitByKey    = sumHit + 1                 //
	sumFresh       = sumHitByKey + 1            // first plan never had
	sumFreshByKey  = sumFresh + 1               //
	sumDecile      = sumFreshByKey + 1          // recall@10 by decile
	sumUserKeys    = sumDecile + Deciles        // distinct keys of users with two or more
	sumUserPlans   = sumUserKeys + 1            // their distinct first plans
	sumPlanner     = sumUserPlans + 1           // so many a planner
)

func measures(planners int) int { return sumShared + planners*sumPlanner }

// of is the place of a planner's measure.
func of(planner, measure int) int { return sumShared + planner*sumPlanner + measure }

// groups is the number of groups of users, by hash, that are resampled as one:
// so an interval costs no more with a million users than with ten thousand.
// Since the groups are drawn at random, the interval is that of users; of 4,096
// groups its width errs by about 1 % (√(1/2·4096)), less than by Replicates.
const groups = 4096

// Score adds users' measures up. Scores of any users merge by adding.
type Score struct {
	// Users had a case.
	Users int64
	// Groups are the sums of each group of users by measure; nil where nothing
	// was added.
	Groups []int64
	// Keys are the keys that the users shown on the page have now, by hash.
	Keys map[int64][]int32
	// Missed are the keys whose users were foreseen worst, the worst first.
	Missed []missed

	// sums are by measure, boots the same in each resample: Replicates to a
	// measure. See resample.
	sums, boots []int64
}

// Add counts one user, of a hash that tells users apart.
func (s *Score) Add(user uint64, sums []int64) {
	if s.Groups == nil {
		s.Groups = make([]int64, groups*len(sums))
	}
	s.Users++
	addTo(s.Groups[int(mix(user)%groups)*len(sums):], sums)
}

// Merge adds another score of the same planners.
func (s *Score) Merge(o *Score) {
	s.Users += o.Users
	if s.Groups == nil && o.Groups != nil {
		s.Groups = make([]int64, len(o.Groups))
	}
	addTo(s.Groups, o.Groups)
	if s.Keys == nil {
		s.Keys = map[int64][]int32{}
	}
	maps.Copy(s.Keys, o.Keys)
	s.Missed = append(s.Missed, o.Missed...)
}

func addTo(a, b []int64) {
	for i, v := range b {
		a[i] += v
	}
}

// resample sums the groups up, as they are and as each resample draws them.
// The last Merge comes before it, figures after.
func (s *Score) resample() {
	n := len(s.Groups) / groups
	s.sums, s.boots = make([]int64, n), make([]int64, n*Replicates)
	var mu sync.Mutex
	kernel.Parallel(groups, 256, func(lo, hi int) {
		sums, boots := make([]int64, n), make([]int64, n*Replicates)
		var w weights
		for g := lo; g < hi; g++ {
			w.draw(uint64(g), 1)
			for m, v := range s.Groups[g*n : (g+1)*n] {
				if v != 0 {
					sums[m] += v
					addTimes((*weights)(boots[m*Replicates:]), &w, v)
				}
			}
		}
		mu.Lock()
		defer mu.Unlock()
		addTo(s.sums, sums)
		addTo(s.boots, boots)
	})
}

// addTimes adds n times w to boots.
func addTimes(boots, w *weights, n int64) {
	for r, v := range w {
		boots[r] += v * n
	}
}

// sum is a measure; 0 where nothing was added.
func (s *Score) sum(measure int) int64 {
	if len(s.sums) == 0 {
		return 0
	}
	return s.sums[measure]
}

// resampled gives part ÷ whole in each resample; less, where it is not −1, is
// taken from part.
func (s *Score) resampled(part, less, whole int) []float64 {
	out := make([]float64, Replicates)
	for r := range out {
		n := s.boots[part*Replicates+r]
		if less >= 0 {
			n -= s.boots[less*Replicates+r]
		}
		out[r] = over(n, s.boots[whole*Replicates+r])
	}
	return out
}

// ratio is part ÷ whole, of n cases.
func (s *Score) ratio(part, whole int, n int64) estimate {
	return between(over(s.sum(part), s.sum(whole)), s.resampled(part, -1, whole), n)
}

// lead is (part − less) ÷ whole, whose interval and chance of being 0 are of
// the same resamples for both: the test is paired.
func (s *Score) lead(part, less, whole int, n int64) (difference estimate, p float64) {
	differences := s.resampled(part, less, whole)
	p = chance(differences)
	return between(over(s.sum(part)-s.sum(less), s.sum(whole)), differences, n), p
}
