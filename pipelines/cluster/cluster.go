// Package cluster is the job that groups items into interest clusters.
//
//	events → blocks by user → baskets ┐
//	items ────────────────────────────┴→ embeddings → balanced clusters → words → clusters, item_clusters, cluster_model
//
// or, where a clustering is published that is to stay, items → its clusters.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"foray/pipelines/job"
	"foray/schemas"
	"foray/transforms/clustering"
	"foray/transforms/commit"
	"foray/transforms/planning"
	"foray/transforms/read"
	"foray/transforms/store"
)

// Options are the command's.
type Options struct {
	job.Inputs
	// Clusters is the number of leaves; 0 goes by the number of items.
	Clusters, Levels int
	// Previous goes on from the published clustering, if there is one.
	Previous bool
	// AssignOnly assigns items to the published clustering, and makes none.
	AssignOnly bool
	// FitSample is the most items that the clusters are made from; 0 for all.
	FitSample int
	// Epsilon is how far above the mean a leaf's traffic may be, with items
	// clipped, as a share of the mean.
	Epsilon float64
	// Phrases is the most that a description has.
	Phrases int
	Seed    uint64
	// Embeddings, if not nil, says who embeds the items' texts.
	Embeddings *clustering.Embeddings
	// Names, if not nil, is the model that names the clusters.
	Names *planning.Model
}

// Tables are what the command writes.
var Tables = []string{schemas.ClustersTable, schemas.ItemClustersTable, schemas.ClusterModelTable}

// Run runs the job.
func Run(ctx context.Context, c *job.Command, o Options) (job.Result, error) {
	if o.Clusters < 0 || o.Clusters == 1 || o.Levels < 1 {
		return job.Result{}, job.UsageError("--clusters=%d --levels=%d: want at least two clusters and one level", o.Clusters, o.Levels)
	}
	if !(o.Epsilon > 0) || math.IsInf(o.Epsilon, 0) {
		return job.Result{}, job.UsageError("--epsilon=%v: want a positive number", o.Epsilon)
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
		Clusters: o.Clusters, Levels: o.Levels, FitSample: o.FitSample, Epsilon: o.Epsilon, Phrases: o.Phrases, Seed: o.Seed, Embeddings: o.Embeddings, Names: o.Names, Until: until, Keep: o.Keep,
		ItemIDColumn: o.ItemID, EmbeddingColumn: o.Embedding,
	}
	going := map[string]string{}
	if o.AssignOnly {
		if cfg.AssignOnly, going[assignedTo], err = o.assignTo(ctx, c); err != nil {
			return job.Result{}, err
		}
	} else if o.Previous {
		// Which clustering that is makes no difference to whether there is
		// anything to do: with nothing new, a refit changes nothing.
		going["previous"] = "published"
		cfg.Previous, err = store.Current(ctx, c.Bucket, schemas.ClustersTable)
		if errors.Is(err, store.ErrNotExist) {
			c.Say("cluster: no clustering is published yet, so there is none to go on from: this one is the first")
		} else if err != nil {
			return job.Result{}, &job.Exit{Code: job.Failed, Err: err}
		}
	}
	r, err := c.Run(ctx, job.Stage{
		Name: cfg.Stage, Unit: "rows", Tables: Tables,
		Inputs:  append(items.Inputs(), events.Inputs()...),
		Options: job.Options(o.ItemOptions(), o.EventOptions(), o.Embeddings.Options(), o.naming(), going, o.made()),
		Gates:   append(o.ItemGates(), append(o.EventGates(), o.TrainingGate(), o.CutGate())...),
		Publish: true,
		Build: func(s beam.Scope, commits commit.Config) {
			cfg.Spill = c.Scratch(cfg.Stage)
			catalogue := read.ReadItems(s, read.ItemsConfig{Stage: cfg.Stage, Output: c.Output, Version: c.Version, Source: items, Spill: cfg.Spill})
			in := read.ReadEvents(s, c.ReadEvents(cfg.Stage, o.Inputs, events, read.ItemHash, ""))
			baskets, gathered := clustering.Baskets(s, cfg, in.Blocks)
			commit.Commit(s, commits, catalogue.Entries, in.Entries, gathered, clustering.Fit(s, cfg, catalogue.Blocks, baskets))
		},
	})
	if ctx.Err() != nil && job.WorkersHere() {
		// What is in flight is paid for.
		planning.Stop(c.Version, o.patience()+time.Second)
	}
	err = o.Explain(ctx, r, err, events, func() (func([]byte) bool, error) {
		ids, err := read.ItemIDs(ctx, items)
		return func(id []byte) bool { return ids[string(id)] }, err
	})
	if err == nil && !r.Skipped && !r.Submitted {
		figures := r.Tally.Figures
		c.Say("cluster: %d items in %d clusters; the heaviest carries %.2f times the mean traffic (%.2f with items clipped)",
			r.Tally.Counts["items"], r.Tally.Counts["clusters"], figures["heaviest_cluster_raw"], figures["heaviest_cluster_clipped"])
		if o.AssignOnly {
			sayAssigned(c, cfg.AssignOnly, r.Tally.Counts)
		}
		if n := r.Tally.Counts; cfg.Previous != "" {
			c.Say("cluster: since %s %d items came, %d went and %d moved; %d clusters died, %d were split and %d born; %d descriptions changed",
				cfg.Previous, n[clustering.ItemsCame], n[clustering.ItemsGone], n[clustering.ItemsMoved],
				n[clustering.ClustersDied], n[clustering.ClustersSplit], n[clustering.ClustersBorn], n[clustering.DescriptionsChanged])
		}
		o.sayReached(c, r.Tally)
		if shared, judged := figures[clustering.SharedWords]; judged {
			c.Say("cluster: %.0f %% of the titles looked at, five a cluster, share a word with its description", 100*shared)
		}
		if n := r.Tally.Counts; o.Embeddings != nil {
			c.Say("cluster: %d texts embedded, %d of them by earlier runs, in %d calls; %d tokens", n["embed_texts"], n["embed_texts_recorded"], n["embed_"+planning.CallsMade], n["embed_"+planning.PromptTokens])
		}
		if n := r.Tally.Counts; o.Names != nil {
			c.Say("cluster: %d clusters of all levels named by %s, in %d calls; %d tokens of prompts, %d of answers", n["clusters_named"], o.Names.Name,
				n["describe_"+planning.CallsMade], n["describe_"+planning.PromptTokens], n["describe_"+planning.CompletionTokens])
		}
	}
	return r, err
}

