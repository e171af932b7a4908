package main

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"foray/llm"
	"foray/pipelines/job"
	"foray/pipelines/plan"
	"foray/schemas"
	"foray/transforms/curation"
	"foray/transforms/describe"
	"foray/transforms/keyspace"
	"foray/transforms/planner"
	"foray/transforms/planning"
	"foray/transforms/read"
)

// check finds values that no run could use, of the flags that a command has,
// before any work is done.
func (o *options) check(f *pflag.FlagSet) error {
	// A shell hands \t on as it is typed, and no file has that between columns.
	o.Delimiter = strings.ReplaceAll(o.Delimiter, `\t`, "\t")
	has := func(name string) bool { return f.Lookup(name) != nil }
	share := func(v float64) bool { return v >= 0 && v <= 1 } // not so for NaN
	switch {
	case has("keep_versions") && o.keepVersions < 0:
		return job.UsageError("--keep_versions=%d: want a number of versions, or 0 to keep all", o.keepVersions)
	case has("phrases") && (o.phrases < 1 || o.phrases > describe.MaxPhrases):
		return job.UsageError("--phrases=%d: a description has 1 to %d phrases", o.phrases, describe.MaxPhrases)
	case has("fit_sample") && o.fitSample < 0:
		return job.UsageError("--fit_sample=%d: want a number of items, or 0 for all", o.fitSample)
	case has("history") && (o.history < 1 || o.history > schemas.MaxHistory):
		return job.UsageError("--history=%d: want 1 to %d clusters", o.history, schemas.MaxHistory)
	case has("key_order") && !slices.Contains([]keyspace.Order{keyspace.Sequence, keyspace.Set}, keyspace.Order(o.keyOrder)):
		return job.UsageError("--key_order=%s: want %s or %s", o.keyOrder, keyspace.Sequence, keyspace.Set)
	case has("shards") && (o.shards < 1 || o.shards > maxShards):
		return job.UsageError("--shards=%d: want 1 to %d parts", o.shards, maxShards)
	case has("input_format") && o.Format != "" && !slices.Contains(read.InputFormats, o.Format):
		return job.UsageError("--input_format=%s is no format: use %s", o.Format, strings.Join(read.InputFormats, ", "))
	case has("min_engagement") && f.Changed("min_engagement") && o.Engagement == "":
		return job.UsageError("--min_engagement=%g: name the column that it is about with --engagement_column", o.MinEngagement)
	case has("max_bad_rows") && !share(o.MaxBadRows):
		return job.UsageError("--max_bad_rows=%g: want a share in [0, 1]", o.MaxBadRows)
	case has("max_unknown_items") && !share(o.MaxUnknownItems):
		return job.UsageError("--max_unknown_items=%g: want a share in [0, 1]", o.MaxUnknownItems)
	case has("history_days") && (o.Keep.HistoryDays < 0 || o.Keep.MinEvents < 0 || o.Keep.MaxEventsPerDay < 0):
		return job.UsageError("--history_days, --min_events and --max_events_per_day count from 1; 0 keeps all")
	case has("min_users") && o.minUsers < 0:
		return job.UsageError("--min_users=%d: want a number of users", o.minUsers)
	case has("contexts_per_label") && o.contextsPerLabel < 1:
		return job.UsageError("--contexts_per_label=%d: want at least one", o.contextsPerLabel)
	case has("curation") && !slices.Contains(curation.Curations, o.curation):
		return job.UsageError("--curation=%s: want %s", o.curation, strings.Join(curation.Curations, ", "))
	case has("chat_format") && !slices.Contains(curation.ChatFormats, o.chatFormat):
		return job.UsageError("--chat_format=%s: want %s", o.chatFormat, strings.Join(curation.ChatFormats, " or "))
	case has("validation_share") && !(o.validationShare >= 0 && o.validationShare < 1):
		return job.UsageError("--validation_share=%g: want a share in [0, 1)", o.validationShare)
	case has("alignment_min_users") && o.alignmentUsers < 1:
		return job.UsageError("--alignment_min_users=%d: want at least one", o.alignmentUsers)
	case has("training_price") && !(o.trainingPrice >= 0):
		return job.UsageError("--training_price=%g: want dollars for a million tokens", o.trainingPrice)
	case has("key_coverage") && (o.keyCoverage <= 0 || o.keyCoverage > 1):
		return job.UsageError("--key_coverage=%g: want a share in (0, 1]", o.keyCoverage)
	case has("min_match_rate") && !share(o.minMatchRate):
		return job.UsageError("--min_match_rate=%g: want a share in [0, 1]", o.minMatchRate)
	case has("max_failed") && !share(o.maxFailed):
		return job.UsageError("--max_failed=%g: want a share in [0, 1]", o.maxFailed)
	case has("min_recall") && o.minRecall != "" && recallBound(o.minRecall, 2, 1) < 0:
		return job.UsageError("--min_recall=%s: want a share in [0, 1], or a multiple of a random plan's recall such as 2x", o.minRecall)
	case has("slots") && (o.slots < 1 || !share(o.exploreShare)):
		return job.UsageError("--slots=%d --explore_share=%g: want at least one slot and a share in [0, 1]", o.slots, o.exploreShare)
	case has("keys") && !slices.Contains([]string{"", plan.AllKeys, plan.ObservedKeys}, o.keys):
		return job.UsageError("--keys=%s: want %s or %s", o.keys, plan.AllKeys, plan.ObservedKeys)
	}
	if has("assign_only") && o.assignOnly {
		for _, other := range []string{"previous", "clusters", "levels", "fit_sample", "phrases", "describe"} {
			if f.Changed(other) {
				return job.UsageError("--assign_only makes no clusters, so there is nothing for --%s to act on: leave one of them out", other)
			}
		}
	}
	if has("embeddings") {
		if err := o.checkEmbeddings(); err != nil {
			return err
		}
	}
	if has("describe") {
		if err := o.checkNames(); err != nil {
			return err
		}
	}
	if has("runner") {
		if err := checkRunner(); err != nil {
			return err
		}
	}
	if !has("planner") || slices.Contains(planner.Baselines, o.planner) {
		return nil
	}
	if o.planner != planner.OpenAI {
		return job.UsageError("--planner=%s is no planner: use %s or %s", o.planner, strings.Join(planner.Baselines, ", "), planner.OpenAI)
	}
	return o.checkModel()
}

