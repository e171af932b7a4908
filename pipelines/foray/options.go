package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"foray/llm"
	"foray/pipelines/cluster"
	"foray/pipelines/curate"
	"foray/pipelines/evaluate"
	"foray/pipelines/job"
	"foray/pipelines/plan"
	"foray/pipelines/recommend"
	"foray/transforms/balance"
	"foray/transforms/clustering"
	"foray/transforms/curation"
	"foray/transforms/describe"
	"foray/transforms/keyspace"
	"foray/transforms/planner"
	"foray/transforms/planning"
	"foray/transforms/policy"
)

// options are all flags; a command shows the groups that it reads.
type options struct {
	job.Inputs
	output       string
	keepVersions int
	seed         uint64
	shards       int

	clusters, levels int
	fitSample        int
	previous         bool
	assignOnly       bool
	epsilon          float64
	phrases          int
	embeddings       string
	embed            clustering.Embeddings
	describe         string

	history          int
	keyOrder         string
	keys             string
	minUsers         int64
	alignmentUsers   int64
	curation         string
	chatFormat       string
	contextsPerLabel int
	validationShare  float64
	trainingPrice    float64

	planner    string
	model      planning.Model
	promptFile string
	publish    bool
	estimate   bool

	mode          plan.Mode
	batchFiles    string
	batchRequests int
	batchPoll     time.Duration
	batchCancel   bool

	align                     bool
	alignModel, alignEndpoint string

	keyCoverage             float64
	blockFile, overrideFile string

	minMatchRate, maxFailed float64
	minRecall               string

	lookup       string
	recallOnly   bool
	slots        int
	exploreShare float64
}

// group is a titled set of flags.
type group struct {
	title string
	flags func(o *options, f *pflag.FlagSet)
}

