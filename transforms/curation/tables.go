package curation

import (
	"context"
	"io"

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

// Tables writes transitions/ and keys/, a part a shard, and hands on to
// Training what examples are chosen from.
//
//	tuples PCollection<KV<int,[]byte>> ->
//	samples PCollection<Sampled>, PCollection<commit.Entry>
func Tables(s beam.Scope, cfg Config, tuples beam.PCollection) (samples, entries beam.PCollection) {
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
	sample func(Sampled)
	entry  func(commit.Entry)
}

func (out tablesOut) take(put func(tablesOut)) { put(out) }

func init() {
	register.Function1x2(emptyShard)
	register.DoFn5x1[context.Context, int, func(*[]byte) bool, func(Sampled), func(commit.Entry), error](&tablesFn{})
	register.Emitter1[Sampled]()
}

// ProcessElement starts to count one shard of one kind.
func (f *tablesFn) ProcessElement(ctx context.Context, element int, blocks func(*[]byte) bool, sample func(Sampled), entry func(commit.Entry)) error {
	taken := partition.Take(blocks)
	return f.work.Go(ctx, func(ctx context.Context, give func(func(tablesOut))) error {
		return f.Config.write(ctx, element, taken, give)
	}, tablesOut{sample, entry}.take)
}

// FinishBundle waits for all shards.
func (f *tablesFn) FinishBundle(_ context.Context, sample func(Sampled), entry func(commit.Entry)) error {
	return f.work.Wait(tablesOut{sample, entry}.take)
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
		receipt, err = writePart(ctx, b, schemas.KeysTable, cfg, shard, func(write func(*schemas.KeyTraffic)) {
			row := schemas.KeyTraffic{Key: make([]int32, cfg.K)}
			runs(numbers, func(number uint64, users int64) {
				tuples.Tuple(number, row.Key)
				row.Users = users
				write(&row)
			})
		})
		counts = commit.Count(map[string]int64{"keys_with_users": receipt.Rows, "users_with_key": int64(len(numbers))})
	} else {
		var sampled Sampled
		var made int64
		receipt, err = writePart(ctx, b, schemas.TransitionsTable, cfg, shard, func(write func(*schemas.Transition)) {
			tuple := make([]int32, cfg.K+1)
			chosen := newSample(cfg, len(items.Leaves))
			made = 0
			eachKey(numbers, uint64(len(items.Leaves)), func(key []candidate) {
				for _, c := range key {
					tuples.Tuple(c.number, tuple)
					write(&schemas.Transition{Key: tuple[:cfg.K], Next: tuple[cfg.K], Users: c.users})
					made += c.users
				}
				chosen.add(key)
			})
			sampled = chosen.pack()
		})
		give(func(out tablesOut) { out.sample(sampled) })
		counts = commit.Count(map[string]int64{"distinct_transitions": receipt.Rows, "transitions": made})
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

// eachKey calls visit for the transitions of each key, from sorted numbers as
// Histories counts them. The slice is visit's until it returns.
func eachKey(numbers []uint64, labels uint64, visit func([]candidate)) {
	var key []candidate
	runs(numbers, func(number uint64, count int64) {
		if number%2 == 1 {
			key[len(key)-1].later = count
			return
		}
		number /= 2
		if len(key) > 0 && key[0].number/labels != number/labels {
			visit(key)
			key = key[:0]
		}
		key = append(key, candidate{number: number, users: count})
	})
	if len(key) > 0 {
		visit(key)
	}
}

// writePart writes one part of a keyed table, from rows in their order.
func writePart[T schemas.Keyed](ctx context.Context, b store.Bucket, table string, cfg Config, shard int, rows func(write func(*T))) (store.Receipt, error) {
	return store.WriteAttempt(ctx, b, table, cfg.Version, shard, cfg.Shards, tables.Ext, func(w io.Writer) (int64, error) {
		kw := tables.NewKeyedWriter[T](w, cfg.K)
		var err error
		rows(func(row *T) {
			if err == nil {
				err = kw.Write(row)
			}
		})
		if err != nil {
			return 0, err
		}
		return kw.Close()
	})
}
