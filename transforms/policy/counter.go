package policy

import (
	"cmp"
	"iter"
	"math"
	"slices"
)

// Window is how many items back a transition reaches, and how many of the
// last items of a history are asked for what follows them.
const Window = 5

// Decay is what each step of distance leaves of a weight. Window and Decay
// are those that did best on MovieTweetings (HR@10 .205, leave last out; with
// the last item alone .172); .6 and .8 differ by less than a standard error.
const Decay = 0.7

// DefaultSuccessors is how many successors an item keeps unless told. On
// MovieTweetings 50, 200 and all of them rank equally well.
const DefaultSuccessors = 200

// weights[d] is Decay^(d−1), the weight of one pair at distance d.
var weights = func() (w [Window + 1]float64) {
	for d := 1; d <= Window; d++ {
		w[d] = math.Pow(Decay, float64(d-1))
	}
	return w
}()

// Transition is how strongly users who engaged with Item go on to Next.
type Transition struct {
	Item, Next int32
	// Weight sums Decay^(distance−1) over all pairs counted. Where Next is
	// Item it is the item's number of events, its popularity.
	Weight float64
}

// Counter counts, over many histories, how often an item is followed by
// another one at each distance 1 … Window. Counts are integers and are kept
// sorted, so the order in which histories and blocks come, and how they are
// spread over counters, leaves no trace. Memory: 12 bytes a distinct
// (item, next, distance). It is not safe for use by several goroutines; the
// zero value is ready.
type Counter struct {
	// tallies[0] holds each item paired with itself once an event; the
	// others hold the pairs at that distance.
	tallies [Window + 1]tally
}

// Add counts one user's items, oldest first. Negative numbers (events whose
// item is unknown) are skipped as if they were not there; an item does not
// follow itself.
func (c *Counter) Add(history []int32) {
	var last [Window]int32 // ring of the last items
	seen := 0
	for _, next := range history {
		if next < 0 {
			continue
		}
		c.tallies[0].add(pack(next, next))
		for d := 1; d <= min(seen, Window); d++ {
			if item := last[(seen-d)%Window]; item != next {
				c.tallies[d].add(pack(item, next))
			}
		}
		last[seen%Window] = next
		seen++
	}
}

// Transitions yields, item by item in ascending order, the item's popularity
// (Next == Item) and then its successors by descending weight, ties by Next,
// no more than top of them (all if top ≤ 0).
func (c *Counter) Transitions(top int) iter.Seq[Transition] {
	for i := range c.tallies {
		c.tallies[i].settle()
	}
	return func(yield func(Transition) bool) {
		var at [Window + 1]int
		var row []Transition
		for {
			item, found := int32(math.MaxInt32), false
			for i := range c.tallies {
				if t := &c.tallies[i]; at[i] < len(t.keys) {
					item, found = min(item, first(t.keys[at[i]])), true
				}
			}
			if !found {
				return
			}
			row = c.row(row[:0], &at, item)
			slices.SortFunc(row, func(a, b Transition) int {
				return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Next, b.Next))
			})
			own := c.popularity(&at, item)
			if own.Weight > 0 && !yield(own) {
				return
			}
			if top > 0 && len(row) > top {
				row = row[:top]
			}
			for _, t := range row {
				if !yield(t) {
					return
				}
			}
		}
	}
}

// row appends item's successors and moves at past its pairs. The weight of a
// pair is summed from distance 1 upwards, always in that order.
func (c *Counter) row(row []Transition, at *[Window + 1]int, item int32) []Transition {
	for {
		next, found := uint64(math.MaxUint64), false
		for d := 1; d <= Window; d++ {
			if t := &c.tallies[d]; at[d] < len(t.keys) && first(t.keys[at[d]]) == item {
				next, found = min(next, t.keys[at[d]]), true
			}
		}
		if !found {
			return row
		}
		var weight float64
		for d := 1; d <= Window; d++ {
			if t := &c.tallies[d]; at[d] < len(t.keys) && t.keys[at[d]] == next {
				weight += float64(t.counts[at[d]]) * weights[d]
				at[d]++
			}
		}
		row = append(row, Transition{Item: item, Next: second(next), Weight: weight})
	}
}

// popularity takes item's own count, 0 if it has none.
func (c *Counter) popularity(at *[Window + 1]int, item int32) Transition {
	own := Transition{Item: item, Next: item}
	if t := &c.tallies[0]; at[0] < len(t.keys) && first(t.keys[at[0]]) == item {
		own.Weight = float64(t.counts[at[0]])
		at[0]++
	}
	return own
}

func pack(item, next int32) uint64 { return uint64(item)<<32 | uint64(next) }
func first(pair uint64) int32      { return int32(pair >> 32) }
func second(pair uint64) int32     { return int32(pair & math.MaxUint32) }