// maxShards is the most parts that a part's name can count.
const maxShards = 99999

// usualName is what names of variables look like, and keys do not.
var usualName = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

func (o *options) checkModel() error {
	m := o.model
	needsEndpoint := !m.Rematch && (o.mode == plan.ModeOnline || o.mode == plan.ModeBatch)
	switch {
	case !slices.Contains(plan.Modes, o.mode):
		return job.UsageError("--llm_mode=%s: want one of %v", o.mode, plan.Modes)
	case m.Rematch && o.mode != plan.ModeOnline:
		return job.UsageError("--rematch asks nobody: leave out --llm_mode=%s", o.mode)
	case o.align && o.mode != plan.ModeOnline:
		return job.UsageError("--align scores answers that are there, online: first run without it and with --llm_mode=%s, then with it and --llm_mode=%s, which asks for the scores alone", o.mode, plan.ModeOnline)
	case o.batchCancel && o.mode != plan.ModeBatch:
		return job.UsageError("--llm_batch_cancel cancels batches: add --llm_mode=%s", plan.ModeBatch)
	case (o.batchFiles != "") != (o.mode == plan.ModeExport || o.mode == plan.ModeImport):
		return job.UsageError("--llm_batch_files=%s with --llm_mode=%s: %s and %s need a folder or files, and nothing else does", o.batchFiles, o.mode, plan.ModeExport, plan.ModeImport)
	case o.batchRequests < 1 || o.batchPoll <= 0:
		return job.UsageError("--llm_batch_requests=%d --llm_batch_poll=%v: want at least one request and a time such as 5s", o.batchRequests, o.batchPoll)
	case m.Endpoint == "" && needsEndpoint:
		return job.UsageError("--llm_endpoint is missing: give the base URL of the model, such as http://localhost:8000/v1")
	case m.Name == "":
		return job.UsageError("--llm_model is missing: give the name of the model")
	case m.Concurrency < 1:
		return job.UsageError("--llm_concurrency=%d: want at least one call in flight", m.Concurrency)
	case m.Timeout <= 0:
		return job.UsageError("--llm_timeout=%v: want a time such as 60s", m.Timeout)
	case !(m.Temperature <= 2): // NaN, too
		return job.UsageError("--llm_temperature=%g: want 0 to 2, or a number below 0 to leave it to the endpoint", m.Temperature)
	case m.MaxTokens < 1:
		return job.UsageError("--llm_max_tokens=%d: want at least one", m.MaxTokens)
	case !(m.RequestsPerMinute >= 0 && m.TokensPerMinute >= 0):
		return job.UsageError("--llm_requests_per_minute=%g --llm_tokens_per_minute=%g: want numbers, or 0 for no limit", m.RequestsPerMinute, m.TokensPerMinute)
	case m.Reasks < 0:
		return job.UsageError("--llm_reasks=%d: want a number of times, or 0", m.Reasks)
	case m.Samples < 1:
		return job.UsageError("--samples=%d: want at least one answer", m.Samples)
	case m.Samples > 1 && m.Temperature == 0:
		return job.UsageError("--samples=%d with --llm_temperature=0 is one answer %d times: give a temperature such as 0.7", m.Samples, m.Samples)
	case !slices.Contains(llm.Decodings, m.Decode):
		return job.UsageError("--llm_decode=%s: want one of %v", m.Decode, llm.Decodings)
	case !o.align && (o.alignModel != "" || o.alignEndpoint != ""):
		return job.UsageError("--align_model and --align_endpoint say who scores: add --align")
	case m.KeyEnv != "" && m.KeyFile != "":
		return job.UsageError("--llm_api_key_env and --llm_api_key_file: give one of them")
	}
	if _, err := llm.NewBudget(llm.BudgetConfig{MaxCost: m.MaxCost, MaxCalls: m.MaxCalls, Prices: m.Prices}); err != nil {
		return job.UsageError("%w", err)
	}
	if !needsEndpoint {
		return nil
	}
	if o.alignEndpoint != "" {
		if _, err := llm.NewClient(llm.ClientConfig{Endpoint: o.alignEndpoint}); err != nil {
			return job.UsageError("--align_endpoint: %w", err)
		}
	}
	if _, err := llm.NewClient(llm.ClientConfig{Endpoint: m.Endpoint}); err != nil {
		return job.UsageError("--llm_endpoint: %w", err)
	}
	return checkKey(m)
}

