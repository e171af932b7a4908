package planning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"foray/llm"
	"foray/llm/batch"
	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/paidlog"
	"foray/transforms/store"
)

// Backlog is all questions of a table that have no stored answer, for whoever
// asks them other than one by one: through batches, or files carried by hand.
// The paid log is its own until Close. Not safe for concurrent use.
type Backlog struct {
	cfg    Config
	world  *World
	asking *asking
	bucket store.Bucket
	log    *paidlog.Log

	// fresh are the requests that were answered since Next: their answers may
	// raise others, but not before all that was under way has come to an end.
	fresh map[llm.ID]bool
	// failed are the requests that are not asked again by this command.
	failed map[llm.ID]*llm.CallError
	// keys have an answer that this command asked for.
	keys map[string]bool
	// asked counts the requests that have come to an end.
	asked                          int64
	promptTokens, completionTokens int64

	// reach is how many requests the budget allows until Next, once measured,
	// of which settled have come to an end; beyond says that there are more.
	reach, settled   int64
	measured, beyond bool
}

// OpenBacklog opens the backlog of a table that is to be made.
func OpenBacklog(ctx context.Context, cfg Config) (*Backlog, error) {
	w, err := LoadWorld(ctx, cfg)
	if err != nil {
		return nil, err
	}
	b := &Backlog{cfg: cfg, world: w, fresh: map[llm.ID]bool{}, failed: map[llm.ID]*llm.CallError{}, keys: map[string]bool{}}
	if b.asking, err = newAsking(cfg, w); err != nil {
		return nil, err
	}
	if b.bucket, err = store.Open(ctx, cfg.Output); err != nil {
		return nil, err
	}
	if b.log, err = paidlog.Open(context.WithoutCancel(ctx), b.bucket); err != nil {
		return nil, err
	}
	return b, nil
}

// Outstanding are the requests to be asked, in the order of keys and samples,
// as far as the budget reaches: --llm_max_calls counts them, and --llm_max_cost
// what they have cost and may cost yet. How far, the first pass finds out, so
// that those to come may leave out what was answered, and hold nothing new.
func (b *Backlog) Outstanding(ctx context.Context) batch.Requests {
	return func(yield func(llm.Request, error) bool) {
		if err := b.measure(ctx); err != nil {
			yield(llm.Request{}, err)
			return
		}
		left := b.reach - b.settled
		for r, err := range b.unanswered(ctx) {
			if left--; left < 0 || !yield(r, err) {
				return
			}
		}
	}
}

// unanswered are the requests without an answer or a failure.
func (b *Backlog) unanswered(ctx context.Context) batch.Requests {
	return func(yield func(llm.Request, error) bool) {
		for t, err := range b.turns(ctx) {
			if (err != nil || !t.answered && b.failed[t.id] == nil) && !yield(t.Request, err) {
				return
			}
		}
	}
}

// measure finds out how many requests the budget allows until Next.
func (b *Backlog) measure(ctx context.Context) error {
	if b.measured {
		return nil
	}
	m := b.cfg.Model
	b.reach, b.settled, b.beyond = math.MaxInt64, 0, false
	if m.MaxCalls > 0 || m.MaxCost > 0 {
		b.reach = 0
		cost := b.cost(b.promptTokens, b.completionTokens)
		for r, err := range b.unanswered(ctx) {
			if err != nil {
				return err
			}
			if m.MaxCost > 0 {
				cost += b.cost(int64(tokens().Prompt(&r)), int64(m.MaxTokens))
			}
			b.beyond = m.MaxCalls > 0 && b.asked+b.reach >= m.MaxCalls || m.MaxCost > 0 && cost > m.MaxCost
			if b.beyond {
				break
			}
			b.reach++
		}
	}
	b.measured = true
	return nil
}

// All are the requests to be asked, and those that led there and are answered.
func (b *Backlog) All(ctx context.Context) batch.Requests {
	return func(yield func(llm.Request, error) bool) {
		for t, err := range b.turns(ctx) {
			if !yield(t.Request, err) {
				return
			}
		}
	}
}

// turns are those of all keys that are to be asked about; a conversation ends
// before an answer that is fresh.
func (b *Backlog) turns(ctx context.Context) iter.Seq2[turn, error] {
	return func(yield func(turn, error) bool) {
		f := &planFn{Config: b.cfg}
		decided := b.cfg.decider(b.world)
		var row schemas.Lookup
		for shard := range b.cfg.Shards {
			for key := range f.keys(b.world, shard).each {
				if row.Key = key; decided(&row) {
					continue
				}
				sample, ended := 0, false
				for t, err := range b.asking.turns(ctx, slices.Clone(key), b.log) {
					if err == nil {
						ended = ended && t.Sample == sample || b.fresh[t.id]
						if sample = t.Sample; ended {
							continue
						}
					}
					if !yield(t, err) {
						return
					}
				}
			}
		}
	}
}

// cost of tokens is in dollars, 0 without prices.
func (b *Backlog) cost(prompt, completion int64) float64 {
	p := b.cfg.Model.Prices
	return (float64(prompt)*p.Prompt + float64(completion)*p.Completion) / 1e6
}

