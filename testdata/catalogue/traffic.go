package catalogue

import (
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
)

const (
	// meetChance is the chance of an event to be the first in a new interest,
	// for a user who has met none but the first; it falls as interests pile
	// up, and is halved at saturation of them.
	meetChance = 0.28
	saturation = 24
	// latestChance and otherChance are those of an event in a known interest
	// to be in the last, or in the last but one; else it is in any.
	latestChance = 0.72
	otherChance  = 0.22

	// activitySpread is the standard deviation of the logarithm of a user's
	// number of events, and activityLimit cuts it, in standard deviations.
	activitySpread = 0.6
	activityLimit  = 3

	// regulars are active over the last fifth of the span, and most of what
	// goes before; the others come and go.
	regulars = 0.8

	tieChance = 0.02 // two events of one interest in the same second

	// Users rarely engage twice with an item: one in their last memory events
	// is redrawn, at most redraws times.
	memory  = 64
	redraws = 2

	// Ratings vary with the item's quality and the user's taste.
	meanRating, tasteSpread = 3.9, 0.8
)

// makeEvents lets every user drift. Users are independent of each other, so
// that the cores may share them.
func (w *World) makeEvents(o Options) []Event {
	counts := eventCounts(o)
	events := make([]Event, o.Events)
	const block = 1024 // users
	var (
		wait   sync.WaitGroup
		blocks = make(chan [2]int) // first user, its first event
	)
	for range min(runtime.GOMAXPROCS(0), (o.Users+block-1)/block) {
		wait.Go(func() {
			source := newSource(0, 0)
			rng := rand.New(source)
			for b := range blocks {
				at := b[1]
				for u := b[0]; u < min(b[0]+block, o.Users); u++ {
					source.Seed(mix(o.Seed), mix(o.Seed^mix(streamUsers+uint64(u))))
					w.userEvents(int32(u), events[at:at+counts[u]], rng)
					at += counts[u]
				}
			}
		})
	}
	at := 0
	for u, n := range counts {
		if u%block == 0 {
			blocks <- [2]int{u, at}
		}
		at += n
	}
	close(blocks)
	wait.Wait()
	return sortByTime(events)
}

func eventCounts(o Options) []int {
	rng := stream(o.Seed, streamActivity)
	weights := make([]float64, o.Users)
	for u := range weights {
		z := max(-activityLimit, min(activityLimit, rng.NormFloat64()))
		weights[u] = math.Exp(activitySpread * z)
	}
	return shareOut(o.Events, 1, weights)
}

// userEvents fills the events of one user, in the order of time.
func (w *World) userEvents(user int32, events []Event, rng *rand.Rand) {
	t := w.Truth
	interests := make([]int32, len(events))
	t.walk(interests, rng)
	fillTimes(events, interests, rng)
	for i, interest := range interests {
		item := t.traffic[interest].draw(rng)
		for range redraws {
			if !engaged(events[max(0, i-memory):i], item) {
				break
			}
			item = t.traffic[interest].draw(rng)
		}
		events[i].User, events[i].Item, events[i].Rating = user, item, rate(t.quality[item], rng)
	}
}

func engaged(events []Event, item int32) bool {
	for i := range events {
		if events[i].Item == item {
			return true
		}
	}
	return false
}

// walk fills in the interests of one user's events.
func (t *Truth) walk(out []int32, rng *rand.Rand) {
	var met bitset
	var all []int32 // in the order of meeting
	a, b := int32(-1), int32(-1)
	for i := range out {
		x := b
		meets := rng.Float64() < meetChance/(1+float64(len(all))/saturation)
		switch {
		case b < 0:
			x = t.drift.background.draw(rng)
		case meets && a < 0:
			x = t.drift.second(b, rng)
		case meets && len(all) < t.drift.n:
			x = t.drift.meet(a, b, &met, rng)
		default:
			if u := rng.Float64(); u >= latestChance+otherChance {
				x = all[rng.IntN(len(all))]
			} else if u >= latestChance && a >= 0 {
				x = a
			}
		}
		if !met.has(x) {
			met.add(x)
			all = append(all, x)
		}
		if x != b {
			a, b = b, x
		}
		out[i] = x
	}
}

// fillTimes spreads the events over the user's time as a Poisson process
// would. Only events of one interest may share a second: the order of the
// others is what the drift is made of.
func fillTimes(events []Event, interests []int32, rng *rand.Rand) {
	span := float64(End.Unix() - Start.Unix())
	from, to := 0.5*rng.Float64(), 0.85+0.15*rng.Float64()
	if rng.Float64() >= regulars {
		from = 0.9 * rng.Float64()
		to = from + 0.05 + (0.95-from)*rng.Float64()
	}
	// Moving what shares a second costs at most a second an event.
	last := min(to*span, span-float64(len(events))-1)
	first := min(from*span, last)

	gaps := make([]float64, len(events)+1)
	var sum float64
	for i := range gaps {
		if i > 0 && i < len(events) && interests[i] == interests[i-1] && rng.Float64() < tieChance {
			continue
		}
		gaps[i] = rng.ExpFloat64()
		sum += gaps[i]
	}
	var run float64
	for i := range events {
		run += gaps[i]
		at := int32(Start.Unix()) + int32(first+(last-first)*run/sum)
		if i > 0 {
			earliest := events[i-1].Time
			if interests[i] != interests[i-1] {
				earliest++
			}
			at = max(at, earliest)
		}
		events[i].Time = at
	}
}

// rate gives the stars of one engagement with an item of that quality.
func rate(quality float64, rng *rand.Rand) uint8 {
	return uint8(max(1, min(5, math.Round(meanRating+quality+tasteSpread*rng.NormFloat64()))))
}

// sortByTime sorts by time and leaves the order of equals, in two counting
// passes: the span has less than 2^24 seconds. It uses events as scratch.
func sortByTime(events []Event) []Event {
	const digit = 12
	start := int32(Start.Unix())
	from, to := events, make([]Event, len(events))
	for shift := 0; shift < 2*digit; shift += digit {
		var at [1 << digit]int
		for i := range from {
			at[(from[i].Time-start)>>shift&(1<<digit-1)]++
		}
		sum := 0
		for i, n := range at {
			at[i] = sum
			sum += n
		}
		for i := range from {
			d := (from[i].Time - start) >> shift & (1<<digit - 1)
			to[at[d]] = from[i]
			at[d]++
		}
		from, to = to, from
	}
	return from
}
