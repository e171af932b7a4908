// Package recommending counts the item policy and fills every user's slate
// with it: the planned clusters' best unseen items beside the best of all.
package recommending

import (
	"context"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/policy"
	"foray/transforms/read"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// TrainConfig says what the item policy is counted from.
type TrainConfig struct {
	Stage                         string
	Output, Version, ItemClusters string
	// Shards is the number of parts of item_policy/.
	Shards int
}

// Train counts item transitions and writes item_policy/.
//
//	blocks PCollection<KV<int,[]byte>> (read.ItemIndex) -> PCollection<commit.Entry>
func Train(s beam.Scope, cfg TrainConfig, blocks beam.PCollection) beam.PCollection {
	s = s.Scope("Train item policy")
	shards := make([]int, cfg.Shards)
	for i := range shards {
		shards[i] = i
	}
	counts := beam.ParDo(s, &countFn{Config: cfg}, beam.GroupByKey(s, blocks))
	empty := beam.ParDo(s, emptyCounts, beam.CreateList(s, shards))
	return beam.ParDo(s, &policyFn{Config: cfg}, beam.GroupByKey(s, beam.Flatten(s, counts, empty)))
}

func emptyCounts(shard int) (int, []byte) { return shard, new(policy.Counter).Block(0, 0) }

// countFn counts the histories of one partition, by shard of items.
type countFn struct{ Config TrainConfig }

// policyFn adds one shard's counts up and writes its part.
type policyFn struct{ Config TrainConfig }

func init() {
	register.Function1x2(emptyCounts)
	register.DoFn4x1[context.Context, int, func(*[]byte) bool, func(int, []byte), error](&countFn{})
	register.DoFn4x1[context.Context, int, func(*[]byte) bool, func(commit.Entry), error](&policyFn{})
	register.Iter1[[]byte]()
	register.Emitter2[int, []byte]()
	register.Emitter1[commit.Entry]()
}

// shardOf is the first item of a shard.
func shardOf(shard, shards, items int) int32 { return int32(shard * items / shards) }

func (f *countFn) ProcessElement(ctx context.Context, _ int, blocks func(*[]byte) bool, emit func(int, []byte)) error {
	items, err := read.LoadItemMap(ctx, f.Config.Output, f.Config.ItemClusters)
	if err != nil {
		return err
	}
	events, err := read.Gather(blocks)
	if err != nil {
		return err
	}
	var c policy.Counter
	events.EachUser(func(_ int64, h []read.Event) { c.Add(itemsOf(h)) })
	n := len(items.IDs)
	for shard := range f.Config.Shards {
		emit(shard, c.Block(shardOf(shard, f.Config.Shards, n), shardOf(shard+1, f.Config.Shards, n)))
	}
	return nil
}

func (f *policyFn) ProcessElement(ctx context.Context, shard int, blocks func(*[]byte) bool, entry func(commit.Entry)) error {
	items, err := read.LoadItemMap(ctx, f.Config.Output, f.Config.ItemClusters)
	if err != nil {
		return err
	}
	var c policy.Counter
	for block := []byte(nil); blocks(&block); {
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
	b, err := store.Open(ctx, f.Config.Output)
	if err != nil {
		return err
	}
	receipt, err := tables.WriteShard(ctx, b, schemas.ItemPolicyTable, f.Config.Version, shard, f.Config.Shards, rows)
	if err != nil {
		return fmt.Errorf("write the item policy: %w", err)
	}
	entry(commit.Entry{Receipt: &receipt})
	entry(commit.Count(map[string]int64{"item_transitions": int64(len(rows))}))
	return nil
}

// itemsOf are the items of a history, by their places in the item map.
func itemsOf(h []read.Event) []int32 {
	items := make([]int32, len(h))
	for i, e := range h {
		items[i] = int32(e.Item)
	}
	return items
}
