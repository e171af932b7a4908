// Package clustering turns items and events into interest clusters: the
// transform around embed, balance and describe.
package clustering

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/transforms/bundle"
	"foray/transforms/commit"
	"foray/transforms/packed"
	"foray/transforms/partition"
	"foray/transforms/read"
	"foray/transforms/spill"
)

// Baskets gathers, of each partition of users, which user engaged with which
// item how often before the cut: what traffic and co-engagement are counted
// from, in one block a partition.
//
//	blocks PCollection<KV<int,[]byte>> (read.ItemHash) ->
//	PCollection<[]byte>, PCollection<commit.Entry>
func Baskets(s beam.Scope, cfg Config, blocks beam.PCollection) (baskets, entries beam.PCollection) {
	s = s.Scope("Gather baskets")
	return beam.ParDo2(s, &basketsFn{Config: cfg}, beam.GroupByKey(s, blocks))
}

// basketsFn packs partitions: columns user, item hash, events.
type basketsFn struct {
	Config Config

	work bundle.Work[func(basketsOut)]
}

// basketsOut are the outputs of basketsFn.
type basketsOut struct {
	baskets func([]byte)
	entry   func(commit.Entry)
}

func (out basketsOut) take(put func(basketsOut)) { put(out) }

func init() {
	register.DoFn5x1[context.Context, int, func(*[]byte) bool, func([]byte), func(commit.Entry), error](&basketsFn{})
	register.Iter1[[]byte]()
	register.Emitter1[[]byte]()
	register.Emitter1[commit.Entry]()
}

// ProcessElement starts to pack one partition.
func (f *basketsFn) ProcessElement(ctx context.Context, number int, blocks func(*[]byte) bool, baskets func([]byte), entry func(commit.Entry)) error {
	taken := partition.Take(blocks)
	return f.work.Go(ctx, func(_ context.Context, give func(func(basketsOut))) error {
		return f.Config.pack(number, taken, give)
	}, basketsOut{baskets, entry}.take)
}

// FinishBundle waits for all partitions.
func (f *basketsFn) FinishBundle(_ context.Context, baskets func([]byte), entry func(commit.Entry)) error {
	return f.work.Wait(basketsOut{baskets, entry}.take)
}

// pack packs one partition.
func (cfg Config) pack(number int, blocks partition.Blocks, give func(func(basketsOut))) error {
	events, err := blocks.Load()
	if err != nil {
		return err
	}
	sight := partition.Sight{Cut: cfg.Until.Cut(events.Span), Last: events.Span.Last}
	var users, items, counts []int64
	seen, training := int64(0), int64(0)
	entries := events.EachKept(cfg.Stage, cfg.Keep, sight, func(user int64, h []partition.Event) {
		seen++
		training += int64(len(h))
		slices.SortFunc(h, func(a, b partition.Event) int { return cmp.Compare(a.Item, b.Item) })
		for i, e := range h {
			if i > 0 && h[i-1].Item == e.Item {
				counts[len(counts)-1]++
				continue
			}
			users = append(users, partition.FullHash(number, user))
			items = append(items, e.Item)
			counts = append(counts, 1)
		}
	})
	entries = append(entries, commit.Count(map[string]int64{"training_users": seen, "training_events": training}))
	var element []byte
	if len(users) > 0 {
		w := spill.NewWriter(cfg.Spill)
		element, err = w.Put(packed.Encode(users, items, counts))
		if err := errors.Join(err, w.Close()); err != nil {
			return err
		}
	}
	give(func(out basketsOut) {
		if element != nil {
			out.baskets(element)
		}
		for _, e := range entries {
			out.entry(e)
		}
	})
	return nil
}

// engagement is all baskets, with items by their place in the catalogue.
type engagement struct {
	// Baskets hold each user's distinct items, ascending; users by their hash.
	Baskets [][]int32
	// Events counts the training events of each item.
	Events []float64
	// Known and Unknown count training events of items in the catalogue and
	// of others.
	Known, Unknown int64
}

// engage joins blocks of baskets, each with all items of its users, with a
// catalogue of item ids; it keeps the baskets if it is asked to.
func engage(ids []string, blocks func(*[]byte) bool, keep bool) (*engagement, error) {
	places := make(map[int64]int32, len(ids))
	for i, id := range ids {
		places[read.HashItem(id)] = int32(i)
	}
	type basket struct {
		user  int64
		items []int32
	}
	var baskets []basket
	e := &engagement{Events: make([]float64, len(ids))}
	var waiting spill.Reader
	defer waiting.Close()
	for element := []byte(nil); blocks(&element); {
		block, err := waiting.Get(element)
		if err != nil {
			return nil, err
		}
		var users, items, counts []int64
		if err := packed.Decode(block, &users, &items, &counts); err != nil {
			return nil, err
		}
		first := len(baskets)
		var room []int32 // of all baskets of the block
		if keep {
			room = make([]int32, 0, len(items))
		}
		for i, item := range items {
			at, ok := places[item]
			if !ok {
				e.Unknown += counts[i]
				continue
			}
			e.Known += counts[i]
			e.Events[at] += float64(counts[i])
			if !keep {
				continue
			}
			room = append(room, at)
			if n := len(baskets); n > first && baskets[n-1].user == users[i] {
				last := &baskets[n-1].items
				*last = room[len(room)-1-len(*last):]
			} else {
				baskets = append(baskets, basket{users[i], room[len(room)-1:]})
			}
		}
	}
	slices.SortFunc(baskets, func(a, b basket) int { return cmp.Compare(a.user, b.user) })
	e.Baskets = make([][]int32, len(baskets))
	for i, b := range baskets {
		slices.Sort(b.items)
		e.Baskets[i] = b.items
	}
	return e, nil
}

// of is the engagement with some of the items, ascending; the events of the
// others do not count.
func (e *engagement) of(items []int32) *engagement {
	if len(items) == len(e.Events) {
		return e
	}
	some := &engagement{Events: make([]float64, len(items)), Unknown: e.Unknown}
	number := make([]int32, len(e.Events))
	for i := range number {
		number[i] = -1
	}
	for i, item := range items {
		number[item] = int32(i)
		some.Events[i] = e.Events[item]
		some.Known += int64(e.Events[item])
	}
	for _, basket := range e.Baskets {
		var kept []int32
		for _, item := range basket {
			if n := number[item]; n >= 0 {
				kept = append(kept, n)
			}
		}
		if len(kept) > 0 {
			some.Baskets = append(some.Baskets, kept)
		}
	}
	return some
}