var (
	placeGroup = group{"Output", func(o *options, f *pflag.FlagSet) {
		f.StringVar(&o.output, "output", "", "folder or gs://bucket/prefix that holds the tables (required)")
	}}
	outputGroup = group{"Output", func(o *options, f *pflag.FlagSet) {
		placeGroup.flags(o, f)
		f.IntVar(&o.keepVersions, "keep_versions", 5, "finished versions of a table to keep; 0 keeps all")
		f.Uint64Var(&o.seed, "seed", 1, "seed of everything that draws; the same seed, the same bytes")
	}}
	formatGroup = group{"Files", func(o *options, f *pflag.FlagSet) {
		f.StringVar(&o.Format, "input_format", "", "csv, tsv, jsonl or parquet (default: by extension, else by content)")
		f.StringVar(&o.Delimiter, "delimiter", "", "what stands between columns, of any length, such as '::' (default: by extension, else by content)")
		f.BoolVar(&o.NoHeader, "no_header", false, "the files have no header row; columns are named 1, 2, …")
		f.Float64Var(&o.MaxBadRows, "max_bad_rows", 0.001, "largest share of malformed rows, of items and of events; above it the run fails")
	}}
	itemsGroup = group{"Items", func(o *options, f *pflag.FlagSet) {
		f.StringVar(&o.Items, "items", "", "files of items: a path or a glob, local or gs://; CSV, TSV, JSON Lines or Parquet, also .gz and .zst")
		itemIDFlag(o, f)
		f.StringSliceVar(&o.Texts, "text_columns", nil, "columns that say what an item is, the title first (default: those of title, description, category that exist)")
		f.StringVar(&o.Embedding, "embedding_column", "", "column of floats such as '[0.1, 0.2]' to cluster by, in place of texts and co-engagement")
	}}
	eventsGroup = group{"Events", func(o *options, f *pflag.FlagSet) {
		f.StringVar(&o.Events, "events", "", "files of events: a path or a glob, local or gs://; CSV, TSV, JSON Lines or Parquet, also .gz and .zst")
		if f.Lookup("item_id_column") == nil {
			itemIDFlag(o, f)
		}
		f.StringVar(&o.UserID, "user_id_column", "user_id", "column of user ids")
		f.StringVar(&o.EventItemID, "event_item_id_column", "", "column of item ids in events (default: as --item_id_column)")
		f.StringVar(&o.Timestamp, "timestamp_column", "timestamp", "column of times: Unix s, ms or µs, or RFC 3339")
		f.StringVar(&o.Engagement, "engagement_column", "", "column of numbers that say how much a user liked the item")
		f.Float64Var(&o.MinEngagement, "min_engagement", 0, "keep events with at least this engagement (default 0)")
		f.Float64Var(&o.MaxUnknownItems, "max_unknown_items", 0.2, "largest share of events with items that are not in the catalogue; above it the run fails")
		f.IntVar(&o.Keep.HistoryDays, "history_days", 0, "keep the events of so many days before --train_until, or before the last event (default: all)")
		f.Int64Var(&o.Keep.MinEvents, "min_events", 0, "keep users with at least so many events before --train_until (default: all)")
		f.Int64Var(&o.Keep.MaxEventsPerDay, "max_events_per_day", 0, "set users aside as bots who have more events on one day, UTC (default: none)")
	}}
	cutGroup = group{"Training and judging", func(o *options, f *pflag.FlagSet) {
		f.StringVar(&o.TrainUntil, "train_until", "0.8", "events before it train, those after it judge: a time, or a share of the events' time span; 1 trains on all "+
			"(evaluate takes the time that the table's transitions were cut at, where it has any)")
	}}
	clusterGroup = group{"Clusters", func(o *options, f *pflag.FlagSet) {
		f.IntVar(&o.clusters, "clusters", 0, "number of interest clusters (default: 761, or items ÷ 20 where that is less, at least 8)")
		f.BoolVar(&o.previous, "previous", false, "go on from the published clustering: items and clusters keep their ids, and clusters that are still the same keep their descriptions")
		f.BoolVar(&o.assignOnly, "assign_only", false, "make no clusters: items of the published clustering keep theirs, and new items join the nearest that has room; --items is the whole catalogue")
		f.IntVar(&o.levels, "levels", 4, "levels of the cluster tree; clusters stand at the last")
		f.IntVar(&o.fitSample, "fit_sample", 1_000_000, "make the clusters from at most so many items, drawn by their traffic; the others then join them. 0 takes all, in memory")
		f.Float64Var(&o.epsilon, "epsilon", balance.DefaultEpsilon, "how far a cluster's traffic may be above the mean, as a share of it; an item counts at most half a mean. More makes likeness count for more")
		f.IntVar(&o.phrases, "phrases", describe.DefaultPhrases, "most phrases of a description, 1 to 10; prompts with all descriptions grow with them")
		f.StringVar(&o.describe, "describe", phrasesDescribe, "phrases: clusters are called by their phrases; or llm: a model names them, from their phrases and titles (--llm_endpoint, --llm_model)")
	}}
	embedGroup = group{"Embeddings by a model (--embeddings=openai)", func(o *options, f *pflag.FlagSet) {
		m := &o.embed.Model
		f.StringVar(&o.embeddings, "embeddings", lsaEmbeddings, "lsa: from the words of the texts, made here; or openai: from any compatible endpoint's /embeddings. Who engaged with what is joined to both")
		f.StringVar(&m.Endpoint, "embed_endpoint", "", "base URL, with /v1 at its end")
		f.StringVar(&m.Name, "embed_model", "", "name of the model")
		f.StringVar(&m.KeyEnv, "embed_api_key_env", "", "name of the environment variable that holds the API key; never the key itself")
		f.StringVar(&m.KeyFile, "embed_api_key_file", "", "file that holds the API key, in place of a variable")
		f.IntVar(&o.embed.Dims, "embed_dims", 0, "length of the vectors to ask for, of models that offer several (default: the model's own)")
		f.IntVar(&o.embed.Batch, "embed_batch", 128, "most texts of a call")
		f.IntVar(&m.Concurrency, "embed_concurrency", 8, "calls in flight")
		f.DurationVar(&m.Timeout, "embed_timeout", 60*time.Second, "time that one call may take")
		f.Float64Var(&m.RequestsPerMinute, "embed_requests_per_minute", 0, "requests that the endpoint allows a minute (default: no limit)")
		f.Float64Var(&m.TokensPerMinute, "embed_tokens_per_minute", 0, "tokens that the endpoint allows a minute (default: no limit)")
		f.Int64Var(&m.MaxCalls, "embed_max_calls", 0, "calls that this run may make; then it stops with exit code 4, and the same command goes on (default: no limit)")
		f.Float64Var(&m.MaxCost, "embed_max_cost", 0, "dollars that this run may spend, by the price below (default: no limit)")
		f.Float64Var(&m.Prices.Prompt, "embed_price", 0, "price of a million tokens, in dollars")
	}}
	nameGroup = group{"Names by a model (--describe=llm)", func(o *options, f *pflag.FlagSet) {
		all := pflag.NewFlagSet("", pflag.ContinueOnError)
		modelGroup.flags(o, all)
		for _, name := range []string{"llm_endpoint", "llm_model", "llm_api_key_env", "llm_api_key_file", "llm_concurrency", "llm_timeout", "llm_temperature", "llm_max_tokens",
			"llm_requests_per_minute", "llm_tokens_per_minute", "llm_max_calls", "llm_max_cost", "llm_price_prompt", "llm_price_completion"} {
			f.AddFlag(all.Lookup(name))
		}
	}}
	keysGroup = group{"Keys", func(o *options, f *pflag.FlagSet) {
		f.IntVar(&o.history, "history", 2, "K, the number of clusters of a key")
		f.StringVar(&o.keyOrder, "key_order", string(keyspace.Sequence), "sequence: the order of use matters; set: it does not (half the keys)")
	}}
	partsGroup = group{"Parts", func(o *options, f *pflag.FlagSet) {
		f.IntVar(&o.shards, "shards", 8, "parts of the large tables; also the work that can go on at once on a cluster")
	}}
	trainingGroup = group{"Training examples", func(o *options, f *pflag.FlagSet) {
		f.Int64Var(&o.minUsers, "min_users", 1, "users that a transition needs to become an example or to reach a prompt")
		f.IntVar(&o.contextsPerLabel, "contexts_per_label", 10, "examples of each next cluster: its contexts with the most users")
		f.StringVar(&o.curation, "curation", curation.Diversified, "diversified: each next cluster equally often; random: each user's transition with the same chance; popular: the transitions with the most users (as many examples in all ways)")
		f.StringVar(&o.chatFormat, "chat_format", curation.OpenAIChat, "openai: lines of messages, which OpenAI, TRL and Vertex AI (open models) take; gemini: lines of contents, as Vertex AI has them for Gemini")
		f.Float64Var(&o.validationShare, "validation_share", 0.05, "share of keys that are held out of training, for validation/")
		f.Int64Var(&o.alignmentUsers, "alignment_min_users", 5, "users that a transition needs to become an example of alignment/")
		f.Float64Var(&o.trainingPrice, "training_price", 0, "price of a million tokens of training, in dollars")
	}}
	promptGroup = group{"Prompt", func(o *options, f *pflag.FlagSet) {
		f.StringVar(&o.promptFile, "prompt", llm.PaperPromptName, "paper; vocabulary: with all descriptions; hint: with the key's successor; or a file with a template of your own (Go's text/template)")
	}}
	plannerGroup = group{"Planner", func(o *options, f *pflag.FlagSet) {
		f.StringVar(&o.planner, "planner", planner.Successor, "successor, random, popular or nearest (no model), or openai (any compatible endpoint)")
		f.StringVar(&o.keys, "keys", "", "all keys, or the observed ones only (default: all where --history ≤ 2, else observed)")
		f.Float64Var(&o.keyCoverage, "key_coverage", 1, "plan the keys with the most users, until they carry this share of users; a later run with more goes on from there")
		f.StringVar(&o.blockFile, "block_clusters", "", "file of clusters that are never planned: an id or a description a line")
		f.StringVar(&o.overrideFile, "overrides", "", "CSV of a person's word for keys: the clusters of a key, oldest first, and the one to plan")
		f.BoolVar(&o.estimate, "estimate", false, "print what the run would ask, and stop")
	}}
	modelGroup = group{"Model (--planner=openai)", func(o *options, f *pflag.FlagSet) {
		f.StringVar(&o.model.Endpoint, "llm_endpoint", "", "base URL, with /v1 at its end")
		f.StringVar(&o.model.Name, "llm_model", "", "name of the model")
		f.StringVar(&o.model.KeyEnv, "llm_api_key_env", "", "name of the environment variable that holds the API key; never the key itself")
		f.StringVar(&o.model.KeyFile, "llm_api_key_file", "", "file that holds the API key, in place of a variable")
		f.IntVar(&o.model.Concurrency, "llm_concurrency", 64, "calls in flight, of each worker process")
		f.DurationVar(&o.model.Timeout, "llm_timeout", 60*time.Second, "time that one call may take")
		f.StringVar((*string)(&o.model.Decode), "llm_decode", string(llm.FreeDecoding), "free: the model answers as it likes; or hold it to the vocabulary by json_schema (OpenAI and most others), "+
			"choice (vLLM), grammar or llguidance (llama.cpp); a canary call proves first that the endpoint does")
		f.IntVar(&o.model.Reasks, "llm_reasks", 2, "times that a free answer which names no novel cluster is asked again, with the reason")
		f.Float64Var(&o.model.Temperature, "llm_temperature", 0, "sampling temperature in [0, 2]; below 0 leaves it to the endpoint (default 0)")
		f.IntVar(&o.model.MaxTokens, "llm_max_tokens", 64, "longest answer, in tokens")
		f.Float64Var(&o.model.RequestsPerMinute, "llm_requests_per_minute", 0, "requests that the endpoint allows a minute (default: no limit)")
		f.Float64Var(&o.model.TokensPerMinute, "llm_tokens_per_minute", 0, "tokens that the endpoint allows a minute, prompts and longest answers (default: no limit)")
		f.Int64Var(&o.model.MaxCalls, "llm_max_calls", 0, "calls that this run may make; then it stops with exit code 4, and the same command goes on (default: no limit)")
		f.Float64Var(&o.model.MaxCost, "llm_max_cost", 0, "dollars that this run may spend, by the prices below (default: no limit)")
		f.Float64Var(&o.model.Prices.Prompt, "llm_price_prompt", 0, "price of a million tokens of prompts, in dollars")
		f.Float64Var(&o.model.Prices.Completion, "llm_price_completion", 0, "price of a million tokens of answers, in dollars")
		f.IntVar(&o.model.Samples, "samples", 1, "answers to ask for of each key, at a temperature; the cluster with most votes is planned")
		f.BoolVar(&o.align, "align", false, "let a model score each candidate from 0 to 10, and plan the best (one more call a candidate)")
		f.StringVar(&o.alignModel, "align_model", "", "model that scores (default: --llm_model)")
		f.StringVar(&o.alignEndpoint, "align_endpoint", "", "base URL of the model that scores (default: --llm_endpoint)")
		f.BoolVar(&o.model.Rematch, "rematch", false, "make the table from stored answers alone, without a call; keys without one are not_planned")
	}}
	modeGroup = group{"Batches and files (--planner=openai)", func(o *options, f *pflag.FlagSet) {
		f.StringVar((*string)(&o.mode), "llm_mode", string(plan.ModeOnline), "online: a call a question; batch: through the endpoint's batches, as of OpenAI, at half of the price within a day; "+
			"export: write files of requests for vLLM's run-batch or a provider's bulk job, and no table; import: take their results")
		f.StringVar(&o.batchFiles, "llm_batch_files", "", "folder that export writes to; or the files of results that import reads, a path or a glob; local or gs://")
		f.IntVar(&o.batchRequests, "llm_batch_requests", 50_000, "most requests of a batch or a file")
		f.DurationVar(&o.batchPoll, "llm_batch_poll", 5*time.Second, "first pause between two looks at batches; it doubles up to 5 minutes")
		f.BoolVar(&o.batchCancel, "llm_batch_cancel", false, "cancel the batches that are under way, and stop; what they have answered is kept by the next run")
	}}
	gatesGroup = group{"Gates", func(o *options, f *pflag.FlagSet) {
		f.Float64Var(&o.minMatchRate, "min_match_rate", 0.90, "least share of answers that name a cluster, to publish")
		f.Float64Var(&o.maxFailed, "max_failed", 0.01, "largest share of keys without an answer, to publish")
	}}
	recallGroup = group{"Gate on recall", func(o *options, f *pflag.FlagSet) {
		f.StringVar(&o.minRecall, "min_recall", "", "least recall@1 of the planner to publish: a share such as 0.05, or a multiple of a random plan's such as 2x (default: none)")
	}}
	publishGroup = group{"Publishing", func(o *options, f *pflag.FlagSet) {
		f.BoolVar(&o.publish, "publish", true, "move lookup/CURRENT if the gates hold")
	}}
	tableGroup = group{"Table", func(o *options, f *pflag.FlagSet) {
		f.StringVar(&o.lookup, "lookup", "", "version of lookup/ to use, such as v=20260102T030405.000Z (default: the published one)")
	}}
	judgeGroup = group{"Judging", func(o *options, f *pflag.FlagSet) {
		f.BoolVar(&o.recallOnly, "recall_only", false, "compute what the table recalls and nothing else: no baselines, no report; the metrics are kept, unpublished")
	}}
	slatesGroup = group{"Recommendations", func(o *options, f *pflag.FlagSet) {
		f.IntVar(&o.slots, "slots", policy.DefaultSlots, "items recommended to a user")
		f.Float64Var(&o.exploreShare, "explore_share", policy.DefaultExploreShare, "share of the slots for items of planned clusters, in [0, 1]")
	}}
	runnerGroup = group{"Runner (every flag of Beam's runners is accepted)", func(_ *options, f *pflag.FlagSet) {
		shown := map[string]bool{"runner": true, "endpoint": true, "project": true, "region": true, "staging_location": true,
			"environment_type": true, "environment_config": true, "dry_run": true, "async": true}
		flag.VisitAll(func(g *flag.Flag) {
			p := pflag.PFlagFromGoFlag(g)
			p.Hidden = !shown[g.Name]
			f.AddFlag(p)
		})
	}}
)

