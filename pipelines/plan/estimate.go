package plan

import (
	"context"
	"fmt"
	"time"

	"foray/pipelines/job"
	"foray/transforms/planner"
	"foray/transforms/planning"
)

// Estimate prints what a run would do, and makes no call.
func Estimate(ctx context.Context, c *job.Command, o Options) error {
	cfg, _, err := o.Config(ctx, c)
	if err != nil {
		return err
	}
	w, err := planning.Count(ctx, cfg, 1)
	if err != nil {
		return &job.Exit{Code: job.Failed, Err: fmt.Errorf("estimate: %w", err)}
	}
	c.Say("keys      %d", w.Keys)
	if w.Decided > 0 {
		c.Say("decided   %d by overrides or outside --key_coverage", w.Decided)
	}
	c.Say("answered  %d by earlier runs", w.Answered)
	changed := ""
	if w.Changed > 0 {
		changed = fmt.Sprintf(", %d of them about keys that the model was asked about before: their prompts have changed", w.Changed)
	}
	c.Say("calls     %d%s", w.Calls, changed)
	if o.Planner != planner.OpenAI {
		return nil
	}
	e := o.bill(w)
	c.Say("tokens    %d of prompts (%s), at most %d of answers", w.PromptTokens, encoding(cfg), e.answerTokens)
	if e.priced {
		c.Say("cost      $%.2f for prompts, at most $%.2f for answers", e.prompts, e.answers)
	} else {
		c.Say("cost      unknown: give --llm_price_prompt and --llm_price_completion")
	}
	if e.atLeast > 0 {
		c.Say("time      at least %v at the limits given", e.atLeast)
	}
	if o.Model.Reasks > 0 || o.Model.Align != nil {
		c.Say("on top    answers that are asked again (--llm_reasks), and scores (--align): only the answers tell how many")
	}
	return nil
}

// announce says before the first call what is coming, as far as some thousand
// keys tell.
func (o *Options) announce(ctx context.Context, c *job.Command, cfg planning.Config) error {
	const looked = 2000
	keys, err := planning.Keys(ctx, cfg)
	if err != nil {
		return err
	}
	step := max(int(keys/looked), 1)
	w, err := planning.Count(ctx, cfg, step)
	if err != nil {
		return err
	}
	about := ""
	if step > 1 {
		about = "about "
	}
	e := o.bill(w)
	text := fmt.Sprintf("plan: %d keys, %s%d calls to make, %s%d tokens of prompts (%s), at most %d of answers", w.Keys, about, w.Calls, about, w.PromptTokens, encoding(cfg), e.answerTokens)
	if e.priced {
		text += fmt.Sprintf("; about $%.2f, and at most $%.2f for answers", e.prompts, e.answers)
	}
	if e.atLeast > 0 {
		text += fmt.Sprintf("; at least %v at the limits given", e.atLeast)
	}
	c.Say("%s", text)
	return nil
}

// bill is what work comes to.
type bill struct {
	answerTokens int64 // at most
	// prompts and answers are dollars, the latter at most; known if priced.
	prompts, answers float64
	priced           bool
	// atLeast is the time that the endpoint's limits leave; 0 without any.
	atLeast time.Duration
}

func (o *Options) bill(w planning.Work) bill {
	m := o.Model
	b := bill{answerTokens: w.Calls * int64(m.MaxTokens)}
	b.prompts = float64(w.PromptTokens) / 1e6 * m.Prices.Prompt
	b.answers = float64(b.answerTokens) / 1e6 * m.Prices.Completion
	b.priced = m.Prices.Prompt > 0 || m.Prices.Completion > 0
	minutes := 0.0
	if m.RequestsPerMinute > 0 {
		minutes = float64(w.Calls) / m.RequestsPerMinute
	}
	if m.TokensPerMinute > 0 {
		// Endpoints count an answer's largest length.
		minutes = max(minutes, float64(w.PromptTokens+b.answerTokens)/m.TokensPerMinute)
	}
	b.atLeast = time.Duration(min(minutes, 1e7) * float64(time.Minute)).Round(time.Second)
	return b
}

// encoding names how tokens were counted.
func encoding(cfg planning.Config) string {
	name, own := cfg.Encoding()
	if own {
		return name
	}
	return name + ", in place of the model's own"
}
