package curation

import (
	"context"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/transforms/commit"
	"foray/transforms/history"
	"foray/transforms/packed"
	"foray/transforms/read"
)

// Config says what is curated.
type Config struct {
	Stage string
	// Output is where tables are; ItemClusters and Clusters the versions that
	// the events' clusters are of; Version the one to write.
	Output, ItemClusters, Clusters, Version string
	// K is the number of clusters of a key.
	K int
	// SetKeys writes keys ascending: the order of use does not matter.
	SetKeys bool
	Until   read.Until
	// Shards is the number of parts of transitions/ and keys/.
	Shards int
	// MinUsers is the least number of users behind an example.
	MinUsers int64
	// ContextsPerLabel bounds the examples of one next cluster.
	ContextsPerLabel int
	// Prompt is the text of the prompt template.
	Prompt string
}

// The kinds of what Histories emits, each with shards of its own.
const (
	kindTransitions = iota
	kindKeys
	kinds
)

// Histories follows every user's history up to the cut and counts transitions
// and keys of each partition, by shard: element shard × kinds + kind.
//
//	blocks PCollection<KV<int,[]byte>>, span PCollection<Span> ->
//	PCollection<KV<int,[]byte>>, PCollection<commit.Entry>
func Histories(s beam.Scope, cfg Config, blocks, span beam.PCollection) (tuples, entries beam.PCollection) {
	s = s.Scope("Follow histories")
	return beam.ParDo2(s, &historiesFn{Config: cfg}, beam.GroupByKey(s, blocks), beam.SideInput{Input: span})
}

// historiesFn counts the transitions and keys of one partition of users.
type historiesFn struct {
	Config Config
}

func init() {
	register.DoFn6x1[context.Context, int, func(*[]byte) bool, read.Span, func(int, []byte), func(commit.Entry), error](&historiesFn{})
	register.Iter1[[]byte]()
}

func (f *historiesFn) ProcessElement(ctx context.Context, _ int, blocks func(*[]byte) bool, span read.Span, emit func(int, []byte), entry func(commit.Entry)) error {
	items, err := read.LoadItemMap(ctx, f.Config.Output, f.Config.ItemClusters)
	if err != nil {
		return err
	}
	tuples, err := NewTuples(items.Leaves, f.Config.K+1)
	if err != nil {
		entry(commit.Fail(err))
		return nil
	}
	events, err := read.Gather(blocks)
	if err != nil {
		return err
	}
	cut := f.Config.Until.Cut(span)
	var found [kinds][][]int64
	for kind := range found {
		found[kind] = make([][]int64, f.Config.Shards)
	}
	add := func(kind, size int, number int64) {
		shard := tuples.Shard(number, size, f.Config.Shards)
		found[kind][shard] = append(found[kind][shard], number)
	}
	w := history.NewWalker(f.Config.K)
	users := int64(0)
	training := int64(0)
	events.EachUser(func(_ int64, h []read.Event) {
		w.Reset()
		n := 0
		for n < len(h) && h[n].Time < cut {
			if key, ok := w.Step(int32(h[n].Item)); ok {
				add(kindTransitions, f.Config.K+1, tuples.Number(f.canonical(key), int32(h[n].Item)))
			}
			n++
		}
		if n == 0 {
			return
		}
		users++
		training += int64(n)
		if key, ok := w.Key(); ok {
			add(kindKeys, f.Config.K, tuples.Number(f.canonical(key)))
		}
	})
	for kind := range found {
		for shard, numbers := range found[kind] {
			if len(numbers) > 0 {
				c := count(numbers)
				emit(shard*kinds+kind, packed.Encode(c.numbers, c.counts))
			}
		}
	}
	entry(commit.Count(map[string]int64{"training_users": users, "training_events": training}))
	entry(commit.Entry{Tally: &commit.Tally{Most: map[string]int64{CutMicros: cut}}})
	return nil
}

// CutMicros is the name under which a manifest counts the moment of the cut,
// in microseconds since 1970.
const CutMicros = "train_until_micros"

func (f *historiesFn) canonical(key []int32) []int32 {
	if f.Config.SetKeys {
		slices.Sort(key) // the walker's copy, ours until its next step
	}
	return key
}
