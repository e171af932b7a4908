package llm

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

type askFunc func(context.Context, Request) (Answer, error)

func (f askFunc) Ask(ctx context.Context, r Request) (Answer, error) { return f(ctx, r) }

func TestInFlight(t *testing.T) {
	var now, most atomic.Int64
	release := make(chan struct{})
	asker := InFlight(askFunc(func(context.Context, Request) (Answer, error) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		<-release
		now.Add(-1)
		return Answer{Text: "yes"}, nil
	}), 3)
	var done sync.WaitGroup
	for range 20 {
		done.Go(func() {
			if a, err := asker.Ask(t.Context(), Request{}); err != nil || a.Text != "yes" {
				t.Errorf("got %v, %v", a, err)
			}
		})
	}
	for now.Load() < 3 {
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := asker.Ask(ctx, Request{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled wait gave %v", err)
	}
	close(release)
	done.Wait()
	if most.Load() != 3 {
		t.Errorf("%d calls at a time, want 3", most.Load())
	}
}
