package planning

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/semaphore"

	"foray/llm"
)

// durably is a log with at most n calls in flight, where a call is in flight
// until its answer is kept: so many, and no more, does a kill cost. A slot
// is taken by the Ask of what holding makes, which stands below the retries (a
// pause holds none), and given back by Append, which llm.Recorded calls once
// for every answer.
type durably struct {
	callLog
	slots *semaphore.Weighted
}

// callLog is a log that counts the calls in flight, too.
type callLog interface {
	llm.Log
	Begin() error
	End() error
}

func newDurably(log callLog, n int) *durably {
	return &durably{log, semaphore.NewWeighted(int64(max(n, 1)))}
}

// holding is asker whose calls each hold a slot.
func (d *durably) holding(asker llm.Asker) llm.Asker { return &holding{asker, d} }

type holding struct {
	asker llm.Asker
	*durably
}

// Ask implements llm.Asker.
func (d *holding) Ask(ctx context.Context, r llm.Request) (llm.Answer, error) {
	if err := d.slots.Acquire(ctx, 1); err != nil {
		return llm.Answer{}, fmt.Errorf("wait for a call's turn: %w", context.Cause(ctx))
	}
	answer, err := d.asker.Ask(ctx, r)
	if err != nil {
		d.slots.Release(1)
	}
	return answer, err
}

// counting is asker whose calls the log counts, from their begin until they
// fail, or until their answers are kept.
func (d *durably) counting(asker llm.Asker) llm.Asker { return &counting{asker, d} }

type counting struct {
	asker llm.Asker
	*durably
}

// Ask implements llm.Asker.
func (d *counting) Ask(ctx context.Context, r llm.Request) (llm.Answer, error) {
	if err := d.Begin(); err != nil {
		return llm.Answer{}, cannotCount(err)
	}
	answer, err := d.asker.Ask(ctx, r)
	if err != nil {
		if e := d.End(); e != nil {
			err = cannotCount(e)
		}
	}
	return answer, err
}

func cannotCount(err error) error {
	return &llm.TerminalError{Kind: llm.LogFailed, Advice: "mend the storage of the answers (space, permissions) and run the same command again", Err: err}
}

// AppendAll keeps the records of one call.
func (d *durably) AppendAll(ctx context.Context, records []llm.Record) error {
	defer d.slots.Release(1)
	return errors.Join(llm.AppendAll(ctx, d.callLog, records), d.End())
}

// Append implements llm.Log.
func (d *durably) Append(ctx context.Context, r llm.Record) error {
	defer d.slots.Release(1)
	return errors.Join(d.callLog.Append(ctx, r), d.End())
}
