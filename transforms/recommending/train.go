// Package recommending counts the item policy and fills every user's slate
// with it: the planned clusters' best unseen items beside the best of all.
package recommending

import (
	"context"
	"fmt"
	"math"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/schemas"
	"foray/transforms/bundle"
	"foray/transforms/commit"
	"foray/transforms/partition"
	"foray/transforms/policy"
	"foray/transforms/read"
	"foray/transforms/spill"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// TrainConfig says what the item policy is counted from.
type TrainConfig struct {
	Stage                         string
	Output, Version, ItemClusters string
	Keep                          partition.Keep
	// Spill is a folder that all workers see, if there is one.
	Spill string
	// Shards is the number of parts of item_policy/.
	Shards int
}

// Train counts item transitions and writes item_policy/.
//
//	blocks PCollection<KV<int,[]byte>> (read.ItemIndex) ->
//	PCollection<commit.Entry>
func Train(s beam.Scope, cfg TrainConfig, blocks beam.PCollection) beam.PCollection {
	s = s.Scope("Train item policy")
	shards := make([]int, cfg.Shards)
	for i := range shards {
		shards[i] = i
	}
	counts, entries := beam.ParDo2(s, &countFn{Config: cfg}, beam.GroupByKey(s, blocks))
	empty := beam.ParDo(s, emptyCounts, beam.CreateList(s, shards))
	written := beam.ParDo(s, &policyFn{Config: cfg}, beam.GroupByKey(s, beam.Flatten(s, counts, empty)))
	return beam.Flatten(s, entries, written)
}

func emptyCounts(shard int) (int, []byte) { return shard, nil }

// countFn counts the histories of partitions, by shard of items.
type countFn struct {
	Config TrainConfig

	work bundle.Work[func(countOut)]
}

// countOut are the outputs of countFn.
type countOut struct {
	counts func(int, []byte)
	entry  func(commit.Entry)
}

func (out countOut) take(put func(countOut)) { put(out) }

// policyFn adds the counts of shards up and writes their parts.
type policyFn struct {
	Config TrainConfig

	work bundle.Work[commit.Entry]
}

func init() {
	register.Function1x2(emptyCounts)
	register.DoFn5x1[context.Context, int, func(*[]byte) bool, func(int, []byte), func(commit.Entry), error](&countFn{})
	register.DoFn4x1[context.Context, int, func(*[]byte) bool, func(commit.Entry), error](&policyFn{})
	register.Iter1[[]byte]()
	register.Emitter2[int, []byte]()
	register.Emitter1[commit.Entry]()
}

// shardOf is the first item of a shard.
func shardOf(shard, shards, items int) int32 { return int32(shard * items / shards) }

// ProcessElement starts to count one partition.
func (f *countFn) ProcessElement(ctx context.Context, _ int, blocks func(*[]byte) bool, counts func(int, []byte), entry func(commit.Entry)) error {
	taken := partition.Take(blocks)
	return f.work.Go(ctx, func(ctx context.Context, give func(func(countOut))) error {
		return f.Config.count(ctx, taken, give)
	}, countOut{counts, entry}.take)
}

// FinishBundle waits for all partitions.
func (f *countFn) FinishBundle(_ context.Context, counts func(int, []byte), entry func(commit.Entry)) error {
	return f.work.Wait(countOut{counts, entry}.take)
}

// count counts one partition.
func (cfg TrainConfig) count(ctx context.Context, blocks partition.Blocks, give func(func(countOut))) error {
	items, err := read.LoadItemMap(ctx, cfg.Output, cfg.ItemClusters)
	if err != nil {
		return err
	}
	events, err := blocks.Load()
	if err != nil {
		return err
	}
	var c policy.Counter
	entries := events.EachKept(cfg.Stage, cfg.Keep, partition.Sight{Cut: math.MaxInt64, Last: events.Span.Last}, func(_ int64, h []partition.Event) {
		c.Add(itemsOf(h))
	})
	n := len(items.IDs)
	out := spill.NewWriter(cfg.Spill)
	for shard := range cfg.Shards {
		element, err := out.Put(c.Block(shardOf(shard, cfg.Shards, n), shardOf(shard+1, cfg.Shards, n)))
		if err != nil {
			return err
		}
		give(func(out countOut) { out.counts(shard, element) })
	}
	if err := out.Close(); err != nil {
		return err
	}
	give(func(out countOut) {
		for _, e := range entries {
			out.entry(e)
		}
	})
	return nil
}

// ProcessElement starts to write one shard.
func (f *policyFn) ProcessElement(ctx context.Context, shard int, counts func(*[]byte) bool, entry func(commit.Entry)) error {
	taken := partition.Take(counts)
	return f.work.Go(ctx, func(ctx context.Context, give func(commit.Entry)) error {
		return f.Config.write(ctx, shard, taken, give)
	}, entry)
}

// FinishBundle waits for all shards.
func (f *policyFn) FinishBundle(_ context.Context, entry func(commit.Entry)) error {
	return f.work.Wait(entry)
}

// write writes one shard.
func (cfg TrainConfig) write(ctx context.Context, shard int, counts [][]byte, give func(commit.Entry)) error {
	items, err := read.LoadItemMap(ctx, cfg.Output, cfg.ItemClusters)
	if err != nil {
		return err
	}
	var c policy.Counter
	var in spill.Reader
	defer in.Close()
	for _, element := range counts {
		if len(element) == 0 {
			continue // every shard has an element, also where nothing was counted
		}
		block, err := in.Get(element)
		if err != nil {
			return err
		}
		if err := c.Merge(block); err != nil {
			return err
		}
	}
	var rows []schemas.ItemTransition
	for t := range c.Transitions(policy.DefaultSuccessors) {
		row := schemas.ItemTransition{ItemID: items.IDs[t.Item], Weight: t.Weight}
		if t.Next != t.Item {
			row.NextItemID = items.IDs[t.Next]
		}
		rows = append(rows, row)
	}
	b, err := store.Open(ctx, cfg.Output)
	if err != nil {
		return err
	}
	receipt, err := tables.WriteShard(ctx, b, schemas.ItemPolicyTable, cfg.Version, shard, cfg.Shards, rows)
	if err != nil {
		return fmt.Errorf("write the item policy: %w", err)
	}
	give(commit.Entry{Receipt: &receipt})
	give(commit.Count(map[string]int64{"item_transitions": int64(len(rows))}))
	return nil
}

// itemsOf are the items of a history, by their places in the item map.
func itemsOf(h []partition.Event) []int32 {
	items := make([]int32, len(h))
	for i, e := range h {
		items[i] = int32(e.Item)
	}
	return items
}
