package llm

import (
	"context"
	"fmt"

	"golang.org/x/sync/semaphore"
)

type inFlight struct {
	asker Asker
	slots *semaphore.Weighted
}

// InFlight is asker with at most n calls at a time; others wait. Put it below
// Retrying, so that a pause before another attempt holds no slot, and below
// Recorded, so that neither does an answer that is being kept.
func InFlight(asker Asker, n int) Asker {
	return &inFlight{asker, semaphore.NewWeighted(int64(max(n, 1)))}
}

// Ask implements Asker.
func (a *inFlight) Ask(ctx context.Context, r Request) (Answer, error) {
	if err := a.slots.Acquire(ctx, 1); err != nil {
		return Answer{}, fmt.Errorf("wait for a call's turn: %w", context.Cause(ctx))
	}
	defer a.slots.Release(1)
	return a.asker.Ask(ctx, r)
}
