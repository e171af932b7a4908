package llm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// clocked answers after a time, and notes when each call began.
type clocked struct {
	latency time.Duration
	err     func(n int) error // of the n-th call, from 0

	mu    sync.Mutex
	began []time.Time
	now   int
	most  int
}

func (c *clocked) Ask(ctx context.Context, r Request) (Answer, error) {
	c.mu.Lock()
	n := len(c.began)
	c.began = append(c.began, time.Now())
	c.now++
	c.most = max(c.most, c.now)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.now--
	}()
	select {
	case <-time.After(c.latency):
	case <-ctx.Done():
		return Answer{}, context.Cause(ctx)
	}
	if c.err != nil {
		if err := c.err(n); err != nil {
			return Answer{}, err
		}
	}
	return Answer{Text: "a", PromptTokens: 1, CompletionTokens: 1}, nil
}

// busiest is the most calls that began in any span of a minute.
func (c *clocked) busiest() int {
	most := 0
	for i, from := range c.began {
		n := 0
		for _, at := range c.began[i:] {
			if at.Sub(from) < time.Minute {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// askAll asks n times at once and waits for all.
func askAll(ctx context.Context, asker Asker, r Request, n int) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			r := r
			r.Sample = i
			_, errs[i] = asker.Ask(ctx, r)
		})
	}
	wg.Wait()
	return errs
}

func TestLimitedConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clocked{latency: time.Second}
		l := NewLimits(LimitConfig{Concurrency: 7})
		start := time.Now()
		done := make(chan []error)
		// Two askers share one limit.
		go func() { done <- askAll(t.Context(), Limited(c, l), someRequest(), 35) }()
		go func() { done <- askAll(t.Context(), Limited(c, l), someRequest(), 35) }()
		time.Sleep(500 * time.Millisecond)
		if s := l.Stats(); s != (Stats{InFlight: 7, Waiting: 63, Limit: 7, Calls: 7}) {
			t.Errorf("stats %+v", s)
		}
		for _, err := range append(<-done, <-done...) {
			if err != nil {
				t.Error(err)
			}
		}
		if c.most != 7 {
			t.Errorf("%d calls at a time, want 7", c.most)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("70 calls of a second, 7 at a time, took %v", took)
		}
		if s := l.Stats(); s != (Stats{Limit: 7, Calls: 70}) {
			t.Errorf("stats at the end %+v", s)
		}
	})
}

func TestLimitFallsAndRises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var err error
		c := &clocked{latency: time.Second, err: func(int) error { return err }}
		l := NewLimits(LimitConfig{Concurrency: 16})
		asker := Limited(c, l)
		round := func(n int, outcome error, want int) {
			t.Helper()
			err = outcome
			askAll(t.Context(), asker, someRequest(), n)
			if got := l.Stats().Limit; got != want {
				t.Errorf("limit %d after %d calls with outcome %v, want %d", got, n, outcome, want)
			}
		}
		tooMany := &CallError{Status: 429, Retry: true}
		round(16, tooMany, 1) // all were refused
		round(1, nil, 2)
		round(1, nil, 2)
		round(1, nil, 3) // a window of two
		round(2, nil, 3)
		round(1, tooMany, 3)                               // a third of three was refused, and one is added
		round(50, &CallError{Status: 500, Retry: true}, 3) // no sign of too many
		round(200, nil, 16)
		round(100, nil, 16) // never above
		if s := l.Stats(); s.RateLimited != 17 || s.InFlight != 0 || s.Waiting != 0 {
			t.Errorf("stats %+v", s)
		}
		l = NewLimits(LimitConfig{Concurrency: 16})
		asker = Limited(c, l)
		round(15, nil, 16)
		round(1, tooMany, 16) // one in sixteen costs nothing
		round(8, nil, 16)
		round(8, tooMany, 9) // what was let through, and one
		round(9, tooMany, 1)
		round(1, tooMany, 1)
		if s := l.Stats(); s.RateLimited != 19 || s.InFlight != 0 || s.Waiting != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestRequestsPerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clocked{latency: 10 * time.Second}
		start := time.Now()
		askAll(t.Context(), Limited(c, NewLimits(LimitConfig{RequestsPerMinute: 30})), someRequest(), 100)
		if n := c.busiest(); n != 30 {
			t.Errorf("%d calls in a minute, want 30", n)
		}
		if took := time.Since(start).Round(time.Second); took != 99*2*time.Second+c.latency {
			t.Errorf("took %v", took)
		}
		// An idle time saves nothing up.
		time.Sleep(time.Hour)
		c.began = nil
		askAll(t.Context(), Limited(c, NewLimits(LimitConfig{RequestsPerMinute: 30})), someRequest(), 100)
		if n := c.busiest(); n != 30 {
			t.Errorf("%d calls in a minute after an idle hour, want 30", n)
		}
	})
}