// The values of --embeddings.
const (
	lsaEmbeddings    = "lsa"
	openaiEmbeddings = "openai"
	// Those of --describe.
	phrasesDescribe = "phrases"
	llmDescribe     = "llm"
)

func itemIDFlag(o *options, f *pflag.FlagSet) {
	f.StringVar(&o.ItemID, "item_id_column", "item_id", "column of item ids")
}

// withFlags gives a command its groups of flags, help that shows them so, and
// a check of their values.
func withFlags(cmd *cobra.Command, o *options, groups ...group) *cobra.Command {
	type titled struct {
		title string
		flags *pflag.FlagSet
	}
	var sets []titled
	for _, g := range groups {
		set := pflag.NewFlagSet(g.title, pflag.ContinueOnError)
		set.SortFlags = false // in the order of their group
		// A group may leave out what an earlier one of the command has.
		cmd.Flags().VisitAll(func(f *pflag.Flag) { set.AddFlag(f) })
		g.flags(o, set)
		own := pflag.NewFlagSet(g.title, pflag.ContinueOnError)
		own.SortFlags = false
		set.VisitAll(func(f *pflag.Flag) {
			if cmd.Flags().Lookup(f.Name) == nil {
				own.AddFlag(f)
			}
		})
		cmd.Flags().AddFlagSet(own)
		sets = append(sets, titled{g.title, own})
	}
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return o.check(cmd.Flags()) }
	cmd.SetUsageFunc(func(cmd *cobra.Command) error {
		w := cmd.OutOrStderr()
		fmt.Fprintf(w, "Usage:\n  %s\n", cmd.UseLine())
		if cmd.Example != "" {
			fmt.Fprintf(w, "\nExample:\n%s\n", cmd.Example)
		}
		for _, s := range sets {
			fmt.Fprintf(w, "\n%s:\n%s", s.title, s.flags.FlagUsagesWrapped(110))
		}
		return nil
	})
	return cmd
}

