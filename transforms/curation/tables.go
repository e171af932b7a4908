package curation

import (
	"context"
	"io"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/packed"
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

func emptyShard(shard int) (int, []byte) {
	return shard, packed.Encode([]int64{}, []int64{})
}

// tablesFn counts one shard of one kind and writes its part.
type tablesFn struct {
	Config Config
}

func init() {
	register.Function1x2(emptyShard)
	register.DoFn5x1[context.Context, int, func(*[]byte) bool, func([]byte), func(commit.Entry), error](&tablesFn{})
	register.Emitter1[[]byte]()
}

func (f *tablesFn) ProcessElement(ctx context.Context, element int, blocks func(*[]byte) bool, context func([]byte), entry func(commit.Entry)) error {
	items, err := read.LoadItemMap(ctx, f.Config.Output, f.Config.ItemClusters)
	if err != nil {
		return err
	}
	tuples, err := NewTuples(items.Leaves, f.Config.K+1)
	if err != nil {
		return nil // Histories has said so
	}
	var c counted
	for block := []byte(nil); blocks(&block); {
		if err := c.append(block); err != nil {
			return err
		}
	}
	c.merge()
	b, err := store.Open(ctx, f.Config.Output)
	if err != nil {
		return err
	}
	shard := element / kinds
	var receipt store.Receipt
	if element%kinds == kindKeys {
		receipt, err = writePart(ctx, b, schemas.KeysTable, f.Config, shard, c, func(number, users int64, row *schemas.KeyTraffic) {
			row.Key = slices.Grow(row.Key, f.Config.K)[:f.Config.K]
			tuples.Tuple(number, row.Key)
			row.Users = users
		})
		entry(commit.Count(map[string]int64{"keys_with_users": int64(len(c.numbers)), "users_with_key": sum(c.counts)}))
	} else {
		tuple := make([]int32, f.Config.K+1)
		receipt, err = writePart(ctx, b, schemas.TransitionsTable, f.Config, shard, c, func(number, users int64, row *schemas.Transition) {
			tuples.Tuple(number, tuple)
			row.Key, row.Next, row.Users = tuple[:f.Config.K], tuple[f.Config.K], users
		})
		context(f.topContexts(c, int64(len(items.Leaves))))
		entry(commit.Count(map[string]int64{"distinct_transitions": int64(len(c.numbers)), "transitions": sum(c.counts)}))
	}
	if err != nil {
		return err
	}
	entry(commit.Entry{Receipt: &receipt})
	return nil
}

// writePart writes one part of a keyed table, a row a number.
func writePart[T schemas.Keyed](ctx context.Context, b store.Bucket, table string, cfg Config, shard int, c counted, fill func(number, users int64, row *T)) (store.Receipt, error) {
	return store.WriteAttempt(ctx, b, table, cfg.Version, shard, cfg.Shards, tables.Ext, func(w io.Writer) (int64, error) {
		kw := tables.NewKeyedWriter[T](w, cfg.K)
		var row T
		for i, number := range c.numbers {
			fill(number, c.counts[i], &row)
			if err := kw.Write(&row); err != nil {
				return 0, err
			}
		}
		return kw.Close()
	})
}

func sum(ns []int64) int64 {
	var total int64
	for _, n := range ns {
		total += n
	}
	return total
}
