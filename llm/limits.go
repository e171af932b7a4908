package llm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// LimitConfig is the configuration of Limits.
type LimitConfig struct {
	// Concurrency is the most calls in flight; 0 is 64.
	Concurrency int
	// RequestsPerMinute and TokensPerMinute bound every span of a minute; 0 is
	// no limit. Tokens are those of the prompt and the most that an answer may
	// have, which is how endpoints count them: an answer that is shorter gives
	// nothing back.
	RequestsPerMinute, TokensPerMinute float64
	// Tokens counts; nil makes a Counter, if there is a TokensPerMinute.
	Tokens *Counter
}

// Limits bound what a process asks of an endpoint: calls in flight, requests a
// minute, tokens a minute. All askers that Limited makes with one Limits share
// it. Safe for concurrent use.
//
// The number of calls in flight adapts. After as many outcomes as it allows, it
// is multiplied by the share of them that were no 429, which is what an
// endpoint that bears so many at a time lets through, and raised by a
// sixteenth, at least by one, up to Concurrency: so one 429 among many, as
// endpoints give at random, costs nothing, and calls that are all refused leave
// one in flight.
type Limits struct {
	requests, tokens *rate.Limiter // nil without a limit
	mostTokens       int           // a request waits for no more
	counter          *Counter
	// turn is held by the one request that waits for the rates. Were several
	// to reserve at once, those that give up would take the later ones' time
	// with them.
	turn chan struct{}
	gate gate
}

// NewLimits makes limits.
func NewLimits(cfg LimitConfig) *Limits {
	if cfg.Concurrency <= 0 {
		cfg.Concurrency = 64
	}
	l := &Limits{counter: cfg.Tokens, turn: make(chan struct{}, 1), gate: newGate(cfg.Concurrency)}
	if perMinute := cfg.RequestsPerMinute; perMinute > 0 {
		// One at a time: so many steps of equal length fit a minute.
		l.requests = rate.NewLimiter(rate.Limit(perMinute/60), 1)
	}
	if perMinute := cfg.TokensPerMinute; perMinute > 0 {
		// What is saved up in idle times counts into the minute.
		burst := max(perMinute/60, 1)
		l.tokens = rate.NewLimiter(rate.Limit(max(perMinute-burst, perMinute/2)/60), int(burst))
		l.mostTokens = int(min(max(perMinute, 1), 1e9))
		if l.counter == nil {
			l.counter = NewCounter()
		}
	}
	return l
}

// Stats tells what limits are doing.
type Stats struct {
	// InFlight is the number of calls under way, Waiting that of requests
	// that wait for their turn.
	InFlight, Waiting int
	// Limit is how many calls may be under way now.
	Limit int
	// Calls counts all calls, Retries those of them that repeat one, and
	// RateLimited the answers with HTTP status 429.
	Calls, Retries, RateLimited int64
}

// Stats is the present state.
func (l *Limits) Stats() Stats { return l.gate.stats() }

type withinLimits struct {
	asker  Asker
	limits *Limits
}

// Limited is asker within limits: a request waits until they allow it. Put it
// below Retrying, so that a pause holds no place, and each attempt counts.
//
// It adds no failure of its own, but once a call has failed with a
// *TerminalError other than a SpentBudget, all that wait and all that come
// later fail with it at once.
func Limited(asker Asker, limits *Limits) Asker { return &withinLimits{asker, limits} }

// Ask implements Asker.
func (a *withinLimits) Ask(ctx context.Context, r Request) (Answer, error) {
	l := a.limits
	turn, err := l.gate.enter(ctx)
	if err != nil {
		return Answer{}, waiting(ctx, err)
	}
	// A place is held while the rate is waited for: else all who waited would
	// come at once when places become free.
	if err := l.pace(ctx, &r); err != nil {
		l.gate.leave(turn, unasked)
		return Answer{}, waiting(ctx, err)
	}
	if err := l.gate.begin(isAgain(ctx)); err != nil {
		l.gate.leave(turn, unasked)
		return Answer{}, err
	}
	answer, err := a.asker.Ask(ctx, r)
	l.gate.end(turn, err)
	return answer, err
}

// waiting is the error of a request that was not asked.
func waiting(ctx context.Context, err error) error {
	var terminal *TerminalError
	if errors.As(err, &terminal) {
		return err
	}
	return fmt.Errorf("wait for a call's turn: %w", context.Cause(ctx))
}

