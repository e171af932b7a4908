package llm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
)

// Prices are US dollars for a million tokens.
type Prices struct{ Prompt, Completion float64 }

// BudgetConfig is the configuration of a Budget.
type BudgetConfig struct {
	// MaxCost is US dollars, MaxCalls a number of calls; 0 is no limit.
	MaxCost  float64
	MaxCalls int64
	// Prices are needed for a MaxCost.
	Prices Prices
	// Tokens counts; nil makes a Counter.
	Tokens *Counter
	// Flags is what the names of the flags begin with that messages tell of; ""
	// is llm.
	Flags string
}

// Budget is what may be spent on calls. Safe for concurrent use.
type Budget struct {
	// Costs are in picodollars, so that sums are exact: a dollar a million
	// tokens is a million of them a token.
	maxCost, maxCalls            int64 // unlimited if there is no limit
	priceOfPrompt, priceOfAnswer int64 // of one token
	counter                      *Counter
	flags                        string
	shares                       int // of which this is one

	mu sync.Mutex
	// reserved is what the calls in flight may cost.
	reserved int64
	settled  chan struct{} // closed, and another made, when a call ends
	spent    Spending
}

const (
	picodollars = 1e12
	unlimited   = math.MaxInt64
	// highestPrice, of a million tokens, keeps sums far from overflowing.
	highestPrice = 1e6
)

// Spending is what was spent so far.
type Spending struct {
	// Calls counts every attempt, MaybePaid those of them that failed in a
	// way that may have been charged for.
	Calls, MaybePaid               int64
	PromptTokens, CompletionTokens int64
	cost                           int64
}

// Cost is in US dollars.
func (s Spending) Cost() float64 { return float64(s.cost) / picodollars }

// NewBudget makes a budget. It fails for limits and prices that are negative
// or no numbers, and for a MaxCost without prices.
func NewBudget(cfg BudgetConfig) (*Budget, error) {
	b := &Budget{maxCost: unlimited, maxCalls: unlimited, counter: cfg.Tokens, flags: "--" + cmp.Or(cfg.Flags, "llm"), shares: 1, settled: make(chan struct{})}
	for _, price := range []float64{cfg.Prices.Prompt, cfg.Prices.Completion} {
		if !(price >= 0 && price <= highestPrice) {
			return nil, fmt.Errorf("a price of $%v for a million tokens: give one from 0 to %g", price, highestPrice)
		}
	}
	b.priceOfPrompt = int64(math.Round(cfg.Prices.Prompt * picodollars / 1e6))
	b.priceOfAnswer = int64(math.Round(cfg.Prices.Completion * picodollars / 1e6))
	switch {
	case !(cfg.MaxCost >= 0) || math.IsInf(cfg.MaxCost, 0):
		return nil, fmt.Errorf("%s_max_cost %v: give US dollars, 0 for no limit", b.flags, cfg.MaxCost)
	case cfg.MaxCalls < 0:
		return nil, fmt.Errorf("%s_max_calls %d: give a number of calls, 0 for no limit", b.flags, cfg.MaxCalls)
	case cfg.MaxCost > 0 && b.priceOfPrompt == 0 && b.priceOfAnswer == 0:
		return nil, fmt.Errorf("%s_max_cost needs the prices of a million tokens of the prompt and of the answer: without them no call costs anything", b.flags)
	}
	if cost := cfg.MaxCost * picodollars; cost > 0 && cost < unlimited {
		b.maxCost = max(int64(cost), 1)
	}
	if cfg.MaxCalls > 0 {
		b.maxCalls = cfg.MaxCalls
	}
	if b.counter == nil {
		b.counter = NewCounter()
	}
	return b, nil
}

// Split is share i of n, with nothing spent yet. The limits of all n shares
// sum up to those of b, to the last call and picodollar.
func (b *Budget) Split(n, i int) (*Budget, error) {
	if n < 1 || i < 0 || i >= n {
		return nil, fmt.Errorf("share %d of %d of a budget", i, n)
	}
	return &Budget{
		maxCost: share(b.maxCost, int64(n), int64(i)), maxCalls: share(b.maxCalls, int64(n), int64(i)),
		priceOfPrompt: b.priceOfPrompt, priceOfAnswer: b.priceOfAnswer,
		counter: b.counter, flags: b.flags, shares: b.shares * n, settled: make(chan struct{}),
	}, nil
}

func share(limit, n, i int64) int64 {
	if limit == unlimited {
		return unlimited
	}
	part := limit / n
	if i < limit%n {
		part++
	}
	return part
}

// Spent is what was spent so far; calls in flight count as calls only.
func (b *Budget) Spent() Spending {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spent
}

type budgeted struct {
	asker  Asker
	budget *Budget
}