func TestTokensPerMinute(t *testing.T) {
	r := someRequest()
	each := NewCounter().Most(&r)
	if each < 70 || each > 90 {
		t.Fatalf("a request of %d tokens", each)
	}
	synctest.Test(t, func(t *testing.T) {
		perMinute := float64(each * 20)
		c := &clocked{}
		l := NewLimits(LimitConfig{TokensPerMinute: perMinute})
		start := time.Now()
		askAll(t.Context(), Limited(c, l), r, 100)
		if n := c.busiest(); n > 20 || n < 18 {
			t.Errorf("%d calls in a minute, want 20 or little less", n)
		}
		if took := time.Since(start); took > 5*time.Minute+30*time.Second {
			t.Errorf("5 minutes' tokens took %v", took)
		}
		// A request that is larger than a minute allows waits for a minute,
		// not for ever.
		c.began = nil
		r.MaxTokens = 1 << 30
		start = time.Now()
		if err := errors.Join(askAll(t.Context(), Limited(c, l), r, 1)...); err != nil || time.Since(start) > 2*time.Minute {
			t.Errorf("error %v after %v", err, time.Since(start))
		}
	})
}

// All that wait fail with the first terminal error, at once.
func TestLimitedStops(t *testing.T) {
	for name, cfg := range map[string]LimitConfig{
		"for a place": {Concurrency: 1},
		"for a rate":  {RequestsPerMinute: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				quota := &TerminalError{SpentQuota, "pay", errors.New("none left")}
				c := &clocked{latency: time.Second, err: func(int) error { return quota }}
				asker := Limited(c, NewLimits(cfg))
				start := time.Now()
				for i, err := range append(askAll(t.Context(), asker, someRequest(), 20), askAll(t.Context(), asker, someRequest(), 1)...) {
					if !errors.Is(err, quota) {
						t.Errorf("request %d: error %v", i, err)
					}
				}
				if len(c.began) != 1 || time.Since(start) != time.Second {
					t.Errorf("%d calls in %v, want 1 in 1s", len(c.began), time.Since(start))
				}
			})
		})
	}
}

func TestLimitedIsCancelled(t *testing.T) {
	for name, cfg := range map[string]LimitConfig{
		"for a place": {Concurrency: 1},
		"for a rate":  {RequestsPerMinute: 6},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &clocked{latency: 10 * time.Second}
				l := NewLimits(cfg)
				asker := Limited(c, l)
				go asker.Ask(t.Context(), someRequest())
				time.Sleep(time.Second)
				ctx, cancel := context.WithCancelCause(t.Context())
				why := errors.New("stopped by a signal")
				time.AfterFunc(time.Second, func() { cancel(why) })
				for _, err := range askAll(ctx, asker, someRequest(), 10) {
					if !errors.Is(err, why) {
						t.Errorf("error %v, want the cause", err)
					}
				}
				if len(c.began) != 1 {
					t.Errorf("%d calls, want 1", len(c.began))
				}
				// Nothing of theirs is left: the next waits for the first
				// alone.
				start := time.Now()
				if _, err := asker.Ask(t.Context(), someRequest()); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took != 18*time.Second {
					t.Errorf("the next took %v, want 8s for its turn and 10s", took)
				}
				if s := l.Stats(); s.InFlight != 0 || s.Waiting != 0 || s.Calls != 2 {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}

// Every attempt is a call, and those after the first are retries.
func TestRetriesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clocked{err: func(n int) error {
			if n%3 != 2 {
				return &CallError{Status: 503, Retry: true}
			}
			return nil
		}}
		l := NewLimits(LimitConfig{Concurrency: 1})
		asker := Retrying(Limited(c, l), Retries{})
		for range 5 {
			if _, err := asker.Ask(t.Context(), someRequest()); err != nil {
				t.Error(err)
			}
		}
		if s := l.Stats(); s != (Stats{Limit: 1, Calls: 15, Retries: 10}) {
			t.Errorf("stats %+v", s)
		}
	})
}

// Against an endpoint that serves so many at a time, the limit settles near
// that, and all is answered.
func TestLimitAdapts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bears = 12
		c := &clocked{latency: 100 * time.Millisecond}
		var now atomic.Int32
		endpoint := askFunc(func(ctx context.Context, r Request) (Answer, error) {
			defer now.Add(-1)
			if now.Add(1) > bears {
				return Answer{}, &CallError{Status: 429, Retry: true}
			}
			return c.Ask(ctx, r)
		})
		l := NewLimits(LimitConfig{Concurrency: 64})
		for i, err := range askAll(t.Context(), Retrying(Limited(endpoint, l), Retries{Attempts: 20}), someRequest(), 2000) {
			if err != nil {
				t.Fatal(i, err)
			}
		}
		if s := l.Stats(); s.RateLimited > 400 {
			t.Errorf("one 429 for five answers or more: %+v", s)
		}
		if c.most > bears {
			t.Errorf("%d at a time", c.most)
		}
	})
}

func BenchmarkLimited(b *testing.B) {
	for _, rates := range []float64{0, 1e9} {
		b.Run(fmt.Sprint(rates), func(b *testing.B) {
			asker := Limited(askFunc(func(context.Context, Request) (Answer, error) { return Answer{}, nil }),
				NewLimits(LimitConfig{RequestsPerMinute: rates, TokensPerMinute: 1000 * rates}))
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				r := someRequest()
				for pb.Next() {
					asker.Ask(context.Background(), r)
				}
			})
		})
	}
}
