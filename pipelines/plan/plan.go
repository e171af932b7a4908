// Package plan is the job that makes lookup/, the table of every key's planned
// clusters.
//
//	ranges of keys → answers (paid log) → matches → lookup
package plan

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"foray/llm"
	"foray/pipelines/job"
	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/keyspace"
	"foray/transforms/planner"
	"foray/transforms/planning"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// Options are the command's.
type Options struct {
	Planner      string
	History      int
	KeyOrder     keyspace.Order
	Keys         string // all, observed, or "" for all where K ≤ 2
	Shards       int
	Seed         uint64
	Model        planning.Model
	MinMatchRate float64
	MaxFailed    float64
	Publish      bool
	// KeyCoverage is the share of users whose keys are planned.
	KeyCoverage float64
	// BlockFile and OverrideFile are files with people's decisions, or "".
	BlockFile, OverrideFile string
	// Mode is the way to ask.
	Mode Mode
	// BatchFiles is the folder that ModeExport writes to, or the files that
	// ModeImport reads.
	BatchFiles string
	// BatchRequests bounds the requests of a batch or a file; 0 is 50,000.
	BatchRequests int
	// BatchPoll is the first pause between two looks at batches.
	BatchPoll time.Duration
	// From are the versions to plan from; empty for the published ones.
	From planning.Versions
}

// The values of --keys.
const (
	AllKeys      = "all"
	ObservedKeys = "observed"
)

// Run runs the job.
func Run(ctx context.Context, c *job.Command, o Options) (job.Result, error) {
	cfg, parents, err := o.Config(ctx, c)
	if err != nil {
		return job.Result{}, err
	}
	options := o.options(cfg)
	model, promptVersion := o.Planner, ""
	gates := []commit.Gate{planning.FailedGate(o.MaxFailed)}
	if o.Planner == planner.OpenAI {
		prompt, err := llm.ParsePrompt(o.Model.Prompt)
		if err != nil {
			return job.Result{}, job.UsageError("--prompt: %w", err)
		}
		if err := prompt.Check(o.History); err != nil {
			return job.Result{}, job.UsageError("--prompt: %w", err)
		}
		model, promptVersion = o.Model.Name, prompt.Version()
		gates = append(gates, planning.MatchGate(o.MinMatchRate))
	}
	r, err := c.Run(ctx, job.Stage{
		Name: cfg.Stage, Unit: "keys", Tables: []string{schemas.LookupTable},
		Parents: parents, Options: options, Publish: o.Publish, Gates: gates,
		Model: model, PromptVersion: promptVersion,
		Before: func(ctx context.Context) (err error) {
			if o.Planner == planner.OpenAI {
				cfg, err = o.before(ctx, c, cfg)
			}
			return err
		},
		Build: func(s beam.Scope, commits commit.Config) {
			commit.Commit(s, commits, planning.Plan(s, cfg))
		},
	})
	if ctx.Err() != nil && job.WorkersHere() {
		// What is in flight is paid for.
		planning.Stop(c.Version, o.Model.Timeout+time.Second)
	}
	if o.Planner == planner.OpenAI && !r.Skipped && !r.Submitted && len(r.Tally.Counts) > 0 {
		for _, line := range told(r.Tally.Counts) {
			c.Say("%s", line)
		}
	}
	return r, err
}

// options are those that a table depends on.
func (o *Options) options(cfg planning.Config) map[string]string {
	options := map[string]string{
		"planner": o.Planner, "history": strconv.Itoa(o.History), "key_order": string(o.KeyOrder),
		"keys": AllKeys, "shards": strconv.Itoa(o.Shards), "seed": strconv.FormatUint(o.Seed, 10),
	}
	if cfg.Observed {
		options["keys"] = ObservedKeys
	}
	options = job.Options(options, cfg.Decisions.Options())
	if o.Planner == planner.OpenAI {
		options = job.Options(options, o.Model.Options())
	}
	return options
}

