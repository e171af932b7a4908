// Package evaluate is the job that judges a lookup table by what users did
// after the cut, and writes metrics/ and the report.
//
//	events → blocks by user → transitions after the cut → scores → metrics, report
package evaluate

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"foray/pipelines/job"
	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/curation"
	"foray/transforms/evaluation"
	"foray/transforms/keyspace"
	"foray/transforms/planning"
	"foray/transforms/read"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// Options are the command's.
type Options struct {
	job.Inputs
	Seed uint64
	// Lookup and Recommendations are the versions to judge and to show; empty
	// for the published ones.
	Lookup, Recommendations string
	// RecallOnly computes recall and hit rate of the table, and nothing else.
	RecallOnly bool
}

// Run runs the job.
func Run(ctx context.Context, c *job.Command, o Options) (job.Result, error) {
	if o.Lookup == "" {
		v, err := c.Current(ctx, schemas.LookupTable)
		if err != nil {
			return job.Result{}, err
		}
		o.Lookup = v
	}
	parents, lookup, err := c.Parents(ctx, schemas.LookupTable, o.Lookup)
	if err != nil {
		return job.Result{}, err
	}
	events, err := o.EventSource(ctx)
	if err != nil {
		return job.Result{}, err
	}
	cfg, err := o.config(ctx, c, parents, lookup)
	if err != nil {
		return job.Result{}, err
	}
	all := map[string]string{schemas.LookupTable: o.Lookup}
	for table, v := range parents {
		all[table] = v
	}
	if v := cfg.Report.Recommendations; v != "" {
		all[schemas.RecommendationsTable] = v
	}
	page, only := evaluation.ReportName, map[string]string{}
	if o.RecallOnly {
		page, only = "", map[string]string{"recall_only": "true"}
	}
	r, err := c.Run(ctx, job.Stage{
		Name: cfg.Stage, Unit: "events", Tables: []string{schemas.MetricsTable}, Beside: page,
		Inputs:  append(events.Inputs(), cfg.Report.Items.Inputs()...),
		Parents: all,
		Options: job.Options(o.EventOptions(), map[string]string{"seed": strconv.FormatUint(o.Seed, 10), "against": cfg.Against}, only),
		Gates:   o.EventGates(),
		// The published metrics are those of the report.
		Publish: !o.RecallOnly,
		Build: func(s beam.Scope, commits commit.Config) {
			reading := c.ReadEvents(cfg.Stage, o.Inputs, events, read.ItemCluster, cfg.ItemClusters)
			cfg.Spill = reading.Spill
			if job.WorkersHere() {
				go evaluation.Prepare(ctx, cfg)
			}
			in := read.ReadEvents(s, reading)
			scores, judged := evaluation.Judge(s, cfg, in.Blocks)
			commit.Commit(s, commits, in.Entries, judged, evaluation.Conclude(s, cfg, scores))
		},
	})
	err = o.Explain(ctx, r, err, events, c.KnownItems(ctx, cfg.ItemClusters))
	if err == nil && !r.Skipped && !r.Submitted && r.Tally.Counts["test_transitions"] == 0 {
		c.Say("evaluate: no user met a new cluster after the events that the table was made of, so there is nothing to recall: events are from %s to %s, %s; curate and plan with an earlier --train_until",
			read.Time(r.Tally.Least[read.FirstEvent]), read.Time(r.Tally.Most[read.LastEvent]), ended(cfg.Until, r.Tally.Most[read.LastEvent]))
	}
	if err == nil && o.RecallOnly && !r.Submitted {
		err = tell(ctx, c, r.Versions[schemas.MetricsTable])
	}
	return r, err
}

// ended says when training ended.
func ended(until read.Until, last int64) string {
	if !until.Fixed || until.Micros <= last {
		return "and few of them came after the cut"
	}
	return "and it was made of them all"
}

// tell prints recall and hit rate.
func tell(ctx context.Context, c *job.Command, version string) error {
	rows, _, err := tables.Read[schemas.Metric](ctx, c.Bucket, schemas.MetricsTable, version)
	if err != nil {
		return &job.Exit{Code: job.Failed, Err: err}
	}
	for _, m := range rows {
		if m.Name == evaluation.Recall || m.Name == evaluation.HitRate {
			c.Say("evaluate: %s@%d of %s is %.4g, with 95 %% confidence %.4g to %.4g; %d transitions", m.Name, m.K, m.Planner, m.Value, m.Low, m.High, m.N)
		}
	}
	c.Say("evaluate: %s is not published, and the report stays as it is: both belong to whole evaluations", c.Bucket.URL(schemas.MetricsTable+"/"+version))
	return nil
}

