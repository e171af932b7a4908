package planning

import (
	"context"
	"errors"
	"testing"

	"foray/llm"
)

// stub is an asker and a log that fail on demand.
type stub struct {
	err   error
	calls int // in flight
}

func (s *stub) Ask(context.Context, llm.Request) (llm.Answer, error) { return llm.Answer{}, s.err }

func (s *stub) Lookup(context.Context, llm.ID, []int32) (llm.Answer, bool, error) {
	return llm.Answer{}, false, nil
}

func (s *stub) Append(context.Context, llm.Record) error { return s.err }

func (s *stub) Begin() error { s.calls++; return nil }
func (s *stub) End() error   { s.calls--; return nil }

func TestSlotIsHeldUntilAnswerIsDurable(t *testing.T) {
	s := &stub{}
	log := newDurably(s, 1)
	d := log.holding(log.counting(s)).(*holding)
	free := func() bool {
		ok := d.slots.TryAcquire(1)
		if ok {
			d.slots.Release(1)
		}
		return ok && s.calls == 0
	}
	asker := llm.Recorded(d, log)
	if _, err := d.Ask(t.Context(), llm.Request{}); err != nil || free() {
		t.Fatalf("an answer that is not durable left its slot (%v)", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Ask(done, llm.Request{}); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for a slot ended with %v", err)
	}
	if err := d.Append(t.Context(), llm.Record{}); err != nil || !free() {
		t.Errorf("a durable answer holds its slot (%v)", err)
	}
	if _, err := asker.Ask(t.Context(), llm.Request{}); err != nil || !free() {
		t.Errorf("a recorded answer holds its slot (%v)", err)
	}
	s.err = errors.New("out of order")
	if _, err := asker.Ask(t.Context(), llm.Request{}); err == nil || !free() {
		t.Errorf("a call that failed holds its slot (%v)", err)
	}
	s.err = nil
	if _, err := d.Ask(t.Context(), llm.Request{}); err != nil {
		t.Fatal(err)
	}
	s.err = errors.New("disk full")
	if err := d.Append(t.Context(), llm.Record{}); err == nil || !free() {
		t.Errorf("an answer that could not be kept holds its slot (%v)", err)
	}
}
