package llm

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"foray/llm/llmtest"
)

// memory is a Log that forgets at the end of the process.
type memory struct {
	mu        sync.Mutex
	records   []Record
	lookupErr error
	appendErr error
}

func (m *memory) Lookup(_ context.Context, id ID, _ []int32) (Answer, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.records {
		if r.ID == id {
			return Answer{Text: r.Text}, true, m.lookupErr
		}
	}
	return Answer{}, false, m.lookupErr
}

func (m *memory) Append(ctx context.Context, r Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.appendErr != nil {
		return m.appendErr
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m.records = append(m.records, r)
	return nil
}

func TestRecorded(t *testing.T) {
	s := llmtest.Start(t, func(llmtest.Call) llmtest.Reply { return llmtest.Text("gibberish") })
	log := &memory{}
	r := someRequest()
	r.Key, r.PromptVersion, r.Sample = []int32{4, 2}, "v1", 3
	for i := range 3 {
		// A new chain each time, as after a restart.
		answer, err := Recorded(client(t, s.URL, nil), log).Ask(t.Context(), r)
		if err != nil || answer.Text != "gibberish" || answer.Recorded != (i > 0) {
			t.Fatalf("answer %+v, %v", answer, err)
		}
	}
	if s.Calls() != 1 || len(log.records) != 1 {
		t.Fatalf("%d calls and %d records, want 1 and 1", s.Calls(), len(log.records))
	}
	got := log.records[0]
	if got.ID != r.ID() || got.Model != "m" || got.Endpoint != s.URL || got.PromptVersion != "v1" || got.Sample != 3 ||
		len(got.Key) != 2 || got.Text != "gibberish" || got.PromptTokens != 10 || got.CompletionTokens != 1 ||
		got.FinishReason != "stop" || got.AskedAt.IsZero() || got.Latency <= 0 {
		t.Errorf("record %+v", got)
	}
	r.Sample++
	if _, err := Recorded(client(t, s.URL, nil), log).Ask(t.Context(), r); err != nil || s.Calls() != 2 {
		t.Errorf("another sample: %d calls, %v", s.Calls(), err)
	}
}

func TestFailuresAreNotRecorded(t *testing.T) {
	log := &memory{}
	want := passing(0)
	if _, err := Recorded(&script{errs: []error{want}}, log).Ask(t.Context(), someRequest()); err != want {
		t.Errorf("error %v, want %v", err, want)
	}
	if len(log.records) != 0 {
		t.Errorf("records %+v", log.records)
	}
}

func TestLogFailures(t *testing.T) {
	for name, log := range map[string]*memory{
		"lookup": {lookupErr: errors.New("disk on fire")},
		"append": {appendErr: errors.New("disk on fire")},
	} {
		s := &script{}
		_, err := Recorded(s, log).Ask(t.Context(), someRequest())
		var terminal *TerminalError
		if !errors.As(err, &terminal) || terminal.Kind != LogFailed {
			t.Errorf("%s: error %v, want a terminal one", name, err)
		}
		if asked := len(s.at) > 0; asked != (name == "append") {
			t.Errorf("%s: asked %v", name, asked)
		}
	}
}

// asking is an Asker made of a function.
type asking func(context.Context, Request) (Answer, error)

func (f asking) Ask(ctx context.Context, r Request) (Answer, error) { return f(ctx, r) }

// What was paid for is recorded, also when the run is stopped meanwhile.
func TestCancelledAfterThePaying(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	log := &memory{}
	_, err := Recorded(asking(func(context.Context, Request) (Answer, error) {
		cancel()
		return Answer{Text: "a"}, nil
	}), log).Ask(ctx, someRequest())
	if err != nil || len(log.records) != 1 {
		t.Errorf("%d records, error %v, want the answer recorded", len(log.records), err)
	}
}

func TestAskedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		release := make(chan struct{})
		a := Recorded(asking(func(context.Context, Request) (Answer, error) {
			calls++
			<-release
			return Answer{Text: "a"}, nil
		}), &memory{})
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if answer, err := a.Ask(t.Context(), someRequest()); err != nil || answer.Text != "a" {
					t.Errorf("answer %+v, %v", answer, err)
				}
			})
		}
		synctest.Wait()
		close(release)
		wg.Wait()
		if calls != 1 {
			t.Errorf("%d calls, want 1", calls)
		}
	})
}

// Whoever is cancelled takes nobody with it.
func TestAskedAtOnceAndCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, cancel := context.WithCancel(t.Context())
		calls := 0
		a := Recorded(asking(func(ctx context.Context, _ Request) (Answer, error) {
			if calls++; calls == 1 {
				<-ctx.Done()
				return Answer{}, ctx.Err()
			}
			return Answer{Text: "a"}, nil
		}), &memory{})
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := a.Ask(first, someRequest()); !errors.Is(err, context.Canceled) {
				t.Errorf("the cancelled: error %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if answer, err := a.Ask(t.Context(), someRequest()); err != nil || answer.Text != "a" {
				t.Errorf("the other: answer %+v, %v", answer, err)
			}
		})
		synctest.Wait()
		cancel()
		wg.Wait()
	})
}
