package paidlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"foray/llm"
)

// asking is an llm.Asker made of a function.
type asking func(context.Context, llm.Request) (llm.Answer, error)

func (f asking) Ask(ctx context.Context, r llm.Request) (llm.Answer, error) { return f(ctx, r) }

// A run that is stopped half-way and run again pays for each answer once.
func TestStoppedAndRunAgain(t *testing.T) {
	const n, atOnce = 2000, 16
	dir := t.TempDir()
	var calls atomic.Int64
	run := func(ctx context.Context, stopAfter int64, stop func()) {
		l := open(t, dir)
		asker := llm.Recorded(asking(func(ctx context.Context, r llm.Request) (llm.Answer, error) {
			if ctx.Err() != nil {
				return llm.Answer{}, context.Cause(ctx)
			}
			if calls.Add(1) == stopAfter {
				stop()
			}
			return llm.Answer{Text: "answer to " + r.Messages[0].Content}, nil
		}), l)
		var wg sync.WaitGroup
		for g := range atOnce {
			wg.Go(func() {
				for i := g; i < n; i += atOnce {
					question := fmt.Sprint("question ", i)
					answer, err := asker.Ask(ctx, llm.Request{Model: "m", Key: []int32{int32(i % 100)}, Messages: []llm.Message{{Role: llm.RoleUser, Content: question}}})
					if errors.Is(err, context.Canceled) {
						return
					}
					if err != nil || answer.Text != "answer to "+question {
						t.Errorf("%s: %+v, %v", question, answer, err)
						return
					}
				}
			})
		}
		wg.Wait()
		abandon(t, l) // as if it were killed now
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run(ctx, n/2, cancel)
	if got := calls.Load(); got < n/2 || got >= n {
		t.Fatalf("%d calls before the stop, want about %d", got, n/2)
	}
	for range 2 {
		run(t.Context(), 0, nil)
		if got := calls.Load(); got != n {
			t.Fatalf("%d calls, want %d", got, n)
		}
	}
}
