package llm

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/quick"
	"testing/synctest"
	"time"
)

func TestNewBudgetRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  BudgetConfig
		says string
	}{
		"negative cost":    {BudgetConfig{MaxCost: -1, Prices: Prices{1, 1}}, "--llm_max_cost -1"},
		"no number":        {BudgetConfig{MaxCost: math.NaN(), Prices: Prices{1, 1}}, "--llm_max_cost NaN"},
		"infinite":         {BudgetConfig{MaxCost: math.Inf(1), Prices: Prices{1, 1}}, "--llm_max_cost +Inf"},
		"negative calls":   {BudgetConfig{MaxCalls: -1}, "--llm_max_calls -1"},
		"no prices":        {BudgetConfig{MaxCost: 1}, "--llm_max_cost needs the prices"},
		"negative price":   {BudgetConfig{Prices: Prices{0, -1}}, "a price of $-1"},
		"a price of NaN":   {BudgetConfig{Prices: Prices{math.NaN(), 1}}, "a price of $NaN"},
		"absurd price":     {BudgetConfig{Prices: Prices{2e6, 1}}, "give one from 0 to 1e+06"},
		"price of nothing": {BudgetConfig{MaxCost: 1, Prices: Prices{1e-7, 0}}, "--llm_max_cost needs the prices"},
	} {
		if _, err := NewBudget(tt.cfg); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: error %v, want %q", name, err, tt.says)
		}
	}
	for _, cfg := range []BudgetConfig{{}, {MaxCost: 1e300, Prices: Prices{1, 0}}, {MaxCalls: math.MaxInt64}, {MaxCost: 1e-12, Prices: Prices{0, 1}}} {
		if _, err := NewBudget(cfg); err != nil {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

// Shares of shares sum up to the whole, to the last call and picodollar, and
// no two differ by more than one.
func TestSharesSumUp(t *testing.T) {
	check := func(dollars uint32, calls uint32, n, m uint8) bool {
		n, m = n%40+1, m%5+1
		b := newBudget(t, BudgetConfig{MaxCost: float64(dollars)/1e7 + 1e-12, MaxCalls: int64(calls) + 1, Prices: Prices{1, 1}})
		var cost, made int64
		least, most := int64(math.MaxInt64), int64(0)
		for i := range int(n) {
			part, err := b.Split(int(n), i)
			if err != nil {
				return false
			}
			least, most = min(least, part.maxCalls), max(most, part.maxCalls)
			for j := range int(m) {
				p, err := part.Split(int(m), j)
				if err != nil || p.shares != int(n)*int(m) || p.Spent() != (Spending{}) {
					return false
				}
				cost += p.maxCost
				made += p.maxCalls
			}
		}
		return cost == b.maxCost && made == b.maxCalls && most-least <= 1
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
	b := newBudget(t, BudgetConfig{})
	if part, err := b.Split(7, 3); err != nil || part.maxCost != unlimited || part.maxCalls != unlimited {
		t.Errorf("a share of no limit: %+v, %v", part, err)
	}
	for _, bad := range [][2]int{{0, 0}, {3, 3}, {3, -1}} {
		if _, err := b.Split(bad[0], bad[1]); err == nil {
			t.Errorf("share %d of %d is one", bad[1], bad[0])
		}
	}
}

// seller is an endpoint that charges a dollar a token, up to MaxTokens of
// answer, in some of the ways in which calls end.
type seller struct {
	prompt, answer int // tokens
	mu             sync.Mutex
	random         *rand.Rand
	calls          int
	// due is what may be on the bill: a call that broke off is charged for
	// whole. With what the calls under way may cost it is never above most.
	due, underway, most int
}

func (s *seller) Ask(ctx context.Context, r Request) (Answer, error) {
	s.mu.Lock()
	s.calls++
	s.underway += s.prompt + s.answer
	s.most = max(s.most, s.due+s.underway)
	said, how := s.random.IntN(s.answer+1), s.random.IntN(6)
	latency := time.Duration(s.random.IntN(1000)) * time.Millisecond
	s.mu.Unlock()
	time.Sleep(latency)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underway -= s.prompt + s.answer
	switch how {
	case 0:
		return Answer{}, &CallError{Status: 429, Retry: true}
	case 1:
		s.due += s.prompt + s.answer
		return Answer{}, &CallError{MaybePaid: true, Retry: true}
	}
	s.due += s.prompt + said
	return Answer{Text: "a", PromptTokens: s.prompt, CompletionTokens: said}, nil
}

// However many ask at once, and whatever becomes of their calls, what is spent
// and what calls in flight may cost stays within the budget; and what is left
// at the end does not pay for another call.
func TestBudgetIsKept(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			r := someRequest()
			s := &seller{prompt: NewCounter().Prompt(&r), answer: r.MaxTokens, random: random}
			dollars := 50 + random.IntN(5000)
			b := newBudget(t, BudgetConfig{MaxCost: float64(dollars), Prices: Prices{1e6, 1e6}})
			errs := askAll(t.Context(), Budgeted(s, b), r, 200)
			var stopped *TerminalError
			if !errors.As(errors.Join(errs...), &stopped) || stopped.Kind != SpentBudget || stopped.Kind.Exit() != 4 {
				t.Fatalf("seed %d: error %v", seed, stopped)
			}
			if s.most > dollars {
				t.Errorf("seed %d: up to $%d at stake of $%d", seed, s.most, dollars)
			}
			spent := b.Spent()
			if spent.Cost() != float64(s.due) || spent.Calls != int64(s.calls) {
				t.Errorf("seed %d: spent %+v, want $%d for %d calls", seed, spent, s.due, s.calls)
			}
			if left := dollars - s.due; left >= s.prompt+s.answer {
				t.Errorf("seed %d: $%d left, enough for another call of $%d", seed, left, s.prompt+s.answer)
			}
		})
	}
}

func TestCallsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clocked{latency: time.Second, err: func(n int) error {
			if n%2 == 1 {
				return passing(0)
			}
			return nil
		}}
		b := newBudget(t, BudgetConfig{MaxCalls: 10})
		refused := 0
		for _, err := range askAll(t.Context(), Retrying(Budgeted(c, b), Retries{}), someRequest(), 50) {
			var stopped *TerminalError
			if errors.As(err, &stopped) {
				refused++
				for _, want := range []string{"10 calls were made of the 10 allowed", "run the same command again", "--llm_max_calls"} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%v does not say %q", err, want)
					}
				}
			} else if err != nil {
				t.Error(err)
			}
		}
		if len(c.began) != 10 || refused != 45 || b.Spent().Calls != 10 {
			t.Errorf("%d calls, %d refused, spent %+v", len(c.began), refused, b.Spent())
		}
	})
}

// What each end of a call costs.
func TestWhatACallCosts(t *testing.T) {
	r := someRequest()
	counter := NewCounter()
	prompt := int64(counter.Prompt(&r))
	most := float64(prompt+2*64) / 1e6
	for name, tt := range map[string]struct {
		answer Answer
		err    error
		want   Spending
		cost   float64
	}{
		"usage":              {Answer{PromptTokens: 100, CompletionTokens: 7}, nil, Spending{Calls: 1, PromptTokens: 100, CompletionTokens: 7}, 114e-6},
		"usage of no answer": {Answer{PromptTokens: 100}, nil, Spending{Calls: 1, PromptTokens: 100}, 100e-6},
		"no usage":           {Answer{Text: "hello world"}, nil, Spending{Calls: 1, PromptTokens: prompt, CompletionTokens: 2}, float64(prompt+4) / 1e6},
		"absurd usage":       {Answer{PromptTokens: 5, CompletionTokens: -1}, nil, Spending{Calls: 1, PromptTokens: prompt}, float64(prompt) / 1e6},
		"from the record":    {Answer{Text: "hello", Recorded: true}, nil, Spending{Calls: 1}, 0},
		"refused":            {Answer{}, &CallError{Status: 429}, Spending{Calls: 1}, 0},
		"maybe paid":         {Answer{}, &CallError{MaybePaid: true}, Spending{Calls: 1, MaybePaid: 1}, most},
		"cancelled":          {Answer{}, context.Canceled, Spending{Calls: 1, MaybePaid: 1}, most},
		"terminal":           {Answer{}, &TerminalError{Kind: BadKey, Err: errors.New("no")}, Spending{Calls: 1}, 0},
	} {
		b := newBudget(t, BudgetConfig{MaxCost: 1, Prices: Prices{1, 2}, Tokens: counter})
		asker := askFunc(func(context.Context, Request) (Answer, error) { return tt.answer, tt.err })
		answer, err := Budgeted(asker, b).Ask(t.Context(), r)
		if answer != tt.answer || err != tt.err {
			t.Errorf("%s: %+v, %v come out changed", name, answer, err)
		}
		got := b.Spent()
		if cost := got.Cost(); math.Abs(cost-tt.cost) > 1e-12 {
			t.Errorf("%s: $%v, want $%v", name, cost, tt.cost)
		}
		if got.cost = 0; got != tt.want || b.reserved != 0 {
			t.Errorf("%s: %+v and %d reserved, want %+v and nothing", name, got, b.reserved, tt.want)
		}
	}
}

