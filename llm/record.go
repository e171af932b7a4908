package llm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"
)

// Record is one answer that was paid for, before anybody matched it.
type Record struct {
	ID ID
	// Key is the clusters that were asked about, oldest first.
	Key           []int32
	Model         string
	Endpoint      string
	PromptVersion string
	Sample        int
	// Text is the raw answer.
	Text             string
	PromptTokens     int
	CompletionTokens int
	FinishReason     string
	AskedAt          time.Time
	Latency          time.Duration
}

// RecordOf is the record of an answer to a request with that identity.
func RecordOf(id ID, r Request, answer Answer) Record {
	return Record{
		ID: id, Key: r.Key, Model: r.Model, Endpoint: answer.Endpoint, PromptVersion: r.PromptVersion,
		Sample: r.Sample, Text: answer.Text, PromptTokens: answer.PromptTokens,
		CompletionTokens: answer.CompletionTokens, FinishReason: answer.FinishReason,
		AskedAt: answer.AskedAt, Latency: answer.Latency,
	}
}

// Log keeps records. Safe for concurrent use.
type Log interface {
	// Lookup finds the answer to a request with this identity about this key.
	// An error tells that the log cannot know: asking might pay twice.
	Lookup(ctx context.Context, id ID, key []int32) (Answer, bool, error)
	// Append keeps a record, and returns once it outlives the process, however
	// that dies. Of two records with one identity the first is kept.
	Append(ctx context.Context, r Record) error
}

// AppendAll appends all records that one call was answered with, at once: by
// log's own AppendAll, if it has one.
func AppendAll(ctx context.Context, log Log, records []Record) error {
	if all, ok := log.(interface {
		AppendAll(context.Context, []Record) error
	}); ok {
		return all.AppendAll(ctx, records)
	}
	var group errgroup.Group
	for _, r := range records {
		group.Go(func() error { return log.Append(ctx, r) })
	}
	return group.Wait()
}

type recorded struct {
	asker   Asker
	log     Log
	flights singleflight.Group
}

// Recorded is asker with a memory: it asks only what log does not hold, and
// appends every answer before it returns it. Requests with one identity that
// are asked at the same time are paid for once.
//
// A call counts as in flight until its answer is kept, so a kill costs at
// most the calls in flight. A failure of the log is a *TerminalError, since
// going on would pay for what is lost.
func Recorded(asker Asker, log Log) Asker {
	return &recorded{asker: asker, log: log}
}

// Ask implements Asker.
func (a *recorded) Ask(ctx context.Context, r Request) (Answer, error) {
	id := r.ID()
	for {
		if answer, ok, err := a.lookup(ctx, id, &r); ok || err != nil {
			return answer, err
		}
		result, err, shared := a.flights.Do(string(id[:]), func() (any, error) { return a.ask(ctx, id, r) })
		if err == nil {
			return result.(Answer), nil
		}
		var terminal *TerminalError
		var call *CallError
		if shared && ctx.Err() == nil && !errors.As(err, &terminal) && !errors.As(err, &call) {
			continue // who asked on our behalf was cancelled; we are not
		}
		return Answer{}, err
	}
}

func (a *recorded) ask(ctx context.Context, id ID, r Request) (any, error) {
	// Another flight may have landed since we looked.
	if answer, ok, err := a.lookup(ctx, id, &r); ok || err != nil {
		return answer, err
	}
	answer, err := a.asker.Ask(ctx, r)
	if err != nil {
		return nil, err
	}
	// It is paid for: a cancelled run still records it.
	if err = a.log.Append(context.WithoutCancel(ctx), RecordOf(id, r, answer)); err != nil {
		return nil, logFailed(fmt.Errorf("record an answer: %w", err))
	}
	return answer, nil
}

func (a *recorded) lookup(ctx context.Context, id ID, r *Request) (Answer, bool, error) {
	answer, ok, err := a.log.Lookup(ctx, id, r.Key)
	if err != nil {
		if ctx.Err() != nil {
			return Answer{}, false, fmt.Errorf("look up an answer: %w", context.Cause(ctx))
		}
		return Answer{}, false, logFailed(fmt.Errorf("look up an answer: %w", err))
	}
	answer.Recorded = ok
	return answer, ok, nil
}

func logFailed(err error) error {
	return &TerminalError{LogFailed, "mend the storage of the answers (space, permissions, network) and run the same command again", err}
}