func (o *options) checkEmbeddings() error {
	m := o.embed.Model
	switch {
	case o.embeddings == lsaEmbeddings && m.Endpoint == "" && m.Name == "":
		return nil
	case o.embeddings == lsaEmbeddings:
		return job.UsageError("--embed_endpoint and --embed_model say who embeds: add --embeddings=%s", openaiEmbeddings)
	case o.embeddings != openaiEmbeddings:
		return job.UsageError("--embeddings=%s: want %s or %s", o.embeddings, lsaEmbeddings, openaiEmbeddings)
	case o.Embedding != "":
		return job.UsageError("--embedding_column and --embeddings=%s: give one of them", openaiEmbeddings)
	case o.embed.Dims < 0 || o.embed.Batch < 1:
		return job.UsageError("--embed_dims=%d --embed_batch=%d: want a length, or 0 for the model's own, and at least one text", o.embed.Dims, o.embed.Batch)
	}
	return checkEndpoint("embed", m)
}

func (o *options) checkNames() error {
	m := o.model
	switch {
	case o.describe == phrasesDescribe:
		return nil
	case o.describe != llmDescribe:
		return job.UsageError("--describe=%s: want %s or %s", o.describe, phrasesDescribe, llmDescribe)
	case !(m.Temperature <= 2): // NaN, too
		return job.UsageError("--llm_temperature=%g: want 0 to 2, or a number below 0 to leave it to the endpoint", m.Temperature)
	case m.MaxTokens < 1:
		return job.UsageError("--llm_max_tokens=%d: want at least one", m.MaxTokens)
	}
	return checkEndpoint("llm", m)
}

