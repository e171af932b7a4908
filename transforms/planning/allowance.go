package planning

import (
	"fmt"
	"math"
	"sync"

	"foray/llm"
)

// allowance is what shards may ask for and spend, and what they have spent.
type allowance struct {
	limits *llm.Limits
	budget *llm.Budget

	mu sync.Mutex
	// killed are the calls that were in flight when earlier runs were killed.
	killed int64
	// told is what tell has told of.
	told map[string]int64
	// given and matched count first answers, for text.
	given, matched int64
}

// tokens counts for all allowances of the process.
var tokens = sync.OnceValue(llm.NewCounter)

// newAllowance is share i of n of what a model's run may spend.
func newAllowance(m Model, n, i int) (*allowance, error) {
	budget, err := llm.NewBudget(llm.BudgetConfig{MaxCost: m.MaxCost, MaxCalls: m.MaxCalls, Prices: m.Prices, Tokens: tokens(), Flags: m.flags()})
	if err != nil {
		return nil, err
	}
	if budget, err = budget.Split(n, i); err != nil {
		return nil, err
	}
	return &allowance{
		limits: llm.NewLimits(llm.LimitConfig{
			Concurrency: m.Concurrency, RequestsPerMinute: m.RequestsPerMinute / float64(n), TokensPerMinute: m.TokensPerMinute / float64(n), Tokens: tokens(),
		}),
		budget: budget,
		told:   map[string]int64{},
	}, nil
}

// allowance is that of a shard: all shards' where they are in one process,
// else its own share.
func (s *session) allowance(shard, of int) (*allowance, error) {
	if !s.model.Split {
		return s.whole, nil
	}
	return newAllowance(s.model, of, shard)
}

// The names under which a lookup table's manifest counts calls.
const (
	CallsMade        = "calls"                   // every attempt, answered or not
	CallsRepeated    = "retries"                 // those of them that repeat one
	CallsLimited     = "rate_limited"            // those of them that got HTTP status 429
	CallsMaybePaid   = "maybe_paid"              // those without an answer that the endpoint may charge for
	PromptTokens     = "prompt_tokens"           // of all calls
	CompletionTokens = "completion_tokens"       // of all calls
	CostMicroUSD     = "cost_micro_usd"          // of all calls, in millionths of a dollar, by the prices given
	AnswersReasked   = "answers_reasked"         // answers that were asked again, for they planned nothing
	AlignScores      = "align_scores"            // candidates that were scored
	AlignUnscored    = "align_scores_unreadable" // candidates whose scoring gave no number
)

// tell is what was spent since it was last called.
func (a *allowance) tell() map[string]int64 {
	stats, spent := a.limits.Stats(), a.budget.Spent()
	a.mu.Lock()
	defer a.mu.Unlock()
	now := map[string]int64{
		CallsMade: stats.Calls, CallsRepeated: stats.Retries, CallsLimited: stats.RateLimited,
		CallsMaybePaid: spent.MaybePaid + a.killed, PromptTokens: spent.PromptTokens, CompletionTokens: spent.CompletionTokens,
		CostMicroUSD: int64(math.Round(spent.Cost() * 1e6)),
	}
	since := map[string]int64{}
	for name, n := range now {
		since[name] = n - a.told[name]
	}
	a.told = now
	return since
}

func (a *allowance) addKilled(n int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.killed += n
}

// answered counts a first answer.
func (a *allowance) answered(how llm.How) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.given++
	if how != llm.None {
		a.matched++
	}
}

// text is what a person watching wants to know of the calls.
func (a *allowance) text() string {
	stats, spent := a.limits.Stats(), a.budget.Spent()
	text := fmt.Sprintf("%d in flight", stats.InFlight)
	if stats.Retries > 0 {
		text += fmt.Sprintf("  %d retries", stats.Retries)
	}
	if stats.RateLimited > 0 {
		text += fmt.Sprintf("  %d × 429 (at most %d at once)", stats.RateLimited, stats.Limit)
	}
	a.mu.Lock()
	given, matched := a.given, a.matched
	a.mu.Unlock()
	if given > 0 {
		text += fmt.Sprintf("  %.1f %% match", 100*float64(matched)/float64(given))
	}
	if n := spent.PromptTokens + spent.CompletionTokens; n > 0 {
		text += "  " + humanTokens(n)
	}
	if cost := spent.Cost(); cost > 0 {
		text += fmt.Sprintf("  $%.2f", cost)
	}
	return text
}

// humanTokens is a number of tokens in three digits.
func humanTokens(n int64) string {
	switch {
	case n < 1e3:
		return fmt.Sprintf("%d tokens", n)
	case n < 999_500:
		return fmt.Sprintf("%.3g k tokens", float64(n)/1e3)
	default:
		return fmt.Sprintf("%.3g M tokens", float64(n)/1e6)
	}
}
