package llm

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"foray/llm/llmtest"
)

// script is an Asker that fails with each of these errors in turn, then
// answers, and notes when it was asked.
type script struct {
	errs []error
	at   []time.Time
}

func (s *script) Ask(context.Context, Request) (Answer, error) {
	n := len(s.at)
	s.at = append(s.at, time.Now())
	if n < len(s.errs) {
		return Answer{}, s.errs[n]
	}
	return Answer{Text: "a"}, nil
}

// pauses are the times between the calls.
func (s *script) pauses() []time.Duration {
	var p []time.Duration
	for i := 1; i < len(s.at); i++ {
		p = append(p, s.at[i].Sub(s.at[i-1]))
	}
	return p
}

func passing(after time.Duration) error {
	return &CallError{Status: 429, Retry: true, RetryAfter: after}
}

func TestRetrying(t *testing.T) {
	final := &CallError{Status: 400, Message: "too long"}
	quota := &TerminalError{SpentQuota, "pay", errors.New("none left")}
	for _, tt := range []struct {
		name  string
		errs  []error
		calls int
		want  error
	}{
		{"at once", nil, 1, nil},
		{"third time", []error{passing(0), passing(0)}, 3, nil},
		{"never", []error{passing(0), passing(0), passing(0), passing(0)}, 4, passing(0)},
		{"not to be repeated", []error{final}, 1, final},
		{"terminal", []error{passing(0), quota}, 2, quota},
		{"terminal at last", []error{passing(0), passing(0), passing(0), quota}, 4, quota},
		{"too long a pause", []error{passing(time.Hour)}, 1, passing(time.Hour)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{errs: tt.errs}
				answer, err := Retrying(s, Retries{Attempts: 4}).Ask(t.Context(), someRequest())
				if len(s.at) != tt.calls {
					t.Errorf("%d calls, want %d", len(s.at), tt.calls)
				}
				if (err == nil) != (tt.want == nil) || err != nil && err.Error() != tt.want.Error() {
					t.Errorf("error %v, want %v", err, tt.want)
				}
				if (err == nil) != (answer.Text == "a") {
					t.Errorf("answer %+v with error %v", answer, err)
				}
			})
		})
	}
}

func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{errs: []error{passing(0), passing(0), passing(0), passing(7 * time.Second), passing(0)}}
		if _, err := Retrying(s, Retries{First: time.Second, Longest: 3 * time.Second}).Ask(t.Context(), someRequest()); err != nil {
			t.Fatal(err)
		}
		bounds := [][2]time.Duration{
			{500 * time.Millisecond, 1500 * time.Millisecond},
			{time.Second, 3 * time.Second},
			{1500 * time.Millisecond, 4500 * time.Millisecond},
			{7 * time.Second, 7 * time.Second},
			{500 * time.Millisecond, 1500 * time.Millisecond}, // from the start again
		}
		for i, p := range s.pauses() {
			if p < bounds[i][0] || p > bounds[i][1]+time.Nanosecond {
				t.Errorf("pause %d is %v, want %v to %v", i+1, p, bounds[i][0], bounds[i][1])
			}
		}
	})
}

func TestRetryingIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("stopped by a signal")
		time.AfterFunc(time.Second, func() { cancel(why) })
		start := time.Now()
		_, err := Retrying(&script{errs: []error{passing(time.Minute)}}, Retries{}).Ask(ctx, someRequest())
		if !errors.Is(err, why) {
			t.Errorf("error %v, want the cause of the cancellation", err)
		}
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("returned after %v, want at once", waited)
		}
	})
}

// Every fault that passes is overcome, and each answer is got once.
func TestFaultsAreOvercome(t *testing.T) {
	faults := []llmtest.Reply{
		llmtest.RateLimited(""), llmtest.RateLimited("0.001"), llmtest.ServerError(), llmtest.Truncated("jazz"),
		llmtest.HiddenError("overloaded", "later"), llmtest.NoChoices(), llmtest.Hang(),
	}
	s := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		if c.Of <= len(faults) {
			return faults[c.Of-1]
		}
		return llmtest.Text("jazz")
	})
	c := client(t, s.URL, func(cfg *ClientConfig) { cfg.Timeout = 500 * time.Millisecond })
	answer, err := Retrying(c, Retries{Attempts: len(faults) + 5, First: time.Millisecond, Longest: 2 * time.Millisecond}).Ask(t.Context(), someRequest())
	if err != nil || answer.Text != "jazz" {
		t.Errorf("answer %+v, %v", answer, err)
	}
	if n := s.CallsOf("s\nu"); n < len(faults)+1 {
		t.Errorf("%d calls, want %d or more", n, len(faults)+1)
	}
}

func TestQuotaEnds(t *testing.T) {
	s := llmtest.Start(t, llmtest.QuotaOf(2, func(llmtest.Call) llmtest.Reply { return llmtest.Text("a") }))
	a := Retrying(client(t, s.URL, nil), Retries{})
	r := someRequest()
	for r.Sample = range 3 {
		_, err := a.Ask(t.Context(), r)
		var terminal *TerminalError
		if quota := errors.As(err, &terminal) && terminal.Kind == SpentQuota; quota != (r.Sample == 2) {
			t.Errorf("call %d: error %v", r.Sample+1, err)
		}
	}
	if s.Calls() != 3 {
		t.Errorf("%d calls, want 3: a spent quota is not asked again", s.Calls())
	}
}