// checkEndpoint checks what is said of a model and its endpoint, by flags that
// begin with prefix.
func checkEndpoint(prefix string, m planning.Model) error {
	switch {
	case m.Endpoint == "":
		return job.UsageError("--%s_endpoint is missing: give the base URL of the model, such as http://localhost:8000/v1", prefix)
	case m.Name == "":
		return job.UsageError("--%s_model is missing: give the name of the model", prefix)
	case m.Concurrency < 1:
		return job.UsageError("--%s_concurrency=%d: want at least one call in flight", prefix, m.Concurrency)
	case m.Timeout <= 0:
		return job.UsageError("--%s_timeout=%v: want a time such as 60s", prefix, m.Timeout)
	case !(m.RequestsPerMinute >= 0 && m.TokensPerMinute >= 0):
		return job.UsageError("--%s_requests_per_minute=%g --%[1]s_tokens_per_minute=%g: want numbers, or 0 for no limit", prefix, m.RequestsPerMinute, m.TokensPerMinute)
	case m.KeyEnv != "" && m.KeyFile != "":
		return job.UsageError("--%s_api_key_env and --%[1]s_api_key_file: give one of them", prefix)
	}
	if _, err := llm.NewBudget(llm.BudgetConfig{MaxCost: m.MaxCost, MaxCalls: m.MaxCalls, Prices: m.Prices, Flags: prefix}); err != nil {
		return job.UsageError("%w", err)
	}
	if _, err := llm.NewClient(llm.ClientConfig{Endpoint: m.Endpoint}); err != nil {
		return job.UsageError("--%s_endpoint: %w", prefix, err)
	}
	return checkKey(m)
}

// checkKey looks whether the key can be had. Workers elsewhere have an
// environment of their own. What is given in place of a name must not get into
// a job's graph, for it may be a key.
func checkKey(m planning.Model) error {
	_, set := os.LookupEnv(m.KeyEnv)
	if _, err := m.Key(); err != nil && (job.WorkersHere() || m.KeyFile == "" && !set && !usualName.MatchString(m.KeyEnv)) {
		return job.UsageError("%w", err)
	}
	return nil
}

// checkRunner refuses what a runner would overlook.
func checkRunner() error {
	job.WorkersHere() // while the flags are as they were given
	given := func(name string) bool {
		f := flag.Lookup(name)
		return f != nil && f.Value.String() != f.DefValue
	}
	dataflow := slices.Contains([]string{"dataflow", "DataflowRunner"}, job.Runner())
	switch {
	case !slices.Contains(job.Runners, job.Runner()):
		return job.UsageError("--runner=%s is no runner: use one of %s", job.Runner(), strings.Join(job.Runners, ", "))
	case given("dry_run") && !dataflow:
		return job.UsageError("--dry_run is Dataflow's: add --runner=dataflow (foray plan --estimate counts the work of any runner)")
	case given("template_location") && !dataflow:
		return job.UsageError("--template_location is Dataflow's: add --runner=dataflow")
	case given("async") && job.RunnerHere():
		return job.UsageError("--async: this runner ends with the command; name one that outlives it with --runner and --endpoint")
	}
	return nil
}
