package recommending

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/schemas"
	"foray/transforms/bundle"
	"foray/transforms/commit"
	"foray/transforms/history"
	"foray/transforms/once"
	"foray/transforms/partition"
	"foray/transforms/planning"
	"foray/transforms/policy"
	"foray/transforms/progress"
	"foray/transforms/read"
	"foray/transforms/spill"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// Config says what is recommended.
type Config struct {
	Stage           string
	Output, Version string
	// The versions that slates are made from.
	ItemClusters, ItemPolicy, Lookup string
	K                                int
	SetKeys                          bool
	Keep                             partition.Keep
	// Slots items a user, ExploreShare of them from planned clusters.
	Slots        int
	ExploreShare float64
	// Shards is the number of parts of recommendations/.
	Shards int
	// Spill is a folder that all workers see, if there is one.
	Spill string
}

// Recommend writes recommendations/ for every user with an event.
//
//	blocks PCollection<KV<int,[]byte>> (read.ItemIndex, with names),
//	span PCollection<Span> -> PCollection<commit.Entry>
func Recommend(s beam.Scope, cfg Config, blocks beam.PCollection) beam.PCollection {
	s = s.Scope("Recommend")
	shards := make([]int, cfg.Shards)
	for i := range shards {
		shards[i] = i
	}
	slates, counted := beam.ParDo2(s, &slatesFn{Config: cfg}, beam.GroupByKey(s, blocks))
	empty := beam.ParDo(s, noSlates, beam.CreateList(s, shards))
	written := beam.ParDo(s, &writeFn{Config: cfg}, beam.GroupByKey(s, beam.Flatten(s, slates, empty)))
	return beam.Flatten(s, counted, written)
}

func noSlates(shard int) (int, []byte) { return shard, nil }

// slatesFn fills the slates of partitions of users.
type slatesFn struct {
	Config Config

	work bundle.Work[func(slatesOut)]
}

// slatesOut are the outputs of slatesFn.
type slatesOut struct {
	slates func(int, []byte)
	entry  func(commit.Entry)
}

func (out slatesOut) take(put func(slatesOut)) { put(out) }

// writeFn writes parts.
type writeFn struct {
	Config Config

	work bundle.Work[commit.Entry]
}

func init() {
	register.Function1x2(noSlates)
	register.DoFn5x1[context.Context, int, func(*[]byte) bool, func(int, []byte), func(commit.Entry), error](&slatesFn{})
	register.DoFn4x1[context.Context, int, func(*[]byte) bool, func(commit.Entry), error](&writeFn{})
	register.Iter1[[]byte]()
	register.Emitter2[int, []byte]()
}

// ProcessElement starts to fill the slates of one partition.
func (f *slatesFn) ProcessElement(ctx context.Context, number int, blocks func(*[]byte) bool, slates func(int, []byte), entry func(commit.Entry)) error {
	taken := partition.Take(blocks)
	return f.work.Go(ctx, func(ctx context.Context, give func(func(slatesOut))) error {
		return f.Config.fill(ctx, number, taken, give)
	}, slatesOut{slates, entry}.take)
}

// FinishBundle waits for all partitions.
func (f *slatesFn) FinishBundle(_ context.Context, slates func(int, []byte), entry func(commit.Entry)) error {
	return f.work.Wait(slatesOut{slates, entry}.take)
}