// Whatever usage an endpoint claims, sums do not turn negative.
func TestAbsurdUsage(t *testing.T) {
	b := newBudget(t, BudgetConfig{MaxCost: 1, Prices: Prices{1e6, 1e6}, MaxCalls: 9})
	r := someRequest()
	r.MaxTokens = 0
	asker := Budgeted(askFunc(func(context.Context, Request) (Answer, error) {
		return Answer{PromptTokens: math.MaxInt, CompletionTokens: math.MaxInt}, nil
	}), b)
	if _, err := asker.Ask(t.Context(), r); err == nil {
		t.Error("a call that may cost $4,103 is made with $1")
	}
	b = newBudget(t, BudgetConfig{MaxCost: 1e5, Prices: Prices{1e6, 1e6}})
	asker = Budgeted(asker.(*budgeted).asker, b)
	if _, err := asker.Ask(t.Context(), r); err != nil {
		t.Error(err)
	}
	if s := b.Spent(); s.cost != math.MaxInt64 || s.PromptTokens != math.MaxInt64 {
		t.Errorf("spent %+v", s)
	}
	if _, err := asker.Ask(t.Context(), r); err == nil {
		t.Error("another call is made")
	}
}

// A call that does not fit waits while those in flight may turn out cheaper.
func TestWaitingForTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := someRequest()
		most := NewCounter().Most(&r)
		c := &clocked{latency: time.Second} // answers cost two tokens
		asker := Budgeted(c, newBudget(t, BudgetConfig{MaxCost: float64(most + 4), Prices: Prices{1e6, 1e6}}))
		start := time.Now()
		var refused int
		for _, err := range askAll(t.Context(), asker, r, 5) {
			if err != nil {
				refused++
			}
		}
		if len(c.began) != 3 || refused != 2 || time.Since(start) != 3*time.Second {
			t.Errorf("%d calls, %d refused in %v, want 3 one by one", len(c.began), refused, time.Since(start))
		}

		asker = Budgeted(c, newBudget(t, BudgetConfig{MaxCost: float64(most), Prices: Prices{1e6, 1e6}}))
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("stopped by a signal")
		go asker.Ask(t.Context(), r)
		synctest.Wait()
		time.AfterFunc(time.Second/2, func() { cancel(why) })
		start = time.Now()
		if _, err := asker.Ask(ctx, r); !errors.Is(err, why) || time.Since(start) != time.Second/2 {
			t.Errorf("error %v after %v, want the cause at once", err, time.Since(start))
		}
		time.Sleep(time.Second)
	})
}

// A share too small for a single call says so.
func TestShareTooSmall(t *testing.T) {
	none := askFunc(func(context.Context, Request) (Answer, error) {
		t.Error("a call is made")
		return Answer{}, nil
	})
	for flag, cfg := range map[string]BudgetConfig{
		"--llm_max_calls": {MaxCalls: 2},
		"--llm_max_cost":  {MaxCost: 1e-5, Prices: Prices{1, 1}},
	} {
		part, err := newBudget(t, cfg).Split(4, 3)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Budgeted(none, part).Ask(t.Context(), someRequest())
		if err == nil || !strings.Contains(err.Error(), "raise "+flag+": it does not allow a single call in each part of the work") {
			t.Errorf("error %v", err)
		}
	}
}