// Budgeted is asker within a budget. Put it below Retrying, so that each
// attempt counts, and below Recorded, so that no answer from the log does.
//
// Before each call the most that it may cost is reserved: its prompt as the
// Counter counts it, and MaxTokens of answer. A call that might exceed the
// budget is not made; it waits while calls in flight may still turn out
// cheaper, and else fails with a *TerminalError of the kind SpentBudget. An
// answer costs what its usage says, or the tokens as counted if there is none;
// a failed call that may have been paid for costs what was reserved, any other
// nothing. So the limit holds as far as the endpoint keeps to MaxTokens and
// the Counter knows its tokenizer (see Encoding).
func Budgeted(asker Asker, budget *Budget) Asker { return &budgeted{asker, budget} }

// Ask implements Asker.
func (a *budgeted) Ask(ctx context.Context, r Request) (Answer, error) {
	b := a.budget
	var most int64
	if b.maxCost != unlimited {
		most = b.cost(int64(b.counter.Prompt(&r)), int64(mostAnswered(&r)))
	}
	if err := b.reserve(ctx, most); err != nil {
		return Answer{}, err
	}
	answer, err := a.asker.Ask(ctx, r)
	switch {
	case err == nil:
		prompt, completion := b.used(&r, &answer)
		b.settle(most, prompt, completion, b.cost(prompt, completion))
	case maybePaid(err):
		b.unsure()
		b.settle(most, 0, 0, most)
	default:
		b.settle(most, 0, 0, 0)
	}
	return answer, err
}

// used is the tokens that an answer cost.
func (b *Budget) used(r *Request, answer *Answer) (prompt, completion int64) {
	switch {
	case answer.Recorded:
		return 0, 0
	case answer.PromptTokens > 0 && answer.CompletionTokens >= 0:
		return int64(answer.PromptTokens), int64(answer.CompletionTokens)
	case len(r.Inputs) > 0:
		return int64(b.counter.Prompt(r)), 0
	}
	return int64(b.counter.Prompt(r)), int64(b.counter.Count(r.Model, answer.Text))
}

// maybePaid tells whether a failed call may have cost something. One that was
// cancelled may have been under way.
func maybePaid(err error) bool {
	var call *CallError
	if errors.As(err, &call) {
		return call.MaybePaid
	}
	var terminal *TerminalError
	return !errors.As(err, &terminal)
}

// reserve waits until a call that costs at most so much fits.
func (b *Budget) reserve(ctx context.Context, most int64) error {
	for {
		b.mu.Lock()
		switch {
		case b.spent.Calls >= b.maxCalls || plus(b.spent.cost, most) > b.maxCost:
			defer b.mu.Unlock()
			return b.refusal(most)
		case plus(plus(b.spent.cost, b.reserved), most) <= b.maxCost:
			defer b.mu.Unlock()
			b.spent.Calls++
			b.reserved = plus(b.reserved, most)
			return nil
		}
		settled := b.settled
		b.mu.Unlock()
		select {
		case <-settled:
		case <-ctx.Done():
			return fmt.Errorf("wait for the budget: %w", context.Cause(ctx))
		}
	}
}

func (b *Budget) unsure() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent.MaybePaid++
}

func (b *Budget) settle(reserved, prompt, completion, cost int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reserved -= reserved
	b.spent.cost = plus(b.spent.cost, cost)
	b.spent.PromptTokens = plus(b.spent.PromptTokens, prompt)
	b.spent.CompletionTokens = plus(b.spent.CompletionTokens, completion)
	close(b.settled)
	b.settled = make(chan struct{})
}

// refusal tells why no call is made, and how to go on. The lock is held.
func (b *Budget) refusal(most int64) error {
	of := ""
	if b.shares > 1 {
		of = fmt.Sprintf(", a share of 1 in %d", b.shares)
	}
	dollars := func(pico int64) string { return fmt.Sprintf("$%.6f", float64(pico)/picodollars) }
	flag, err := b.flags+"_max_calls", fmt.Errorf("%d calls were made of the %d allowed%s", b.spent.Calls, b.maxCalls, of)
	if b.spent.Calls < b.maxCalls {
		flag = b.flags + "_max_cost"
		err = fmt.Errorf("%s were spent of the %s allowed%s, and the next call may cost %s", dollars(b.spent.cost), dollars(b.maxCost), of, dollars(most))
	}
	advice := "run the same command again to go on from the answers that are paid for, with as much again to spend, or with a higher " + flag
	if b.spent.Calls == 0 {
		advice = "raise " + flag + ": it does not allow a single call"
		if b.shares > 1 {
			advice += " in each part of the work"
		}
	}
	return &TerminalError{SpentBudget, advice, err}
}

// cost is the price of so many tokens.
func (b *Budget) cost(prompt, completion int64) int64 {
	return plus(times(prompt, b.priceOfPrompt), times(completion, b.priceOfAnswer))
}

// plus is the sum of two numbers that are not negative, at most the largest.
func plus(x, y int64) int64 {
	if x > math.MaxInt64-y {
		return math.MaxInt64
	}
	return x + y
}

// times is the product of two numbers that are not negative, at most the
// largest.
func times(x, y int64) int64 {
	if y != 0 && x > math.MaxInt64/y {
		return math.MaxInt64
	}
	return x * y
}
