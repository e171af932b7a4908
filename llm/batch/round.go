package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sashabaranov/go-openai"

	"foray/llm"
)

// The statuses of batches that mean something to us.
const (
	statusValidating = "validating"
	statusCompleted  = "completed"
	statusExpired    = "expired"
	statusCancelling = "cancelling"
	statusCancelled  = "cancelled"
	statusFailed     = "failed" // the file was refused, or see broken
)

// mostLate bounds the looks at a completed batch whose output is not there.
const mostLate = 8

// round brings every batch of the state to its end, and delivers what came of
// it.
func (u *run) round(ctx context.Context) error {
	for pause := u.Poll.First; ; {
		changed, left := false, 0
		for _, j := range u.state.Batches {
			if j.Collected {
				continue
			}
			if j.Batch == "" && u.open() >= u.room {
				left++
				continue
			}
			before := j.Status
			step := u.look
			if j.Batch == "" {
				step = u.submit
			}
			if err := step(ctx, j); err != nil {
				return err
			}
			// A batch that is refused again and again is no change.
			changed = changed || j.Status != before && u.refused.IsZero()
			if !j.Collected {
				left++
			}
		}
		u.progress()
		if left == 0 {
			return nil
		}
		if changed {
			pause = u.Poll.First
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, u.Poll.Longest)
	}
}

// open is how many batches the endpoint is at work on.
func (u *run) open() (n int) {
	for _, j := range u.state.Batches {
		if j.open() {
			n++
		}
	}
	return n
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for batches: %w", context.Cause(ctx))
	}
}

// submit uploads a job's file, unless that was done before, and creates its
// batch. A job whose requests have all been answered meanwhile is collected.
func (u *run) submit(ctx context.Context, j *job) error {
	if j.InputFile == "" {
		var file bytes.Buffer
		file.Grow(int(min(j.Bytes, u.Limits.Bytes)))
		n, err := j.shard.Write(&file, u.requests, u.Body)
		if err != nil {
			return err
		}
		j.Requests = n
		if n == 0 {
			j.Collected = true
			return u.save(ctx, u.state)
		}
		if j.InputFile, err = u.upload(ctx, "foray-"+j.First[:16]+".jsonl", file.Bytes()); err != nil {
			return err
		}
		j.unsure = false
		if err := u.save(ctx, u.state); err != nil {
			return err
		}
	}
	b, err := u.create(ctx, j)
	if err != nil {
		return err
	}
	j.Batch = b.ID
	j.see(b)
	return u.save(ctx, u.state)
}

// look asks for a batch's status, and collects it if it has ended.
func (u *run) look(ctx context.Context, j *job) error {
	b, err := u.retrieve(ctx, j.Batch)
	if err != nil {
		return err
	}
	j.see(b)
	if b.Status != statusValidating && b.Status != statusFailed {
		u.refused = time.Time{}
	}
	switch b.Status {
	case statusCompleted:
		if j.Completed > 0 && (b.OutputFileID == nil || *b.OutputFileID == "") && j.late < mostLate {
			j.late++ // to go on without would pay twice
			return nil
		}
		return u.collect(ctx, j, b)
	case statusExpired, statusCancelled:
		return u.collect(ctx, j, b)
	case statusFailed:
		if tooMuchQueued(b) {
			return u.wait(ctx, j)
		}
		if broken(b) {
			return u.collect(ctx, j, b)
		}
		refusal := u.refusal(b)
		u.state.Round = 0
		if err := u.collect(ctx, j, b); err != nil {
			return err
		}
		return refusal
	}
	return nil
}

// see notes what the endpoint says.
func (j *job) see(b openai.Batch) {
	j.Status = b.Status
	j.Completed, j.Failed = max(b.RequestCounts.Completed, 0), max(b.RequestCounts.Failed, 0)
}

// tooMuchQueued tells of a batch that is refused for the account's limit of
// tokens that wait. That passes, and costs nothing.
func tooMuchQueued(b openai.Batch) bool {
	return b.Errors != nil && len(b.Errors.Data) > 0 && b.Errors.Data[0].Code == "token_limit_exceeded"
}