// appendsAtOnce is how many answers wait together until they are kept.
const appendsAtOnce = 1024

// Deliver implements batch.Deliver: answers go to the paid log, failures are
// remembered.
func (b *Backlog) Deliver(ctx context.Context, outcomes []batch.Outcome) error {
	var group errgroup.Group
	group.SetLimit(appendsAtOnce)
	for _, o := range outcomes {
		if o.Err == nil {
			// It is paid for, whoever stops us.
			group.Go(func() error {
				return b.log.Append(context.WithoutCancel(ctx), llm.RecordOf(o.Request.ID(), o.Request, o.Answer))
			})
		}
	}
	// The batch that they came in is forgotten next.
	if err := errors.Join(group.Wait(), b.log.Sync()); err != nil {
		return fmt.Errorf("record answers: %w", err)
	}
	for _, o := range outcomes {
		b.asked++
		b.settled++
		if o.Err != nil {
			b.failed[o.Request.ID()] = callError(o.Err)
			continue
		}
		b.fresh[o.Request.ID()] = true
		b.keys[keyText(o.Request.Key)] = true
		b.promptTokens += int64(o.Answer.PromptTokens)
		b.completionTokens += int64(o.Answer.CompletionTokens)
	}
	return nil
}

// callError is a failure of one request.
func callError(err error) *llm.CallError {
	if call := (*llm.CallError)(nil); errors.As(err, &call) {
		return call
	}
	return &llm.CallError{Message: err.Error()}
}

// Knows tells whether a request has an answer or a failure.
func (b *Backlog) Knows(ctx context.Context, r llm.Request) (bool, error) {
	id := r.ID()
	if b.failed[id] != nil {
		return true, nil
	}
	_, ok, err := b.log.Lookup(ctx, id, r.Key)
	return ok, err
}

// Next lets the answers since it was called last raise other questions, and
// tells whether there were any.
func (b *Backlog) Next() bool {
	any := len(b.fresh) > 0
	clear(b.fresh)
	b.measured = b.measured && !any
	return any
}

// Beyond is the failure of a budget that does not reach to the end; nil if it
// does.
func (b *Backlog) Beyond() error {
	if !b.beyond {
		return nil
	}
	return &llm.TerminalError{Kind: llm.SpentBudget, Advice: "run the same command again to go on, or allow more",
		Err: fmt.Errorf("%d requests came to $%.4f, and the next may exceed --llm_max_calls or --llm_max_cost", b.asked, b.cost(b.promptTokens, b.completionTokens))}
}

// Canary proves that an asker's endpoint holds answers to the vocabulary, if
// anything is to be asked, by one call. See llm.Decoder.
func (b *Backlog) Canary(ctx context.Context, asker llm.Asker) error {
	for r, err := range b.Outstanding(ctx) {
		if err != nil {
			return err
		}
		return b.asking.decoder.Canary(ctx, asker, r)
	}
	return nil
}

// Warnings tell what of the paid log could not be read.
func (b *Backlog) Warnings() []string { return b.log.Warnings() }

// Close gives the paid log back.
func (b *Backlog) Close() error { return b.log.Close() }

// Settled is cfg of a job that makes the table of what is stored now, with the
// backlog's failures and counts.
func (b *Backlog) Settled(ctx context.Context) (Config, error) {
	cfg := b.cfg
	cfg.Model.Failed = commit.NoteName(cfg.Version, cfg.Stage, "failed")
	cfg.Before = map[string]int64{
		CallsMade: b.asked, PromptTokens: b.promptTokens, CompletionTokens: b.completionTokens,
		CostMicroUSD: int64(math.Round(b.cost(b.promptTokens, b.completionTokens) * 1e6)),
		// The job finds all answers recorded; these were not.
		AnswersRecorded: -int64(len(b.keys)),
	}
	failed := failedBefore{}
	for id, call := range b.failed {
		failed[id.String()] = call
	}
	data, err := json.Marshal(failed)
	if err == nil {
		err = store.Write(ctx, b.bucket, cfg.Model.Failed, data)
	}
	if err != nil {
		return cfg, fmt.Errorf("keep why requests failed: %w", err)
	}
	return cfg, nil
}

// failedBefore answers nothing, and tells of requests that failed before, by
// identity.
type failedBefore map[string]*llm.CallError

// readFailed reads what Settled wrote.
func readFailed(ctx context.Context, b store.Bucket, name string) (failedBefore, error) {
	data, err := store.Read(ctx, b, name)
	if err != nil {
		return nil, fmt.Errorf("read why requests failed: %w", err)
	}
	failed := failedBefore{}
	if err := json.Unmarshal(data, &failed); err != nil {
		return nil, fmt.Errorf("read why requests failed: %s: %w", b.URL(name), err)
	}
	return failed, nil
}

// Ask implements llm.Asker.
func (f failedBefore) Ask(_ context.Context, r llm.Request) (llm.Answer, error) {
	if call := f[r.ID().String()]; call != nil {
		return llm.Answer{}, call
	}
	return llm.Answer{}, errNotStored
}
