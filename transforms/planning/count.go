package planning

import (
	"context"
	"slices"

	"foray/schemas"
	"foray/transforms/paidlog"
	"foray/transforms/planner"
	"foray/transforms/store"
)

// Work is what a run would do.
type Work struct {
	// Keys stand in the table. Of them Decided are not asked about (overrides,
	// or outside the coverage). Answered answers are durable, and Calls are to
	// be made, with PromptBytes of prompts.
	Keys, Decided, Answered, Calls, PromptBytes int64
}

// Count counts a run's work without a call.
func Count(ctx context.Context, cfg Config) (Work, error) {
	var work Work
	w, err := LoadWorld(ctx, cfg)
	if err != nil {
		return work, err
	}
	f := &planFn{Config: cfg}
	if cfg.Planner != planner.OpenAI {
		for shard := range cfg.Shards {
			work.Keys += int64(f.keys(w, shard).len)
		}
		return work, nil
	}
	var row schemas.Lookup
	decided := cfg.decider(w)
	questions, err := newAsking(cfg.Model, w)
	if err != nil {
		return work, err
	}
	b, err := store.Open(ctx, cfg.Output)
	if err != nil {
		return work, err
	}
	log, err := paidlog.Open(ctx, b)
	if err != nil {
		return work, err
	}
	defer log.Close()
	for shard := range cfg.Shards {
		for key := range f.keys(w, shard).each {
			work.Keys++
			if row.Key = key; decided(&row) {
				work.Decided++
				continue
			}
			r, err := questions.request(slices.Clone(key))
			if err != nil {
				return work, err
			}
			for r.Sample = range max(cfg.Model.Samples, 1) {
				_, answered, err := log.Lookup(ctx, r.ID(), key)
				if err != nil {
					return work, err
				}
				if answered {
					work.Answered++
					continue
				}
				work.Calls++
				for _, m := range r.Messages {
					work.PromptBytes += int64(len(m.Content))
				}
			}
		}
	}
	return work, nil
}