// Config resolves what is planned from, and checks that it can be.
func (o *Options) Config(ctx context.Context, c *job.Command) (planning.Config, map[string]string, error) {
	cfg := planning.Config{
		Stage: "plan", Output: c.Output, Version: c.Version, Planner: o.Planner, K: o.History, Order: o.KeyOrder,
		Observed: o.Keys == ObservedKeys || o.Keys == "" && o.History > 2,
		Shards:   o.Shards, Seed: o.Seed, Model: o.Model,
	}
	cfg.Model.Split = !job.WorkersHere()
	if o.Keys != "" && o.Keys != AllKeys && o.Keys != ObservedKeys {
		return cfg, nil, job.UsageError("--keys=%s: want %s or %s", o.Keys, AllKeys, ObservedKeys)
	}
	if o.From.Clusters == "" {
		if err := o.published(ctx, c); err != nil {
			return cfg, nil, err
		}
	}
	cfg.From = o.From
	parents := map[string]string{schemas.ClustersTable: o.From.Clusters}
	clusters, err := store.ReadManifest(ctx, c.Bucket, schemas.ClustersTable, o.From.Clusters)
	if err != nil {
		return cfg, nil, &job.Exit{Code: job.Failed, Err: err}
	}
	// Of one clustering there is one version of both.
	parents[schemas.ItemClustersTable] = clusters.Version
	curated := map[string]int64{}
	for table, v := range map[string]string{schemas.TransitionsTable: o.From.Transitions, schemas.KeysTable: o.From.Keys} {
		if v == "" {
			continue
		}
		parents[table] = v
		m, err := store.ReadManifest(ctx, c.Bucket, table, v)
		if err != nil {
			return cfg, nil, &job.Exit{Code: job.Failed, Err: err}
		}
		if m.Parents[schemas.ClustersTable] != o.From.Clusters {
			return cfg, nil, job.UsageError("%s %s was curated from clusters %s, not from the published %s: run foray curate again", table, v, m.Parents[schemas.ClustersTable], o.From.Clusters)
		}
		for name, want := range map[string]string{"history": strconv.Itoa(o.History), "key_order": string(o.KeyOrder)} {
			if m.Options[name] != want {
				return cfg, nil, job.UsageError("%s %s was curated with --%s=%s, not %s: run foray curate with the same", table, v, name, m.Options[name], want)
			}
		}
		curated[table] = m.Rows()
	}
	if err := o.seen(c, cfg, curated); err != nil {
		return cfg, nil, err
	}
	rows, _, err := tables.Read[schemas.Cluster](ctx, c.Bucket, schemas.ClustersTable, o.From.Clusters)
	if err != nil {
		return cfg, nil, &job.Exit{Code: job.Failed, Err: err}
	}
	var leaves []int32
	for _, leaf := range planning.Leaves(rows) {
		leaves = append(leaves, leaf.ClusterID)
	}
	space, err := keyspace.New(leaves, o.History, o.KeyOrder)
	if err != nil {
		return cfg, nil, &job.Exit{Code: job.Usage, Err: err}
	}
	if cfg.Decisions, err = o.decisions(planning.Leaves(rows), space); err != nil {
		return cfg, nil, err
	}
	return cfg, parents, nil
}

// seen refuses a table of no key, and warns of one that users had no part in;
// curated are the rows of transitions and keys.
func (o *Options) seen(c *job.Command, cfg planning.Config, curated map[string]int64) error {
	switch {
	case cfg.Observed && len(curated) == 0:
		return job.UsageError("nothing was curated, so no key was observed: run foray curate first, or plan with --keys=%s", AllKeys)
	case cfg.Observed && curated[schemas.TransitionsTable]+curated[schemas.KeysTable] == 0:
		return job.UsageError("no user stands at a key of --history=%d clusters, so no key was observed: curate more events or with a shorter history, or plan with --keys=%s", o.History, AllKeys)
	case o.Planner == planner.Successor && curated[schemas.TransitionsTable] == 0:
		c.Say("plan: there are no transitions, so the successor of every key is the most used cluster: run foray curate first")
	}
	return nil
}

// published takes the published versions; a catalogue that was clustered but
// not curated can be planned, too.
func (o *Options) published(ctx context.Context, c *job.Command) (err error) {
	if o.From.Clusters, err = c.Current(ctx, schemas.ClustersTable); err != nil {
		return err
	}
	for table, v := range map[string]*string{schemas.TransitionsTable: &o.From.Transitions, schemas.KeysTable: &o.From.Keys} {
		*v, err = store.Current(ctx, c.Bucket, table)
		if err != nil && !errors.Is(err, store.ErrNotExist) {
			return &job.Exit{Code: job.Failed, Err: err}
		}
	}
	return nil
}
