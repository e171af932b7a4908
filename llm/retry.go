package llm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Retries is how often and how patiently a request is repeated.
type Retries struct {
	// Attempts counts all of them, the first included; 0 is 6.
	Attempts int
	// First and Longest bound the pause between two attempts, which doubles
	// and varies by half; 0 is 500 ms and 30 s.
	First, Longest time.Duration
	// Patience bounds all attempts of one request and their pauses; 0 is 10
	// minutes. An endpoint that asks for a longer pause has failed the call.
	Patience time.Duration
}

type retrying struct {
	asker   Asker
	retries Retries
}

// Retrying is asker with calls that failed made again, if their *CallError
// says that this may help. A Retry-After delays its own call only: it is one
// request's share of a limit, while other requests find out for themselves.
func Retrying(asker Asker, r Retries) Asker {
	if r.Attempts <= 0 {
		r.Attempts = 6
	}
	if r.First <= 0 {
		r.First = 500 * time.Millisecond
	}
	if r.Longest <= 0 {
		r.Longest = 30 * time.Second
	}
	if r.Patience <= 0 {
		r.Patience = 10 * time.Minute
	}
	return &retrying{asker, r}
}

// againKey marks, in a context, attempts after the first, so that those below
// can count them.
type againKey struct{}

func isAgain(ctx context.Context) bool { return ctx.Value(againKey{}) != nil }

// Ask implements Asker.
func (a *retrying) Ask(ctx context.Context, r Request) (answer Answer, err error) {
	attempts := 0
	err = Persist(ctx, a.retries, func(asking context.Context) (err error) {
		if attempts++; attempts > 1 {
			asking = context.WithValue(asking, againKey{}, true)
		}
		answer, err = a.asker.Ask(asking, r)
		return err
	})
	switch {
	case err == nil:
		return answer, nil
	case ctx.Err() != nil:
		return Answer{}, fmt.Errorf("ask %s: %w", r.Model, err)
	}
	return Answer{}, err
}

// Persist calls do until it succeeds, or fails with an error other than a
// *CallError that says that another call may help, or has used its attempts (0
// is any number) or its patience up. It returns the last error, or why ctx
// ended.
func Persist(ctx context.Context, r Retries, do func(context.Context) error) error {
	var last error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		last = do(ctx)
		var call *CallError
		switch {
		case last == nil:
			return struct{}{}, nil
		case !errors.As(last, &call) || !call.Retry:
			return struct{}{}, backoff.Permanent(last)
		case call.RetryAfter > 0:
			return struct{}{}, &backoff.RetryAfterError{Duration: call.RetryAfter}
		}
		return struct{}{}, last
	},
		backoff.WithBackOff(&backoff.ExponentialBackOff{InitialInterval: r.First, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: r.Longest}),
		backoff.WithMaxTries(uint(r.Attempts)),
		backoff.WithMaxElapsedTime(r.Patience))
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return last
}
