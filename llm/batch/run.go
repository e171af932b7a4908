package batch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"foray/llm"
)

// ErrCancelled is returned, wrapped, by Run when somebody cancelled a batch,
// after what it had finished was delivered. Another Run goes on with the rest.
var ErrCancelled = errors.New("a batch was cancelled")

// Runner asks through the OpenAI Batch API.
type Runner struct {
	// Endpoint is the base URL, as the state remembers it.
	Endpoint string
	Body     Body
	Reply    Reply
	Call     Call
	Store    Store

	Limits Limits
	// Window is the time that the endpoint gives itself; empty is "24h".
	Window string
	// Rounds is how often a request is asked that was not answered, or failed
	// in a way that may pass; 0 is 3.
	Rounds int
	// Open is how many batches may be under way; 0 is 16.
	Open int
	Poll Poll
	// Progress, if not nil, is called after every look at the batches.
	Progress func(Progress)
}

// Poll is how patiently batches are looked at.
type Poll struct {
	// First and Longest bound the pause between two looks, which doubles as
	// long as no batch changes its status; 0 is 5 s and 5 min.
	First, Longest time.Duration
	// Patience is how long a call may fail over and over, and how long an
	// endpoint may refuse the only batch since too much is queued; 0 is an
	// hour.
	Patience time.Duration
}

// Progress counts the requests of a round, as the endpoint tells.
type Progress struct {
	// Round counts from 1.
	Round                    int
	Completed, Failed, Total int
}

// Summary is what a Run did.
type Summary struct {
	Answered, Failed int
	// GivenUp counts the requests that no round answered, which are among the
	// failed.
	GivenUp int
	// Rounds and Batches count those that were planned or gone on with.
	Rounds, Batches int
	// Results counts the rows of all files. Unknown ones answer no request
	// that was asked for now: one that was answered before, or another's.
	Results Tally
}

func (r *Runner) orDefault() *Runner {
	c := *r
	c.Limits = c.Limits.orDefault()
	if c.Window == "" {
		c.Window = "24h"
	}
	if c.Rounds <= 0 {
		c.Rounds = 3
	}
	if c.Open <= 0 {
		c.Open = 16
	}
	if c.Poll.First <= 0 {
		c.Poll.First = 5 * time.Second
	}
	if c.Poll.Longest <= 0 {
		c.Poll.Longest = 5 * time.Minute
	}
	if c.Poll.Patience <= 0 {
		c.Poll.Patience = time.Hour
	}
	if c.Progress == nil {
		c.Progress = func(Progress) {}
	}
	return &c
}

// run is one Run under way.
type run struct {
	*Runner
	state    *state
	requests Requests
	deliver  Deliver
	// done are the requests whose outcome was delivered.
	done    map[llm.ID]bool
	summary Summary
	// room is how many batches the endpoint has shown to take at once.
	room int
	// refused is since when it has taken none, the zero time if it does.
	refused time.Time
}

// Run asks all requests and delivers the outcome of each, once: an answer, a
// failure that will not pass, or a failure of the last round. It goes on with
// the batches that another Run left in the store, and leaves there, when it
// returns an error, those that are under way:
//
//   - an *llm.TerminalError: nothing more can be asked until somebody acts;
//   - ErrCancelled: somebody cancelled a batch;
//   - an *llm.CallError: the endpoint did not answer for so long as Patience;
//   - else: ctx is done, or the store, the requests or deliver failed.
//
// However it ends, another Run over the same store goes on, and asks nothing
// that a batch may still answer. A crash between the creation of a batch and
// its being saved is found out by its input file, at endpoints that list
// their batches.
//
// It holds one file in memory, and the identities of all requests: some 80
// bytes each.
func (r *Runner) Run(ctx context.Context, requests Requests, deliver Deliver) (Summary, error) {
	r = r.orDefault()
	s, err := r.load(ctx)
	if err != nil {
		return Summary{}, err
	}
	u := &run{Runner: r, state: s, deliver: deliver, done: map[llm.ID]bool{}, room: r.Open}
	u.requests = func(yield func(llm.Request, error) bool) {
		for request, err := range requests {
			if err == nil && u.done[request.ID()] {
				continue
			}
			if !yield(request, err) {
				return
			}
		}
	}
	err = u.rounds(ctx)
	return u.summary, err
}

func (u *run) rounds(ctx context.Context) error {
	for {
		if len(u.state.Batches) == 0 && u.state.Round < u.Rounds {
			if err := u.plan(ctx); err != nil {
				return err
			}
		}
		if len(u.state.Batches) == 0 {
			break
		}
		u.summary.Rounds++
		u.summary.Batches += len(u.state.Batches)
		if err := u.round(ctx); err != nil {
			return err
		}
		u.state.Batches = nil
		if err := u.save(ctx, u.state); err != nil {
			return err
		}
	}
	if err := u.giveUp(ctx); err != nil {
		return err
	}
	u.state = &state{}
	return u.save(ctx, u.state)
}

// plan begins a round with all that is left; without any the state stays.
func (u *run) plan(ctx context.Context) error {
	shards, err := Plan(u.requests, u.Body, u.Limits)
	if err != nil || len(shards) == 0 {
		return err
	}
	u.state.Round++
	for _, s := range shards {
		u.state.Batches = append(u.state.Batches, newJob(s))
	}
	return u.save(ctx, u.state)
}

// giveUp delivers failures for the requests that no round answered.
func (u *run) giveUp(ctx context.Context) error {
	out := outbox{deliver: u.deliver}
	for r, err := range u.requests {
		if err != nil {
			return fmt.Errorf("give up what is left: %w", err)
		}
		u.done[r.ID()] = true
		u.summary.Failed++
		u.summary.GivenUp++
		err := out.put(ctx, Outcome{Request: r, Err: &llm.CallError{
			Message: fmt.Sprintf("no answer in %d rounds of batches", u.Rounds), Retry: true,
		}})
		if err != nil {
			return err
		}
	}
	return out.flush(ctx)
}

// progress tells how far the round has come.
func (u *run) progress() {
	p := Progress{Round: u.state.Round}
	for _, j := range u.state.Batches {
		p.Completed += j.Completed
		p.Failed += j.Failed
		p.Total += j.Requests
	}
	u.Progress(p)
}
