package planning

import (
	"context"
	"fmt"

	"golang.org/x/sync/semaphore"

	"foray/llm"
)

// durably is asker and log with at most n calls in flight, where a call is in
// flight until its answer is durable: so many, and no more, does a crash
// cost. A slot is taken by Ask, which stands below the retries (a pause holds
// none), and given back by Append, which llm.Recorded calls once for every
// answer.
type durably struct {
	asker llm.Asker
	llm.Log
	slots *semaphore.Weighted
}

func newDurably(asker llm.Asker, log llm.Log, n int) *durably {
	return &durably{asker, log, semaphore.NewWeighted(int64(max(n, 1)))}
}

// Ask implements llm.Asker.
func (d *durably) Ask(ctx context.Context, r llm.Request) (llm.Answer, error) {
	if err := d.slots.Acquire(ctx, 1); err != nil {
		return llm.Answer{}, fmt.Errorf("wait for a call's turn: %w", context.Cause(ctx))
	}
	answer, err := d.asker.Ask(ctx, r)
	if err != nil {
		d.slots.Release(1)
	}
	return answer, err
}

// Append implements llm.Log.
func (d *durably) Append(ctx context.Context, r llm.Record) error {
	defer d.slots.Release(1)
	return d.Log.Append(ctx, r)
}
