package evaluation

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"foray/transforms/history"
	"foray/transforms/packed"
	"foray/transforms/partition"
	"foray/transforms/spill"
)

// A case is a transition after the cut. What became of it under each planner
// is packed into one number: a bit for the user's first case of that key, and
// below it for each of up to five planners, from the lowest,
//
//	4 bits  place of the new cluster among the plans, noPlace for none
//	4 bits  its place among the plans that the user never had
//	1 bit   the first plan is met from here on
//	1 bit   the user never had the first plan
//	1 bit   there is a first plan
//	1 bit   it is none of this user's first plans before
type outcome uint64

const (
	outcomeBits = 12
	noPlace     = 15
	bitHit      = 1 << 8
	bitFresh    = 1 << 9
	bitPlanned  = 1 << 10
	bitAnother  = 1 << 11
	bitFirstKey = 1 << 60
)

// under is the outcome under one planner, by the bits above.
func (o outcome) under(planner int) outcome { return o >> (outcomeBits * planner) }

func (o outcome) place() int      { return int(o & 15) }
func (o outcome) freshPlace() int { return int(o >> 4 & 15) }

// cases are columns of cases, all of a user in a row.
type cases struct {
	users, keys, outcomes []int64
}

// put packs cases, to wait in a folder if there is one.
func (c *cases) put(folder string) ([]byte, error) {
	out := spill.NewWriter(folder)
	element, err := out.Put(packed.Encode(c.users, c.keys, c.outcomes))
	return element, errors.Join(err, out.Close())
}

func takeCases(element []byte) (c cases, err error) {
	var in spill.Reader
	defer in.Close()
	block, err := in.Get(element)
	if err != nil {
		return c, err
	}
	return c, packed.Decode(block, &c.users, &c.keys, &c.outcomes)
}

// witness follows one user after the other, and writes down their cases.
type witness struct {
	*book
	cases cases
	// nexts are the clusters met, by rank, beside the cases.
	nexts []int64

	walker      *history.Walker
	first, last []int32 // of each rank: the places where the user meets it
	seenKeys    []int64
	seenPlans   [][]uint16 // by planner
	room        asking
}

// never is the first place of a cluster that the user does not meet.
const never = 1<<31 - 1

func newWitness(b *book) *witness {
	n := len(b.world.Leaves)
	w := &witness{book: b, walker: history.NewWalker(b.world.Space.K()), first: make([]int32, n), last: make([]int32, n), seenPlans: make([][]uint16, len(b.planners))}
	for r := range w.first {
		w.first[r], w.last[r] = never, -1
	}
	return w
}

// user writes down the cases of one history, of events with clusters for
// items, and gives the key it ends in.
func (w *witness) user(hash int64, h []partition.Event, cut int64) (key []int32, ok bool, err error) {
	w.walker.Reset()
	w.seenKeys = w.seenKeys[:0]
	for p := range w.seenPlans {
		w.seenPlans[p] = w.seenPlans[p][:0]
	}
	for i, e := range h {
		r := w.rank(int32(e.Item))
		if r < 0 {
			return nil, false, fmt.Errorf("item_clusters names cluster %d, which is no leaf of clusters: make both again", e.Item)
		}
		w.first[r] = min(w.first[r], int32(i))
		w.last[r] = int32(i)
	}
	for i, e := range h {
		key, ok := w.walker.Step(int32(e.Item))
		if !ok || e.Time < cut {
			continue
		}
		if w.set {
			slices.Sort(key)
		}
		number, ok := w.numberOf(key)
		if !ok {
			continue
		}
		next := uint16(w.rank(int32(e.Item)))
		w.cases.users = append(w.cases.users, hash)
		w.cases.keys = append(w.cases.keys, number)
		w.cases.outcomes = append(w.cases.outcomes, int64(w.judge(int32(i), next, number, w.of(key, number, &w.room))))
		w.nexts = append(w.nexts, int64(next))
	}
	for _, e := range h {
		r := w.rank(int32(e.Item))
		w.first[r], w.last[r] = never, -1
	}
	key, ok = w.walker.Key()
	return key, ok, nil
}

// judge holds the plans of a key against what the user met at a place of the
// history.
func (w *witness) judge(at int32, next uint16, number int64, plans []uint16) (o outcome) {
	if !slices.Contains(w.seenKeys, number) {
		w.seenKeys = append(w.seenKeys, number)
		o |= bitFirstKey
	}
	for p := range w.planners {
		place, freshPlace, fresh := noPlace, noPlace, 0
		list := plans[p*listed:][:listed]
		for i, plan := range list {
			if plan == noPlan {
				break
			}
			if plan == next {
				place, freshPlace = i, fresh
				break
			}
			if w.first[plan] >= at {
				fresh++
			}
		}
		one := outcome(place | freshPlace<<4)
		if plan := list[0]; plan != noPlan {
			one |= bitPlanned
			if w.last[plan] >= at {
				one |= bitHit
			}
			if w.first[plan] >= at {
				one |= bitFresh
			}
			if !slices.Contains(w.seenPlans[p], plan) {
				w.seenPlans[p] = append(w.seenPlans[p], plan)
				one |= bitAnother
			}
		}
		o |= one << (outcomeBits * p)
	}
	return o
}

// counted are cases of one key and next cluster, as a row.
type counted struct{ key, next, users int64 }

func compareCounted(a, b counted) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.next, b.next))
}

// count counts the cases by key and next cluster, sorted by both.
func (w *witness) count() []byte {
	rows := make([]counted, len(w.nexts))
	for i, next := range w.nexts {
		rows[i] = counted{w.cases.keys[i], next, 1}
	}
	return packCounted(sumCounted(rows))
}

// sumCounted sorts rows and joins those of one key and next.
func sumCounted(rows []counted) []counted {
	slices.SortFunc(rows, compareCounted)
	kept := rows[:0]
	for _, r := range rows {
		if n := len(kept); n > 0 && compareCounted(kept[n-1], r) == 0 {
			kept[n-1].users += r.users
		} else {
			kept = append(kept, r)
		}
	}
	return kept
}

func packCounted(rows []counted) []byte {
	columns := [3][]int64{}
	for i := range columns {
		columns[i] = make([]int64, len(rows))
	}
	for i, r := range rows {
		columns[0][i], columns[1][i], columns[2][i] = r.key, r.next, r.users
	}
	return packed.Encode(columns[:]...)
}

func appendCounted(rows []counted, block []byte) ([]counted, error) {
	var columns [3][]int64
	if err := packed.Decode(block, &columns[0], &columns[1], &columns[2]); err != nil {
		return rows, err
	}
	for i := range columns[0] {
		rows = append(rows, counted{columns[0][i], columns[1][i], columns[2][i]})
	}
	return rows, nil
}
