package evaluation

import (
	"maps"
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

// Score adds users' measures up. Scores of any users merge by adding.
type Score struct {
	// Users had a case.
	Users int64
	// Sums are by measure, Boots the same in each resample: Replicates to a
	// measure. Both are nil where nothing was added.
	Sums, Boots []int64
	// Keys are the keys that the users shown on the page have now, by hash.
	Keys map[int64][]int32
	// Missed are the keys whose users were foreseen worst, the worst first.
	Missed []missed
}

// Add counts one user, of a hash that tells users apart and chooses how often
// each resample draws this one.
func (s *Score) Add(user uint64, sums []int64) {
	if s.Sums == nil {
		s.Sums, s.Boots = make([]int64, len(sums)), make([]int64, len(sums)*Replicates)
	}
	s.Users++
	var w weights
	w.draw(user, 1)
	for m, n := range sums {
		if n == 0 {
			continue
		}
		s.Sums[m] += n
		addTimes((*weights)(s.Boots[m*Replicates:]), &w, n)
	}
}

// addTimes adds n times w to boots.
func addTimes(boots, w *weights, n int64) {
	for r, v := range w {
		boots[r] += v * n
	}
}

// Merge adds another score of the same planners.
func (s *Score) Merge(o *Score) {
	s.Users += o.Users
	if s.Sums == nil && o.Sums != nil {
		s.Sums, s.Boots = make([]int64, len(o.Sums)), make([]int64, len(o.Boots))
	}
	addTo(s.Sums, o.Sums)
	addTo(s.Boots, o.Boots)
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

// sum is a measure; 0 where nothing was added.
func (s *Score) sum(measure int) int64 {
	if s.Sums == nil {
		return 0
	}
	return s.Sums[measure]
}

// resampled gives part ÷ whole in each resample; less, where it is not −1, is
// taken from part.
func (s *Score) resampled(part, less, whole int) []float64 {
	out := make([]float64, Replicates)
	for r := range out {
		n := s.Boots[part*Replicates+r]
		if less >= 0 {
			n -= s.Boots[less*Replicates+r]
		}
		out[r] = over(n, s.Boots[whole*Replicates+r])
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
