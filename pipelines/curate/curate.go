// Package curate is the job that turns events into transitions/ and keys/, and
// into training/, validation/ and alignment/, which models are fine-tuned with.
//
//	events → blocks by user → histories → transitions and keys, counted
//	                                    → examples, chosen of them
package curate

import (
	"context"
	"fmt"
	"strconv"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"foray/llm"
	"foray/pipelines/job"
	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/curation"
	"foray/transforms/keyspace"
	"foray/transforms/planning"
	"foray/transforms/read"
	"foray/transforms/tables"
)

// Options are the command's.
type Options struct {
	job.Inputs
	History  int
	KeyOrder keyspace.Order
	Shards   int
	// What examples are chosen by; see curation.Config.
	MinUsers, AlignmentMinUsers    int64
	Curation                       string
	ContextsPerLabel               int
	ValidationShare, TrainingPrice float64
	Seed                           uint64
	// Prompt is the text of the prompt template.
	Prompt string
	// ChatFormat is one of curation.ChatFormats.
	ChatFormat string
	// ItemClusters and Clusters are the versions to use; empty for the
	// published ones.
	ItemClusters, Clusters string
}

// Tables are what the command writes.
var Tables = []string{schemas.TransitionsTable, schemas.KeysTable, schemas.TrainingTable, schemas.ValidationTable, schemas.AlignmentTable}

// Run runs the job.
func Run(ctx context.Context, c *job.Command, o Options) (job.Result, error) {
	if err := o.parents(ctx, c); err != nil {
		return job.Result{}, err
	}
	if err := o.checkKeys(ctx, c); err != nil {
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
	prompt, err := llm.ParsePrompt(o.Prompt)
	if err != nil {
		return job.Result{}, job.UsageError("--prompt: %w", err)
	}
	cfg := curation.Config{
		Stage: "curate", Output: c.Output, Version: c.Version,
		ItemClusters: o.ItemClusters, Clusters: o.Clusters,
		K: o.History, SetKeys: o.KeyOrder == keyspace.Set, Until: until, Keep: o.Keep, Shards: o.Shards,
		MinUsers: o.MinUsers, AlignmentMinUsers: o.AlignmentMinUsers,
		Curation: o.Curation, ContextsPerLabel: o.ContextsPerLabel, ValidationShare: o.ValidationShare,
		TrainingPrice: o.TrainingPrice, Seed: o.Seed, Prompt: o.Prompt, ChatFormat: o.ChatFormat,
	}
	format := map[string]string{}
	if o.ChatFormat == curation.GeminiChat {
		format[curation.FormatOption] = o.ChatFormat
	}
	r, err := c.Run(ctx, job.Stage{
		Name: cfg.Stage, Unit: "events", Tables: Tables,
		Inputs:  events.Inputs(),
		Parents: map[string]string{schemas.ClustersTable: o.Clusters, schemas.ItemClustersTable: o.ItemClusters},
		Options: job.Options(o.EventOptions(), map[string]string{
			"history": strconv.Itoa(o.History), "key_order": string(o.KeyOrder), "shards": strconv.Itoa(o.Shards),
			"min_users": strconv.FormatInt(o.MinUsers, 10), "alignment_min_users": strconv.FormatInt(o.AlignmentMinUsers, 10),
			"curation": o.Curation, "contexts_per_label": strconv.Itoa(o.ContextsPerLabel),
			"validation_share": fmt.Sprint(o.ValidationShare), "training_price": fmt.Sprint(o.TrainingPrice),
			"seed": strconv.FormatUint(o.Seed, 10), "prompt": prompt.Version(),
		}, format),
		PromptVersion: prompt.Version(),
		Gates:         append(o.EventGates(), o.CutGate()),
		Publish:       true,
		Build: func(s beam.Scope, commits commit.Config) {
			in := read.ReadEvents(s, c.ReadEvents(cfg.Stage, o.Inputs, events, read.ItemCluster, o.ItemClusters))
			tuples, followed := curation.Histories(s, cfg, in.Blocks)
			samples, counted := curation.Tables(s, cfg, tuples)
			commit.Commit(s, commits, in.Entries, followed, counted, curation.Training(s, cfg, samples))
		},
	})
	if err == nil && !r.Skipped && !r.Submitted {
		c.Say("curate: %s", o.summary(r))
	}
	return r, o.Explain(ctx, r, err, events, c.KnownItems(ctx, o.ItemClusters))
}

// summary says what the examples are like, beside the other ways.
func (o *Options) summary(r job.Result) string {
	counts, figures := r.Tally.Counts, r.Tally.Figures
	text := fmt.Sprintf("%d %s examples of %d labels, %d tokens", counts[schemas.TrainingTable+"_examples"], o.Curation,
		counts[curation.LabelsOf+o.Curation], counts[schemas.TrainingTable+"_tokens"])
	if dollars, ok := figures[curation.Dollars]; ok {
		text += fmt.Sprintf(" ($%.2f a pass)", dollars)
	}
	text += "; entropy and Gini of labels:"
	for i, way := range curation.Curations {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %s %.2f bits and %.2f", way, figures[curation.EntropyOf+way], figures[curation.GiniOf+way])
	}
	if n := counts[curation.LabelsShort]; n > 0 {
		text += fmt.Sprintf("; %d labels have fewer than %d contexts, whose examples are repeated", n, o.ContextsPerLabel)
	}
	if n := counts[curation.LabelsWithout]; n > 0 {
		text += fmt.Sprintf("; %d labels have none: nobody went on to them, or fewer users than --min_users=%d", n, o.MinUsers)
	}
	return text
}

// checkKeys finds out before the job whether there are keys of this length, and
// that no more examples are asked for than can be held.
func (o *Options) checkKeys(ctx context.Context, c *job.Command) error {
	rows, _, err := tables.Read[schemas.Cluster](ctx, c.Bucket, schemas.ClustersTable, o.Clusters)
	if err != nil {
		return &job.Exit{Code: job.Failed, Err: err}
	}
	var leaves []int32
	for _, leaf := range planning.Leaves(rows) {
		leaves = append(leaves, leaf.ClusterID)
	}
	if _, err := keyspace.New(leaves, o.History, o.KeyOrder); err != nil {
		return &job.Exit{Code: job.Usage, Err: err}
	}
	if _, err := curation.NewTuples(leaves, o.History+1); err != nil {
		return &job.Exit{Code: job.Usage, Err: err}
	}
	if most := curation.MostExamples / len(leaves); o.ContextsPerLabel > most {
		return job.UsageError("--contexts_per_label=%d: %d clusters may have %d contexts each, which makes %d examples", o.ContextsPerLabel, len(leaves), most, curation.MostExamples)
	}
	return nil
}

// parents takes the published versions where none are given.
func (o *Options) parents(ctx context.Context, c *job.Command) (err error) {
	if o.ItemClusters != "" {
		return nil
	}
	if o.ItemClusters, err = c.Current(ctx, schemas.ItemClustersTable); err != nil {
		return err
	}
	o.Clusters, err = c.Current(ctx, schemas.ClustersTable)
	return err
}