// pace waits until the rates allow r.
func (l *Limits) pace(ctx context.Context, r *Request) error {
	if l.requests == nil && l.tokens == nil {
		return nil
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	case <-l.gate.closed:
		return l.gate.why()
	}
	now := time.Now()
	var reserved []*rate.Reservation
	if l.requests != nil {
		reserved = append(reserved, l.requests.ReserveN(now, 1))
	}
	if l.tokens != nil {
		// A limiter grants no more at once than its burst, but puts one
		// grant behind the other.
		burst := l.tokens.Burst()
		for left := min(l.counter.Most(r), l.mostTokens); left > 0; left -= burst {
			reserved = append(reserved, l.tokens.ReserveN(now, min(left, burst)))
		}
	}
	var delay time.Duration
	for _, one := range reserved {
		delay = max(delay, one.DelayFrom(now))
	}
	if delay == 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	var err error
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-l.gate.closed:
		err = l.gate.why()
	}
	for i := len(reserved) - 1; i >= 0; i-- {
		reserved[i].Cancel()
	}
	return err
}

// outcome is what a call tells about the load that the endpoint bears.
type outcome int

const (
	unasked outcome = iota // nothing: no call was made
	passed
	failed
	tooMany
)

func outcomeOf(err error) outcome {
	var call *CallError
	switch {
	case err == nil:
		return passed
	case errors.As(err, &call) && call.Status == http.StatusTooManyRequests:
		return tooMany
	}
	return failed
}

// gate lets so many in at a time, first come first served.
type gate struct {
	most   int
	closed chan struct{} // closed when terminal is set

	mu    sync.Mutex
	limit int
	used  int
	// passed and refused are outcomes since the limit was last looked at.
	passed, refused int
	// looks counts how often that was. A call that began before the last one
	// tells nothing new by a 429.
	looks    int
	queue    []*entrant
	terminal *TerminalError
	stat     Stats
}

type entrant struct {
	ready chan struct{} // closed when a place is given
	turn  turn
	given bool
}

// turn is one use of a place.
type turn struct{ looks int }

func newGate(most int) gate {
	return gate{most: most, limit: most, closed: make(chan struct{})}
}

// enter waits for a place; its error is ctx's or the *TerminalError.
func (g *gate) enter(ctx context.Context) (turn, error) {
	g.mu.Lock()
	if g.terminal != nil {
		defer g.mu.Unlock()
		return turn{}, g.terminal
	}
	if g.used < g.limit && len(g.queue) == 0 {
		defer g.mu.Unlock()
		g.used++
		return turn{g.looks}, nil
	}
	e := &entrant{ready: make(chan struct{})}
	g.queue = append(g.queue, e)
	g.mu.Unlock()
	var err error
	select {
	case <-e.ready:
		return e.turn, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-g.closed:
		err = g.why()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if e.given {
		g.used--
	}
	for i := range g.queue {
		if g.queue[i] == e {
			g.queue = append(g.queue[:i], g.queue[i+1:]...)
			break
		}
	}
	g.admit()
	return turn{}, err
}

// admit gives free places to those who wait. The lock is held.
func (g *gate) admit() {
	for g.used < g.limit && len(g.queue) > 0 {
		e := g.queue[0]
		g.queue[0] = nil
		g.queue = g.queue[1:]
		g.used++
		e.turn, e.given = turn{g.looks}, true
		close(e.ready)
	}
}

// begin counts a call, unless none is to be made any more.
func (g *gate) begin(again bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.terminal != nil {
		return g.terminal
	}
	g.stat.Calls++
	g.stat.InFlight++
	if again {
		g.stat.Retries++
	}
	return nil
}

// end gives back the place of a call that began and learns from its error.
func (g *gate) end(t turn, err error) {
	var terminal *TerminalError
	errors.As(err, &terminal)
	g.mu.Lock()
	g.stat.InFlight--
	// A spent budget may be that of one part of the work.
	if terminal != nil && terminal.Kind != SpentBudget && g.terminal == nil {
		g.terminal = terminal
		close(g.closed)
	}
	g.mu.Unlock()
	g.leave(t, outcomeOf(err))
}

// leave gives a place back.
func (g *gate) leave(t turn, o outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used--
	switch o {
	case passed:
		g.passed++
	case tooMany:
		g.stat.RateLimited++
		if t.looks == g.looks {
			g.refused++
		}
	}
	if all := g.passed + g.refused; all >= g.limit {
		g.limit = min(g.limit*g.passed/all+max(g.limit/16, 1), g.most)
		g.passed, g.refused = 0, 0
		g.looks++
	}
	g.admit()
}

// why is the error that closed the gate.
func (g *gate) why() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.terminal
}

func (g *gate) stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.stat
	s.Waiting, s.Limit = len(g.queue), g.limit
	return s
}