// sayReached tells what balance was reached, if not the one asked for.
func (o *Options) sayReached(c *job.Command, t commit.Tally) {
	fitted, items := t.Counts[clustering.ItemsFitted], t.Counts["items"]
	sampled := fitted > 0 && fitted < items
	if sampled {
		c.Say("cluster: made from a sample of %d items, drawn by traffic, which the other %d then joined", fitted, items-fitted)
	}
	reached := t.Figures["reached_epsilon"]
	if reached <= o.Epsilon*(1+1e-6) {
		return
	}
	above := fmt.Sprintf("the heaviest cluster, with items clipped, is %.3g above the mean, where --epsilon %g was asked for", reached, o.Epsilon)
	switch {
	case o.AssignOnly:
		c.Say("cluster: %s: items that have a cluster stay there, and --previous would move some", above)
	case sampled:
		c.Say("cluster: %s: items of the sample stay where they are when the others join, and a larger --fit_sample brings it down", above)
	default:
		c.Say("cluster: whole items allow no better than --epsilon %.3g, where %g was asked for", reached, o.Epsilon)
	}
}

// naming are the options that names depend on.
func (o *Options) naming() map[string]string {
	if o.Names == nil {
		return nil
	}
	return map[string]string{"describe_model": o.Names.Name, "describe_temperature": strconv.FormatFloat(o.Names.Temperature, 'g', -1, 64), "describe_max_tokens": strconv.Itoa(o.Names.MaxTokens)}
}

// patience is how long calls in flight may take.
func (o *Options) patience() (most time.Duration) {
	if o.Embeddings != nil {
		most = o.Embeddings.Model.Timeout
	}
	if o.Names != nil {
		most = max(most, o.Names.Timeout)
	}
	return most
}