// promptText reads the template that --prompt names.
func (o *options) promptText() (string, error) {
	if text, ok := llm.BuiltinTemplate(o.promptFile); ok {
		return text, nil
	}
	data, err := os.ReadFile(o.promptFile)
	if err != nil {
		return "", job.UsageError("--prompt=%s: want %s, or a file that can be read: %w", o.promptFile, strings.Join(llm.BuiltinPrompts, ", "), err)
	}
	return string(data), nil
}

func (o *options) forCluster() cluster.Options {
	options := cluster.Options{Inputs: o.Inputs, Clusters: o.clusters, Levels: o.levels, FitSample: o.fitSample, Previous: o.previous, AssignOnly: o.assignOnly, Epsilon: o.epsilon, Phrases: o.phrases, Seed: o.seed}
	if o.embeddings == openaiEmbeddings {
		options.Embeddings = &o.embed
	}
	if o.describe == llmDescribe {
		options.Names = &o.model
	}
	return options
}

func (o *options) forCurate() (curate.Options, error) {
	prompt, err := o.promptText()
	return curate.Options{
		Inputs: o.Inputs, History: o.history, KeyOrder: keyspace.Order(o.keyOrder), Shards: o.shards,
		MinUsers: o.minUsers, AlignmentMinUsers: o.alignmentUsers, Curation: o.curation, ContextsPerLabel: o.contextsPerLabel,
		ValidationShare: o.validationShare, TrainingPrice: o.trainingPrice, Seed: o.seed, Prompt: prompt, ChatFormat: o.chatFormat,
	}, err
}

