package curation

import (
	"context"
	"io"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/schemas"
	"foray/transforms/bundle"
	"foray/transforms/commit"
	"foray/transforms/partition"
	"foray/transforms/read"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// Tables writes transitions/ and keys/, a part a shard, and hands each shard's
// most frequent contexts of each next cluster on to Training.
//
//	tuples PCollection<KV<int,[]byte>> ->
//	contexts PCollection<[]byte>, PCollection<commit.Entry>
func Tables(s beam.Scope, cfg Config, tuples beam.PCollection) (contexts, entries beam.PCollection) {
	s = s.Scope("Count")
	numbers := make([]int, cfg.Shards*kinds)
	for i := range numbers {
		numbers[i] = i
	}
	// Every shard has a part, also where nothing was counted.
	empty := beam.ParDo(s, emptyShard, beam.CreateList(s, numbers))
	return beam.ParDo2(s, &tablesFn{Config: cfg}, beam.GroupByKey(s, beam.Flatten(s, tuples, empty)))
}

func emptyShard(shard int) (int, []byte) { return shard, encodeNumbers(nil) }

// tablesFn counts shards of one kind and writes their parts.
type tablesFn struct {
	Config Config

	work bundle.Work[func(tablesOut)]
}

// tablesOut are the outputs of tablesFn.
type tablesOut struct {
	contexts func([]byte)
	entry    func(commit.Entry)
}

func (out tablesOut) take(put func(tablesOut)) { put(out) }

func init() {
	register.Function1x2(emptyShard)
	register.DoFn5x1[context.Context, int, func(*[]byte) bool, func([]byte), func(commit.Entry), error](&tablesFn{})
	register.Emitter1[[]byte]()
}

// ProcessElement starts to count one shard of one kind.
func (f *tablesFn) ProcessElement(ctx context.Context, element int, blocks func(*[]byte) bool, contexts func([]byte), entry func(commit.Entry)) error {
	taken := partition.Take(blocks)
	return f.work.Go(ctx, func(ctx context.Context, give func(func(tablesOut))) error {
		return f.Config.write(ctx, element, taken, give)
	}, tablesOut{contexts, entry}.take)
}

// FinishBundle waits for all shards.
func (f *tablesFn) FinishBundle(_ context.Context, contexts func([]byte), entry func(commit.Entry)) error {
	return f.work.Wait(tablesOut{contexts, entry}.take)
}

// write counts one shard of one kind and writes its part.
func (cfg Config) write(ctx context.Context, element int, blocks [][]byte, give func(func(tablesOut))) error {
	items, err := read.LoadItemMap(ctx, cfg.Output, cfg.ItemClusters)
	if err != nil {
		return err
	}
	tuples, err := NewTuples(items.Leaves, cfg.K+1)
	if err != nil {
		return nil // Histories has said so
	}
	var numbers []uint64
	for _, block := range blocks {
		if numbers, err = decodeNumbers(numbers, block); err != nil {
			return err
		}
	}
	sortNumbers(numbers, make([]uint64, len(numbers)))
	b, err := store.Open(ctx, cfg.Output)
	if err != nil {
		return err
	}
	var receipt store.Receipt
	var counts commit.Entry
	shard := element / kinds
	if element%kinds == kindKeys {
		receipt, err = writePart(ctx, b, schemas.KeysTable, cfg, shard, numbers, func(number uint64, users int64, row *schemas.KeyTraffic) {
			row.Key = slices.Grow(row.Key, cfg.K)[:cfg.K]
			tuples.Tuple(number, row.Key)
			row.Users = users
		})
		counts = commit.Count(map[string]int64{"keys_with_users": receipt.Rows, "users_with_key": int64(len(numbers))})
	} else {
		tuple := make([]int32, cfg.K+1)
		best := newTop(len(items.Leaves), cfg.ContextsPerLabel, cfg.MinUsers)
		receipt, err = writePart(ctx, b, schemas.TransitionsTable, cfg, shard, numbers, func(number uint64, users int64, row *schemas.Transition) {
			tuples.Tuple(number, tuple)
			row.Key, row.Next, row.Users = tuple[:cfg.K], tuple[cfg.K], users
			best.add(candidate{number, users})
		})
		contexts := best.encode()
		give(func(out tablesOut) { out.contexts(contexts) })
		counts = commit.Count(map[string]int64{"distinct_transitions": receipt.Rows, "transitions": int64(len(numbers))})
	}
	if err != nil {
		return err
	}
	give(func(out tablesOut) {
		out.entry(commit.Entry{Receipt: &receipt})
		out.entry(counts)
	})
	return nil
}

// writePart writes one part of a keyed table, a row a distinct number.
func writePart[T schemas.Keyed](ctx context.Context, b store.Bucket, table string, cfg Config, shard int, numbers []uint64, fill func(number uint64, users int64, row *T)) (store.Receipt, error) {
	return store.WriteAttempt(ctx, b, table, cfg.Version, shard, cfg.Shards, tables.Ext, func(w io.Writer) (int64, error) {
		kw := tables.NewKeyedWriter[T](w, cfg.K)
		var row T
		var err error
		runs(numbers, func(number uint64, users int64) {
			fill(number, users, &row)
			if err == nil {
				err = kw.Write(&row)
			}
		})
		if err != nil {
			return 0, err
		}
		return kw.Close()
	})
}
