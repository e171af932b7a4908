package llm

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"foray/llm/llmtest"
)

// What becomes of each kind of fault at the end of the whole chain: if it
// happens once, and if it happens each time.
func TestFaultsThroughTheChain(t *testing.T) {
	const (
		answered = iota
		failed   // a *CallError
		stopped  // a *TerminalError
	)
	type end struct {
		how       int
		calls     int64
		maybePaid int64
		limited   int64 // answers with status 429
		at        time.Duration
	}
	// Six attempts have five pauses of half a second, doubled each time, and
	// half of it more or less.
	const pauses = 15500 * time.Millisecond
	untested := maps.Clone(llmtest.Faults)
	for name, want := range map[string]struct{ once, always end }{
		"429":         {end{answered, 2, 0, 1, 500 * time.Millisecond}, end{failed, 6, 0, 6, pauses}},
		"429-seconds": {end{answered, 2, 0, 1, time.Second}, end{failed, 6, 0, 6, 5 * time.Second}},
		"429-date":    {end{answered, 2, 0, 1, 2 * time.Second}, end{failed, 6, 0, 6, 10 * time.Second}},
		"500":         {end{answered, 2, 0, 0, 500 * time.Millisecond}, end{failed, 6, 0, 0, pauses}},
		"503":         {end{answered, 2, 0, 0, 500 * time.Millisecond}, end{failed, 6, 0, 0, pauses}},
		"hang":        {end{answered, 2, 1, 0, 10500 * time.Millisecond}, end{failed, 6, 6, 0, pauses + time.Minute}},
		"reset":       {end{answered, 2, 1, 0, 500 * time.Millisecond}, end{failed, 6, 6, 0, pauses}},
		"truncated":   {end{answered, 2, 1, 0, 500 * time.Millisecond}, end{failed, 6, 6, 0, pauses}},
		"200-error":   {end{answered, 2, 0, 0, 500 * time.Millisecond}, end{failed, 6, 0, 0, pauses}},
		"no-choices":  {end{answered, 2, 1, 0, 500 * time.Millisecond}, end{failed, 6, 6, 0, pauses}},
		"wrong-json":  {end{answered, 2, 1, 0, 500 * time.Millisecond}, end{failed, 6, 6, 0, pauses}},
		"quota":       {end{stopped, 1, 0, 0, 0}, end{stopped, 1, 0, 0, 0}},
		// Answers that are late or make no sense are answers.
		"slow":     {end{answered, 1, 0, 0, 5 * time.Second}, end{answered, 1, 0, 0, 5 * time.Second}},
		"drip":     {end{answered, 1, 0, 0, 3 * time.Second}, end{answered, 1, 0, 0, 3 * time.Second}},
		"junk":     {end{answered, 1, 0, 0, 0}, end{answered, 1, 0, 0, 0}},
		"from-key": {end{answered, 1, 0, 0, 0}, end{answered, 1, 0, 0, 0}},
		"1mb":      {end{answered, 1, 0, 0, 0}, end{answered, 1, 0, 0, 0}},
	} {
		run := func(t *testing.T, times int, want end) {
			synctest.Test(t, func(t *testing.T) {
				fault, ok := llmtest.Faults[name]
				if !ok {
					t.Fatal("no such fault")
				}
				s := llmtest.StartPiped(t, func(c llmtest.Call) llmtest.Reply {
					good := llmtest.Text("New cluster: jazz")
					if c.Of > times {
						return good
					}
					return fault(c, good)
				})
				budget := newBudget(t, BudgetConfig{MaxCost: 1, Prices: Prices{1, 1}})
				limits := NewLimits(LimitConfig{})
				log := &memory{}
				var asker Asker = client(t, s.URL, func(cfg *ClientConfig) { cfg.Timeout, cfg.dial = 10*time.Second, s.Dial })
				asker = Recorded(Retrying(Limited(Budgeted(asker, budget), limits), Retries{}), log)

				start := time.Now()
				answer, err := asker.Ask(t.Context(), someRequest())
				took := time.Since(start)
				var call *CallError
				var terminal *TerminalError
				got := end{answered, budget.Spent().Calls, budget.Spent().MaybePaid, limits.Stats().RateLimited, want.at}
				switch {
				case errors.As(err, &call):
					got.how = failed
				case errors.As(err, &terminal):
					got.how = stopped
				case err != nil || answer.Text == "":
					t.Errorf("answer %+v, error %v of no class", answer, err)
				}
				if got != want {
					t.Errorf("%+v, want %+v; error %v", got, want, err)
				}
				if took < want.at/2 || took > want.at*3/2 {
					t.Errorf("took %v, want about %v", took, want.at)
				}
				if n := s.CallsOf("s\nu"); int64(n) != want.calls {
					t.Errorf("%d calls came, want %d", n, want.calls)
				}
				// An answer is there once and for all, a failure is not.
				if kept := len(log.records); (kept == 1) != (err == nil) {
					t.Errorf("%d records with error %v", kept, err)
				}
				if _, err := asker.Ask(t.Context(), someRequest()); want.how == answered && (err != nil || int64(s.Calls()) != want.calls) {
					t.Errorf("asked again: %d calls, error %v", s.Calls(), err)
				}
			})
		}
		t.Run(name+"/once", func(t *testing.T) { run(t, 1, want.once) })
		t.Run(name+"/always", func(t *testing.T) { run(t, 1<<30, want.always) })
		delete(untested, name)
	}
	if len(untested) > 0 {
		t.Errorf("faults %v are not in the table", slices.Sorted(maps.Keys(untested)))
	}
}

func newBudget(t testing.TB, cfg BudgetConfig) *Budget {
	t.Helper()
	b, err := NewBudget(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
