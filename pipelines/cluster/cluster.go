// Package cluster is the job that groups items into interest clusters.
//
//	events → blocks by user → baskets ┐
//	items ────────────────────────────┴→ embeddings → balanced clusters → words → clusters, item_clusters, cluster_model
package cluster

import (
	"context"
	"strconv"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"foray/pipelines/job"
	"foray/schemas"
	"foray/transforms/clustering"
	"foray/transforms/commit"
	"foray/transforms/planning"
	"foray/transforms/read"
)

// Options are the command's.
type Options struct {
	job.Inputs
	// Clusters is the number of leaves; 0 goes by the number of items.
	Clusters, Levels int
	// Phrases is the most that a description has.
	Phrases int
	Seed    uint64
	// Embeddings, if not nil, says who embeds the items' texts.
	Embeddings *clustering.Embeddings
}

// Tables are what the command writes.
var Tables = []string{schemas.ClustersTable, schemas.ItemClustersTable, schemas.ClusterModelTable}

// Run runs the job.
func Run(ctx context.Context, c *job.Command, o Options) (job.Result, error) {
	if o.Clusters < 0 || o.Clusters == 1 || o.Levels < 1 {
		return job.Result{}, job.UsageError("--clusters=%d --levels=%d: want at least two clusters and one level", o.Clusters, o.Levels)
	}
	items, err := o.ItemSource(ctx)
	if err != nil {
		return job.Result{}, err
	}
	events, err := o.EventSource(ctx)
	if err != nil {
		return job.Result{}, err
	}
	until, err := o.Until()
	if err != nil {
		return job.Result{}, err
	}
	cfg := clustering.Config{
		Stage: "cluster", Output: c.Output, Version: c.Version,
		Clusters: o.Clusters, Levels: o.Levels, Phrases: o.Phrases, Seed: o.Seed, Embeddings: o.Embeddings, Until: until, Keep: o.Keep,
		ItemIDColumn: o.ItemID, EmbeddingColumn: o.Embedding,
	}
	r, err := c.Run(ctx, job.Stage{
		Name: cfg.Stage, Unit: "rows", Tables: Tables,
		Inputs: append(items.Inputs(), events.Inputs()...),
		Options: job.Options(o.ItemOptions(), o.EventOptions(), o.Embeddings.Options(), map[string]string{
			"clusters": strconv.Itoa(o.Clusters), "levels": strconv.Itoa(o.Levels), "phrases": strconv.Itoa(o.Phrases), "seed": strconv.FormatUint(o.Seed, 10),
		}),
		Gates:   append(o.ItemGates(), append(o.EventGates(), o.TrainingGate(), o.CutGate())...),
		Publish: true,
		Build: func(s beam.Scope, commits commit.Config) {
			catalogue := read.ReadItems(s, read.ItemsConfig{Stage: cfg.Stage, Output: c.Output, Version: c.Version, Source: items})
			in := read.ReadEvents(s, c.ReadEvents(cfg.Stage, o.Inputs, events, read.ItemHash, ""))
			baskets, gathered := clustering.Baskets(s, cfg, in.Blocks, in.Span)
			commit.Commit(s, commits, catalogue.Entries, in.Entries, gathered, clustering.Fit(s, cfg, catalogue.Blocks, baskets))
		},
	})
	if e := o.Embeddings; e != nil && ctx.Err() != nil && job.WorkersHere() {
		// What is in flight is paid for.
		planning.Stop(c.Version, e.Model.Timeout+time.Second)
	}
	err = o.Explain(ctx, r, err, events, func() (func([]byte) bool, error) {
		ids, err := read.ItemIDs(ctx, items)
		return func(id []byte) bool { return ids[string(id)] }, err
	})
	if err == nil && !r.Skipped && !r.Submitted {
		figures := r.Tally.Figures
		c.Say("cluster: %d items in %d clusters; the heaviest carries %.2f times the mean traffic (%.2f with items clipped)",
			r.Tally.Counts["items"], r.Tally.Counts["clusters"], figures["heaviest_cluster_raw"], figures["heaviest_cluster_clipped"])
		c.Say("cluster: %.0f %% of the titles looked at, five a cluster, share a word with its description", 100*figures[clustering.SharedWords])
		if n := r.Tally.Counts; o.Embeddings != nil {
			c.Say("cluster: %d texts embedded, %d of them by earlier runs, in %d calls; %d tokens", n["embed_texts"], n["embed_texts_recorded"], n["embed_"+planning.CallsMade], n["embed_"+planning.PromptTokens])
		}
	}
	return r, err
}