// broken tells of a batch that failed in the middle, by no fault of its file:
// some of it is answered, and the rest may be asked again.
func broken(b openai.Batch) bool {
	if b.OutputFileID != nil && *b.OutputFileID != "" {
		return true
	}
	return b.Errors != nil && len(b.Errors.Data) > 0 && b.Errors.Data[0].Code == "server_error"
}

// wait leaves a refused batch to be created again, with the same file, once
// fewer are under way.
func (u *run) wait(ctx context.Context, j *job) error {
	j.Batch, j.unsure = "", false
	u.room = max(u.open(), 1)
	if u.refused.IsZero() {
		u.refused = time.Now()
	}
	if time.Since(u.refused) > u.Poll.Patience {
		return &llm.TerminalError{
			Kind: llm.SpentQuota, Advice: "allow fewer requests a file, or wait until other batches of the account end, and run the same command again",
			Err: fmt.Errorf("for %v %s has taken no batch since too much is queued", u.Poll.Patience, u.Endpoint),
		}
	}
	return u.save(ctx, u.state)
}

// refusal is why a batch failed as a whole. It concerns all requests, since
// their lines are alike.
func (u *run) refusal(b openai.Batch) error {
	code, message := "", "no reason was given"
	if b.Errors != nil && len(b.Errors.Data) > 0 {
		first := b.Errors.Data[0]
		code, message = first.Code, fmt.Sprintf("%s (%s)", first.Message, first.Code)
		if first.Line != nil {
			message = fmt.Sprintf("line %d: %s", *first.Line, message)
		}
	}
	body, err := json.Marshal(map[string]any{"error": map[string]string{"code": code, "message": message}})
	if err != nil {
		return err
	}
	_, err = u.Reply(400, body)
	if terminal := (*llm.TerminalError)(nil); errors.As(err, &terminal) {
		return terminal
	}
	return &llm.TerminalError{
		Kind: llm.RefusedSetting, Advice: "change what the endpoint complains of, or ask without batches",
		Err: fmt.Errorf("batch %s failed as a whole: %w", b.ID, err),
	}
}

// collect delivers what a batch has finished. The rest is left to the next
// round, or to the next Run.
func (u *run) collect(ctx context.Context, j *job, b openai.Batch) error {
	results := NewResults(u.Reply)
	for _, file := range []*string{b.OutputFileID, b.ErrorFileID} {
		if file == nil || *file == "" {
			continue
		}
		if err := u.content(ctx, *file, results); err != nil {
			return err
		}
	}
	lastRound := u.state.Round == u.Rounds && b.Status != statusCancelled
	final := func(row Row) bool {
		var call *llm.CallError
		return row.Err == nil || errors.As(row.Err, &call) && (!call.Retry || lastRound)
	}
	var requests Requests = func(yield func(llm.Request, error) bool) {
		for r, err := range u.requests {
			if id := r.ID(); (err != nil || j.shard.Has(id)) && !yield(r, err) {
				return
			}
		}
	}
	d, err := results.deliver(ctx, requests, final, func(ctx context.Context, outcomes []Outcome) error {
		if err := u.deliver(ctx, outcomes); err != nil {
			return err
		}
		for i := range outcomes {
			u.done[outcomes[i].Request.ID()] = true
			if outcomes[i].Err == nil {
				u.summary.Answered++
			} else {
				u.summary.Failed++
			}
		}
		return nil
	})
	u.summary.Results.add(results.Tally)
	if err != nil {
		return err
	}
	cancelled := b.Status == statusCancelled && !j.Cancelled
	if cancelled || d.Terminal != nil {
		u.state.Round = 0
	}
	j.Collected = true
	if err := u.save(ctx, u.state); err != nil {
		return err
	}
	switch {
	case d.Terminal != nil:
		return d.Terminal
	case cancelled:
		return fmt.Errorf("batch %s: %w: run the same command again to go on", b.ID, ErrCancelled)
	}
	return nil
}
