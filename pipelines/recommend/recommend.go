// Package recommend holds the two jobs below the plan: train counts the item
// policy, recommend fills every user's slate with it.
//
//	train:      events → blocks by user → item transitions → item_policy
//	recommend:  events → blocks by user + lookup + item_policy → recommendations
//
// Both see all events: a slate is for now, not for the time of the cut.
package recommend

import (
	"context"
	"strconv"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"foray/pipelines/job"
	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/read"
	"foray/transforms/recommending"
)

// Options are the commands'.
type Options struct {
	job.Inputs
	Shards       int
	Slots        int
	ExploreShare float64
	// Lookup, ItemClusters and ItemPolicy are the versions to use; empty for
	// the published lookup table, its parent, and the item policy that was
	// trained for it last.
	Lookup, ItemClusters, ItemPolicy string
	// Unpublished keeps CURRENT of recommendations/ where it is.
	Unpublished bool
}

// Train runs the job that writes item_policy/.
func Train(ctx context.Context, c *job.Command, o Options) (job.Result, error) {
	if err := o.resolve(ctx, c); err != nil {
		return job.Result{}, err
	}
	events, err := o.EventSource(ctx)
	if err != nil {
		return job.Result{}, err
	}
	cfg := recommending.TrainConfig{Stage: "train", Output: c.Output, Version: c.Version, ItemClusters: o.ItemClusters, Keep: o.Keep, Shards: o.Shards}
	r, err := c.Run(ctx, job.Stage{
		Name: cfg.Stage, Unit: "events", Tables: []string{schemas.ItemPolicyTable},
		Inputs:  events.Inputs(),
		Parents: map[string]string{schemas.ItemClustersTable: o.ItemClusters},
		Options: job.Options(o.itemEventOptions(), map[string]string{"shards": strconv.Itoa(o.Shards)}),
		Gates:   o.EventGates(),
		Publish: true,
		Build: func(s beam.Scope, commits commit.Config) {
			reading := c.ReadEvents(cfg.Stage, o.Inputs, events, read.ItemIndex, o.ItemClusters)
			cfg.Spill = reading.Spill
			in := read.ReadEvents(s, reading)
			commit.Commit(s, commits, in.Entries, recommending.Train(s, cfg, in.Blocks))
		},
	})
	return r, o.Explain(ctx, r, err, events, c.KnownItems(ctx, o.ItemClusters))
}

// Run runs the job that writes recommendations/.
func Run(ctx context.Context, c *job.Command, o Options) (job.Result, error) {
	if err := o.resolve(ctx, c); err != nil {
		return job.Result{}, err
	}
	if o.Slots < 1 || o.ExploreShare < 0 || o.ExploreShare > 1 {
		return job.Result{}, job.UsageError("--slots=%d --explore_share=%g: want at least one slot and a share in [0, 1]", o.Slots, o.ExploreShare)
	}
	if o.ItemPolicy == "" {
		v, err := c.Current(ctx, schemas.ItemPolicyTable)
		if err != nil {
			return job.Result{}, err
		}
		o.ItemPolicy = v
	}
	events, err := o.EventSource(ctx)
	if err != nil {
		return job.Result{}, err
	}
	_, lookup, err := c.Parents(ctx, schemas.LookupTable, o.Lookup)
	if err != nil {
		return job.Result{}, err
	}
	k, err := strconv.Atoi(lookup.Options["history"])
	if err != nil {
		return job.Result{}, job.UsageError("lookup %s does not say its --history: plan it again", o.Lookup)
	}
	cfg := recommending.Config{
		Stage: "recommend", Output: c.Output, Version: c.Version,
		ItemClusters: o.ItemClusters, ItemPolicy: o.ItemPolicy, Lookup: o.Lookup,
		K: k, SetKeys: lookup.Options["key_order"] == "set",
		Slots: o.Slots, ExploreShare: o.ExploreShare, Keep: o.Keep, Shards: o.Shards,
	}
	r, err := c.Run(ctx, job.Stage{
		Name: cfg.Stage, Unit: "users", Tables: []string{schemas.RecommendationsTable},
		Inputs: events.Inputs(),
		Parents: map[string]string{
			schemas.LookupTable: o.Lookup, schemas.ItemClustersTable: o.ItemClusters, schemas.ItemPolicyTable: o.ItemPolicy,
			schemas.ClustersTable: lookup.Parents[schemas.ClustersTable],
		},
		Options: job.Options(o.itemEventOptions(), map[string]string{
			"shards": strconv.Itoa(o.Shards), "slots": strconv.Itoa(o.Slots),
			"explore_share": strconv.FormatFloat(o.ExploreShare, 'g', -1, 64),
		}),
		Gates:   o.EventGates(),
		Publish: !o.Unpublished,
		Build: func(s beam.Scope, commits commit.Config) {
			reading := c.ReadEvents(cfg.Stage, o.Inputs, events, read.ItemIndex, o.ItemClusters)
			reading.Names, reading.Uncounted = true, true
			cfg.Spill = reading.Spill
			in := read.ReadEvents(s, reading)
			commit.Commit(s, commits, in.Entries, recommending.Recommend(s, cfg, in.Blocks))
		},
	})
	return r, o.Explain(ctx, r, err, events, c.KnownItems(ctx, o.ItemClusters))
}

// itemEventOptions are the event options without the cut, which does not
// concern a slate.
func (o Options) itemEventOptions() map[string]string {
	options := o.EventOptions()
	delete(options, "train_until")
	return options
}

// resolve takes the published versions where none are given.
func (o *Options) resolve(ctx context.Context, c *job.Command) (err error) {
	if o.Lookup == "" {
		if o.Lookup, err = c.Current(ctx, schemas.LookupTable); err != nil {
			return err
		}
	}
	if o.ItemClusters == "" {
		parents, _, err := c.Parents(ctx, schemas.LookupTable, o.Lookup)
		if err != nil {
			return err
		}
		o.ItemClusters = parents[schemas.ItemClustersTable]
	}
	return nil
}
