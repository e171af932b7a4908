package planning

import (
	"context"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"foray/llm"
	"foray/schemas"
	"foray/transforms/bundle"
	"foray/transforms/paidlog"
	"foray/transforms/planner"
	"foray/transforms/store"
)

// Work is what a run would do. Answers that are asked again, if they are not
// stored yet, and scores of candidates come on top: how many, only the answers
// tell.
type Work struct {
	// Keys stand in the table. Of them Decided are not asked about (overrides,
	// or outside the coverage). Answered answers are kept, and Calls are to
	// be made, with PromptTokens in all.
	Keys, Decided, Answered, Calls, PromptTokens int64
	// Changed calls are about keys that the same model was asked about before,
	// with another prompt. Only an exact count tells.
	Changed int64
}

// add counts what a part of the work is.
func (w *Work) add(part *Work) {
	for _, n := range []struct{ to, n *int64 }{
		{&w.Keys, &part.Keys}, {&w.Decided, &part.Decided}, {&w.Answered, &part.Answered}, {&w.Calls, &part.Calls}, {&w.PromptTokens, &part.PromptTokens},
		{&w.Changed, &part.Changed},
	} {
		atomic.AddInt64(n.to, *n.n)
	}
}

// Keys is the number of keys of a table.
func Keys(ctx context.Context, cfg Config) (n int64, err error) {
	w, err := LoadWorld(ctx, cfg)
	if err != nil {
		return 0, err
	}
	f := &planFn{Config: cfg}
	for shard := range cfg.Shards {
		n += int64(f.keys(w, shard).len)
	}
	return n, nil
}

// Count counts a run's work without a call. Of every step keys, one is looked
// at and stands for the others; with a step of 1 the count is exact.
func Count(ctx context.Context, cfg Config, step int) (Work, error) {
	var work Work
	w, err := LoadWorld(ctx, cfg)
	if err != nil {
		return work, err
	}
	if cfg.Planner != planner.OpenAI {
		work.Keys, err = Keys(ctx, cfg)
		return work, err
	}
	f := &planFn{Config: cfg}
	questions, err := newAsking(cfg, w)
	if err != nil {
		return work, err
	}
	b, err := store.Open(ctx, cfg.Output)
	if err != nil {
		return work, err
	}
	// Looking makes nothing: an output without answers has no log to open.
	stored, err := b.List(ctx, paidlog.Root+"/")
	if err != nil {
		return work, err
	}
	var log llm.Log
	var asked paidlog.Asked
	if len(stored) > 0 {
		opened, err := paidlog.Open(ctx, b)
		if err != nil {
			return work, err
		}
		defer opened.Close()
		if step == 1 {
			if asked, err = opened.Asked(ctx, cfg.Model.Name); err != nil {
				return work, err
			}
		}
		log = opened
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(bundle.AtOnce())
	for shard := range cfg.Shards {
		group.Go(func() error {
			part, err := f.count(ctx, w, shard, step, questions, log, asked)
			work.add(&part)
			return err
		})
	}
	return work, group.Wait()
}

// count counts one shard's work.
func (f *planFn) count(ctx context.Context, w *World, shard, step int, questions *asking, log llm.Log, asked paidlog.Asked) (Work, error) {
	var work Work
	var row schemas.Lookup
	decided := f.Config.decider(w)
	looked, i := int64(0), 0
	for key := range f.keys(w, shard).each {
		if i++; (i-1)%step != 0 {
			continue
		}
		looked++
		if row.Key = key; decided(&row) {
			work.Decided++
			continue
		}
		known := false // answers to this prompt are
		for t, err := range questions.turns(ctx, slices.Clone(key), log) {
			switch {
			case err != nil:
				return work, err
			case t.answered:
				work.Answered++
				known = true
			default:
				work.Calls++
				if !known && asked.Holds(key) {
					work.Changed++
				}
				work.PromptTokens += int64(tokens().Prompt(&t.Request))
			}
		}
	}
	work.Keys = int64(i)
	for _, n := range []*int64{&work.Decided, &work.Answered, &work.Calls, &work.PromptTokens} {
		if looked > 0 {
			*n = *n * work.Keys / looked
		}
	}
	return work, nil
}

// Encoding is the encoding that Count counts tokens in, and whether it is the
// model's own.
func (cfg Config) Encoding() (name string, own bool) { return llm.Encoding(cfg.Model.Name) }
