package batch

import (
	"context"
	"errors"
	"fmt"
	"io"

	"foray/llm"
)

// chunk is how many outcomes are delivered at once.
const chunk = 8192

// Outcome is what became of one request.
type Outcome struct {
	Request llm.Request
	// Answer is what the model said, if Err is nil.
	Answer llm.Answer
	// Err is an *llm.CallError or an *llm.TerminalError.
	Err error
}

// Deliver takes up to 8192 outcomes, in the order of the requests, and returns
// once the answers are durable. It may be called again with the same ones
// after a crash.
type Deliver func(ctx context.Context, outcomes []Outcome) error

// Results are the rows of several files, in memory: about 300 bytes each. Of
// the rows with one identity the first answer counts, or else the first
// failure.
type Results struct {
	// Tally counts the lines of all files. Unknown grows further when the rows
	// are delivered.
	Tally Tally

	reply Reply
	rows  map[llm.ID]Row
}

// NewResults holds no rows yet.
func NewResults(reply Reply) *Results {
	return &Results{reply: reply, rows: map[llm.ID]Row{}}
}

// Add reads a file. After an error, the rows before it count.
func (s *Results) Add(r io.Reader) error {
	t, err := Read(r, s.reply, func(row Row) error {
		s.take(row.ID, row)
		return nil
	})
	s.Tally.add(t)
	return err
}

// Delivered counts what Deliver found.
type Delivered struct {
	Answered, Failed int
	// Missing counts the requests that no row speaks of.
	Missing int
	// Terminal is the first failure that concerns all requests, nil if there
	// is none.
	Terminal *llm.TerminalError
}

// Deliver gives every row to deliver with the request it is for. Rows that are
// for none are unknown.
func (s *Results) Deliver(ctx context.Context, requests Requests, deliver Deliver) (Delivered, error) {
	return s.deliver(ctx, requests, func(Row) bool { return true }, deliver)
}

// deliver delivers the rows that are final; it counts all.
func (s *Results) deliver(ctx context.Context, requests Requests, final func(Row) bool, deliver Deliver) (Delivered, error) {
	var d Delivered
	seen := make(map[llm.ID]bool, len(s.rows))
	out := outbox{deliver: deliver}
	for r, err := range requests {
		if err != nil {
			return d, fmt.Errorf("deliver results: %w", err)
		}
		id := r.ID()
		row, ok := s.rows[id]
		switch {
		case !ok:
			d.Missing++
			continue
		case seen[id]:
			continue
		case row.Err == nil:
			d.Answered++
		default:
			d.Failed++
			if terminal := (*llm.TerminalError)(nil); d.Terminal == nil && errors.As(row.Err, &terminal) {
				d.Terminal = terminal
			}
		}
		seen[id] = true
		if !final(row) {
			continue
		}
		if err := out.put(ctx, Outcome{r, row.Answer, row.Err}); err != nil {
			return d, err
		}
	}
	s.Tally.Unknown += len(s.rows) - len(seen)
	return d, out.flush(ctx)
}

// outbox collects outcomes until they are worth delivering.
type outbox struct {
	deliver  Deliver
	outcomes []Outcome
}

func (o *outbox) put(ctx context.Context, outcome Outcome) error {
	o.outcomes = append(o.outcomes, outcome)
	if len(o.outcomes) < chunk {
		return nil
	}
	return o.flush(ctx)
}

func (o *outbox) flush(ctx context.Context) error {
	if len(o.outcomes) == 0 {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("deliver results: %w", context.Cause(ctx))
	}
	if err := o.deliver(ctx, o.outcomes); err != nil {
		return fmt.Errorf("deliver results: %w", err)
	}
	o.outcomes = nil
	return nil
}

// merge takes in the rows of another file.
func (s *Results) merge(other *Results) {
	for id, row := range other.rows {
		s.take(id, row)
	}
	s.Tally.add(other.Tally)
}

// take keeps a row, unless there is a better one.
func (s *Results) take(id llm.ID, row Row) {
	if old, ok := s.rows[id]; !ok || old.Err != nil && row.Err == nil {
		s.rows[id] = row
	}
}