// config says what is judged: the table as it was made.
func (o Options) config(ctx context.Context, c *job.Command, parents map[string]string, lookup schemas.Manifest) (evaluation.Config, error) {
	k, err := strconv.Atoi(lookup.Options["history"])
	if err != nil {
		return evaluation.Config{}, job.UsageError("lookup %s does not say its --history: plan it again", o.Lookup)
	}
	cfg := evaluation.Config{
		Stage: "evaluate", Output: c.Output, Version: c.Version,
		ItemClusters: parents[schemas.ItemClustersTable], Lookup: o.Lookup, Keep: o.Keep,
		Planning: planning.Config{
			Output: c.Output, Planner: lookup.Options["planner"], K: k, Order: keyspace.Order(lookup.Options["key_order"]), Seed: o.Seed,
			From: planning.Versions{Clusters: parents[schemas.ClustersTable], Transitions: parents[schemas.TransitionsTable], Keys: parents[schemas.KeysTable]},
		},
	}
	if o.RecallOnly {
		cfg.RecallOnly = true
		cfg.Planning.From.Transitions, cfg.Planning.From.Keys = "", ""
	}
	if cfg.Until, err = o.Until(); err != nil {
		return cfg, err
	}
	// What the table did not see is what its transitions did not see, however
	// the events have grown since.
	if v := parents[schemas.TransitionsTable]; v != "" {
		_, m, err := c.Parents(ctx, schemas.TransitionsTable, v)
		if err != nil {
			return cfg, err
		}
		if cut, ok := m.Counts[curation.CutMicros]; ok {
			if now := o.TrainUntil; cfg.Until.Fixed && cfg.Until.Micros != cut || !cfg.Until.Fixed && m.Options["train_until"] != now {
				c.Say("evaluate: the table was made of events before %s, so that is where judging begins, not at --train_until=%s", read.Time(cut), now)
			}
			cfg.Until = read.Until{Fixed: true, Micros: cut}
		}
	}
	if cfg.Against, err = earlier(ctx, c, lookup); err != nil {
		return cfg, err
	}
	cfg.Report, err = o.report(ctx, c)
	return cfg, err
}

// earlier is the version of lookup/ before this one that was made in the same
// way from the same clusters, "" for none.
func earlier(ctx context.Context, c *job.Command, lookup schemas.Manifest) (string, error) {
	versions, err := store.Versions(ctx, c.Bucket, schemas.LookupTable)
	if err != nil {
		return "", &job.Exit{Code: job.Failed, Err: err}
	}
	for _, v := range slices.Backward(versions) {
		if v >= lookup.Version {
			continue
		}
		m, err := store.ReadManifest(ctx, c.Bucket, schemas.LookupTable, v)
		if err != nil {
			return "", &job.Exit{Code: job.Failed, Err: err}
		}
		if m.Parents[schemas.ClustersTable] == lookup.Parents[schemas.ClustersTable] && m.Model == lookup.Model &&
			m.Options["planner"] == lookup.Options["planner"] && m.Options["history"] == lookup.Options["history"] && m.Options["key_order"] == lookup.Options["key_order"] {
			return v, nil
		}
	}
	return "", nil
}

// report says what the page shows beside the metrics; recommendations and
// items are shown where they are there.
func (o Options) report(ctx context.Context, c *job.Command) (evaluation.ReportConfig, error) {
	r := evaluation.ReportConfig{Recommendations: o.Recommendations}
	if o.Items != "" {
		items, err := o.ItemSource(ctx)
		if err != nil {
			return r, err
		}
		r.Items = items
	}
	if r.Recommendations != "" {
		return r, nil
	}
	v, err := store.Current(ctx, c.Bucket, schemas.RecommendationsTable)
	if errors.Is(err, store.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, &job.Exit{Code: job.Failed, Err: err}
	}
	m, err := store.ReadManifest(ctx, c.Bucket, schemas.RecommendationsTable, v)
	if err != nil {
		return r, &job.Exit{Code: job.Failed, Err: err}
	}
	// Those of another table would show what this one does not plan.
	if m.Parents[schemas.LookupTable] == o.Lookup {
		r.Recommendations = v
	}
	return r, nil
}