// fill fills the slates of one partition.
func (cfg Config) fill(ctx context.Context, number int, blocks partition.Blocks, give func(func(slatesOut))) error {
	items, err := read.LoadItemMap(ctx, cfg.Output, cfg.ItemClusters)
	if err != nil {
		return err
	}
	recommender, err := loadRecommender(ctx, cfg, items)
	if err != nil {
		return err
	}
	plans, err := planning.LoadTable(ctx, cfg.Output, cfg.Lookup)
	if err != nil {
		return err
	}
	events, err := blocks.Load()
	if err != nil {
		return err
	}
	w := history.NewWalker(cfg.K)
	var slates []schemas.Recommendation
	var clusters []history.Event
	var room []schemas.Candidate
	tally := map[string]int64{}
	entries := events.EachKept(cfg.Stage, cfg.Keep, partition.Sight{Cut: math.MaxInt64, Last: events.Span.Last}, func(user int64, h []partition.Event) {
		w.Reset()
		clusters = clusters[:0]
		for _, e := range h {
			clusters = append(clusters, history.Event{Time: e.Time, Cluster: items.Clusters[e.Item]})
		}
		history.Sort(clusters) // ties go by cluster here, by item in h
		for _, e := range clusters {
			w.Step(e.Cluster)
		}
		var planned []int32
		tally["users"]++
		if key, ok := w.Key(); ok {
			tally["users_with_key"]++
			if cfg.SetKeys {
				slices.Sort(key)
			}
			room = plans.Plan(key, 10, room[:0])
			for _, c := range room {
				planned = append(planned, c.Cluster)
			}
		}
		for rank, p := range recommender.Recommend(itemsOf(h), planned, cfg.Slots, cfg.ExploreShare) {
			tally["recommended_"+p.Source]++
			slates = append(slates, schemas.Recommendation{
				UserID: events.Names[user], Rank: int32(rank + 1), ItemID: items.IDs[p.Item], ClusterID: p.Cluster, Source: p.Source, Score: p.Score,
			})
		}
		progress.Add(cfg.Stage, 1)
	})
	entries = append(entries, commit.Count(tally))
	// Millions of rows pack well as Parquet.
	var packed bytes.Buffer
	if err := tables.Encode(&packed, slates); err != nil {
		return err
	}
	spilled := spill.NewWriter(cfg.Spill)
	element, err := spilled.Put(packed.Bytes())
	if err := errors.Join(err, spilled.Close()); err != nil {
		return err
	}
	give(func(out slatesOut) {
		out.slates(number*cfg.Shards/partition.Partitions, element)
		for _, e := range entries {
			out.entry(e)
		}
	})
	return nil
}

// ProcessElement starts to write one part.
func (f *writeFn) ProcessElement(ctx context.Context, shard int, slates func(*[]byte) bool, entry func(commit.Entry)) error {
	taken := partition.Take(slates)
	return f.work.Go(ctx, func(ctx context.Context, give func(commit.Entry)) error {
		return f.Config.write(ctx, shard, taken, give)
	}, entry)
}

// FinishBundle waits for all parts.
func (f *writeFn) FinishBundle(_ context.Context, entry func(commit.Entry)) error {
	return f.work.Wait(entry)
}

// write writes one part, sorted by user.
func (cfg Config) write(ctx context.Context, shard int, slates [][]byte, give func(commit.Entry)) error {
	var rows []schemas.Recommendation
	var in spill.Reader
	defer in.Close()
	for _, element := range slates {
		if len(element) == 0 {
			continue // every shard has an element, also where there is no user
		}
		packed, err := in.Get(element)
		if err != nil {
			return err
		}
		some, err := tables.Decode[schemas.Recommendation](packed)
		if err != nil {
			return err
		}
		rows = append(rows, some...)
	}
	slices.SortFunc(rows, func(a, b schemas.Recommendation) int {
		return cmp.Or(cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.Rank, b.Rank))
	})
	b, err := store.Open(ctx, cfg.Output)
	if err != nil {
		return err
	}
	receipt, err := tables.WriteShard(ctx, b, schemas.RecommendationsTable, cfg.Version, shard, cfg.Shards, rows)
	if err != nil {
		return fmt.Errorf("write recommendations: %w", err)
	}
	give(commit.Entry{Receipt: &receipt})
	give(commit.Count(map[string]int64{"recommendations": int64(len(rows))}))
	return nil
}

var recommenders once.Cache[[3]string, *policy.Recommender] // by output and versions

// loadRecommender reads a version of item_policy/, for the items of a version
// of item_clusters/, once a process.
func loadRecommender(ctx context.Context, cfg Config, items *read.ItemMap) (*policy.Recommender, error) {
	return recommenders.Get([3]string{cfg.Output, cfg.ItemPolicy, cfg.ItemClusters}, func() (*policy.Recommender, error) {
		return newRecommender(context.WithoutCancel(ctx), cfg, items)
	})
}

func newRecommender(ctx context.Context, cfg Config, items *read.ItemMap) (*policy.Recommender, error) {
	b, err := store.Open(ctx, cfg.Output)
	if err != nil {
		return nil, err
	}
	rows, _, err := tables.Read[schemas.ItemTransition](ctx, b, schemas.ItemPolicyTable, cfg.ItemPolicy)
	if err != nil {
		return nil, err
	}
	m, err := policy.NewMarkov(len(items.IDs), func(yield func(policy.Transition) bool) {
		for _, r := range rows {
			item, ok := items.Index([]byte(r.ItemID))
			next := item
			if ok && r.NextItemID != "" {
				next, ok = items.Index([]byte(r.NextItemID))
			}
			// Items that have left the catalogue are nobody's next.
			if ok && !yield(policy.Transition{Item: item, Next: next, Weight: r.Weight}) {
				return
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read the item policy: %w", err)
	}
	return policy.NewRecommender(m, items.Clusters, m.Popularity())
}
