package curation

import (
	"context"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/transforms/bundle"
	"foray/transforms/commit"
	"foray/transforms/history"
	"foray/transforms/partition"
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
	Keep    partition.Keep
	// Shards is the number of parts of transitions/ and keys/.
	Shards int
	// MinUsers is the least number of users behind an example,
	// AlignmentMinUsers behind one of alignment/.
	MinUsers, AlignmentMinUsers int64
	// Curation is the way to choose examples, one of Curations.
	Curation string
	// ContextsPerLabel is the number of examples of one next cluster.
	ContextsPerLabel int
	// ValidationShare of the keys are held out of training, in [0, 1].
	ValidationShare float64
	// TrainingPrice is that of a million tokens of training, in dollars.
	TrainingPrice float64
	// Seed decides everything that is drawn.
	Seed uint64
	// Prompt is the text of the prompt template.
	Prompt string
	// ChatFormat is the format of examples, one of ChatFormats; "" is the first.
	ChatFormat string
}

// The kinds of what Histories emits, each with shards of its own.
const (
	kindTransitions = iota
	kindKeys
	kinds
)

// Histories follows every user's history up to the cut and counts transitions
// and keys of each partition, by shard: element shard × kinds + kind. A
// transition's number stands there twice as large, and, once for each later
// event of its user with its next cluster (at most mostLater), one more.
//
//	blocks PCollection<KV<int,[]byte>> ->
//	PCollection<KV<int,[]byte>>, PCollection<commit.Entry>
func Histories(s beam.Scope, cfg Config, blocks beam.PCollection) (tuples, entries beam.PCollection) {
	s = s.Scope("Follow histories")
	return beam.ParDo2(s, &historiesFn{Config: cfg}, beam.GroupByKey(s, blocks))
}

// historiesFn counts the transitions and keys of partitions of users.
type historiesFn struct {
	Config Config

	work bundle.Work[func(historiesOut)]
}

// historiesOut are the outputs of historiesFn.
type historiesOut struct {
	tuples func(int, []byte)
	entry  func(commit.Entry)
}

func (out historiesOut) take(put func(historiesOut)) { put(out) }

func init() {
	register.DoFn5x1[context.Context, int, func(*[]byte) bool, func(int, []byte), func(commit.Entry), error](&historiesFn{})
	register.Iter1[[]byte]()
}

// ProcessElement starts to follow the histories of one partition.
func (f *historiesFn) ProcessElement(ctx context.Context, _ int, blocks func(*[]byte) bool, tuples func(int, []byte), entry func(commit.Entry)) error {
	taken := partition.Take(blocks)
	return f.work.Go(ctx, func(ctx context.Context, give func(func(historiesOut))) error {
		return f.Config.follow(ctx, taken, give)
	}, historiesOut{tuples, entry}.take)
}

// FinishBundle waits for all partitions.
func (f *historiesFn) FinishBundle(_ context.Context, tuples func(int, []byte), entry func(commit.Entry)) error {
	return f.work.Wait(historiesOut{tuples, entry}.take)
}

// follow follows the histories of one partition.
func (cfg Config) follow(ctx context.Context, blocks partition.Blocks, give func(func(historiesOut))) error {
	items, err := read.LoadItemMap(ctx, cfg.Output, cfg.ItemClusters)
	if err != nil {
		return err
	}
	tuples, err := NewTuples(items.Leaves, cfg.K+1)
	if err != nil {
		failure := commit.Fail(err)
		give(func(out historiesOut) { out.entry(failure) })
		return nil
	}
	events, err := blocks.Load()
	if err != nil {
		return err
	}
	cut := cfg.Until.Cut(events.Span)
	found := make([][]uint64, cfg.Shards*kinds)
	w := history.NewWalker(cfg.K)
	times := map[int32]int{} // a user's events with each cluster
	type met struct {
		at      int
		number  uint64
		cluster int32
	}
	var made []met // a user's transitions
	var users, training int64
	entries := events.EachKept(cfg.Stage, cfg.Keep, partition.Sight{Cut: cut, Last: events.Span.Last}, func(_ int64, h []partition.Event) {
		w.Reset()
		clear(times)
		made = made[:0]
		for _, e := range h {
			times[int32(e.Item)]++
			if key, ok := w.Step(int32(e.Item)); ok {
				key = cfg.canonical(key)
				at := tuples.Shard(key[0], cfg.Shards)*kinds + kindTransitions
				made = append(made, met{at, 2 * tuples.Number(key, int32(e.Item)), int32(e.Item)})
			}
		}
		for _, m := range made {
			found[m.at] = append(found[m.at], m.number)
			for range min(times[m.cluster]-1, mostLater) {
				found[m.at] = append(found[m.at], m.number+1)
			}
		}
		users++
		training += int64(len(h))
		if key, ok := w.Key(); ok {
			key = cfg.canonical(key)
			at := tuples.Shard(key[0], cfg.Shards)*kinds + kindKeys
			found[at] = append(found[at], tuples.Number(key))
		}
	})
	entries = append(entries,
		commit.Count(map[string]int64{"training_users": users, "training_events": training}),
		commit.Entry{Tally: &commit.Tally{Most: map[string]int64{CutMicros: cut}}})
	var room []uint64
	for shard, numbers := range found {
		if len(numbers) == 0 {
			continue
		}
		room = slices.Grow(room[:0], len(numbers))[:len(numbers)]
		sortNumbers(numbers, room)
		block := encodeNumbers(numbers)
		give(func(out historiesOut) { out.tuples(shard, block) })
	}
	give(func(out historiesOut) {
		for _, e := range entries {
			out.entry(e)
		}
	})
	return nil
}

// CutMicros is the name under which a manifest counts the moment of the cut,
// in microseconds since 1970.
const CutMicros = "train_until_micros"

func (cfg Config) canonical(key []int32) []int32 {
	if cfg.SetKeys {
		slices.Sort(key) // the walker's copy, ours until its next step
	}
	return key
}