func (o *options) forPlan() (plan.Options, error) {
	prompt, err := o.promptText()
	model := o.model
	model.Prompt, model.Seed = prompt, o.seed
	if o.align {
		model.Align = &planning.Align{Endpoint: cmp.Or(o.alignEndpoint, model.Endpoint), Name: cmp.Or(o.alignModel, model.Name)}
	}
	return plan.Options{
		Planner: o.planner, History: o.history, KeyOrder: keyspace.Order(o.keyOrder), Keys: o.keys, Shards: o.shards,
		Seed: o.seed, Model: model, MinMatchRate: o.minMatchRate, MaxFailed: o.maxFailed, Publish: o.publish,
		Mode: o.mode, BatchFiles: o.batchFiles, BatchRequests: o.batchRequests, BatchPoll: o.batchPoll,
		KeyCoverage: o.keyCoverage, BlockFile: o.blockFile, OverrideFile: o.overrideFile,
	}, err
}

// insteadOfPlan is what plan does in place of a table; nil if it makes one.
func (o *options) insteadOfPlan() func(context.Context, *job.Command, plan.Options) error {
	asks := o.planner == planner.OpenAI
	switch {
	case o.estimate:
		return plan.Estimate
	case asks && o.batchCancel:
		return plan.Cancel
	case asks && o.mode == plan.ModeExport:
		return plan.Export
	}
	return nil
}

func (o *options) forRecommend() recommend.Options {
	return recommend.Options{Inputs: o.Inputs, Lookup: o.lookup, Shards: o.shards, Slots: o.slots, ExploreShare: o.exploreShare}
}

func (o *options) forEvaluate() evaluate.Options {
	return evaluate.Options{Inputs: o.Inputs, Lookup: o.lookup, Seed: o.seed, RecallOnly: o.recallOnly}
}
