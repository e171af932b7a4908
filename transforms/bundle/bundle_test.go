package bundle

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
)

// run starts n tasks, each of which gives its number times ten and up, and
// returns all that was taken.
func run(t *testing.T, w *Work[int], n, each int) []int {
	t.Helper()
	var got []int // unguarded: the race detector tells if two goroutines take
	take := func(v int) { got = append(got, v) }
	for i := range n {
		err := w.Go(t.Context(), func(_ context.Context, give func(int)) error {
			for j := range each {
				give(i*each + j)
			}
			return nil
		}, take)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Wait(take); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWorkGivesEverythingOnce(t *testing.T) {
	var w Work[int]
	for range 3 { // a DoFn's value serves several bundles
		got := run(t, &w, 40, 1000)
		slices.Sort(got)
		for i, v := range got {
			if i != v {
				t.Fatalf("at %d: %d", i, v)
			}
		}
		if len(got) != 40_000 {
			t.Fatalf("%d given, want 40,000", len(got))
		}
	}
}

func TestWorkOfNothing(t *testing.T) {
	var w Work[int]
	if err := w.Wait(func(int) { t.Error("took something") }); err != nil {
		t.Error(err)
	}
}

func TestWorkRunsAsManyTasksAtOnceAndNoMore(t *testing.T) {
	cores := AtOnce()
	var w Work[int]
	var now, most atomic.Int64
	all := make(chan struct{})
	for i := range 4 * cores {
		err := w.Go(t.Context(), func(ctx context.Context, _ func(int)) error {
			n := now.Add(1)
			defer now.Add(-1)
			most.Store(max(most.Load(), n))
			if i < cores { // the first tasks wait for each other
				if int(n) == cores {
					close(all)
				}
				select {
				case <-all:
				case <-ctx.Done():
				}
			}
			return nil
		}, func(int) {})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Wait(func(int) {}); err != nil {
		t.Fatal(err)
	}
	if most.Load() != int64(cores) {
		t.Errorf("%d tasks at once, want %d", most.Load(), cores)
	}
}

func TestWorkEndsWithTheFirstError(t *testing.T) {
	boom := errors.New("boom")
	var w Work[int]
	stopped := make(chan struct{})
	fail := func(context.Context, func(int)) error { return boom }
	forever := func(ctx context.Context, give func(int)) error {
		defer close(stopped)
		for ctx.Err() == nil {
			give(1)
		}
		return nil
	}
	err := w.Go(t.Context(), forever, func(int) {})
	if err == nil {
		err = w.Go(t.Context(), fail, func(int) {})
	}
	if err == nil {
		err = w.Wait(func(int) {})
	}
	if !errors.Is(err, boom) {
		t.Errorf("error %v, want %v", err, boom)
	}
	<-stopped
	if got := run(t, &w, 3, 10); len(got) != 30 {
		t.Errorf("after an error: %d given, want 30", len(got))
	}
}

func TestWorkEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var w Work[int]
	err := w.Go(ctx, func(ctx context.Context, _ func(int)) error { <-ctx.Done(); return ctx.Err() }, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := w.Wait(func(int) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}
