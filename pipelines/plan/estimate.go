package plan

import (
	"context"
	"fmt"

	"foray/pipelines/job"
	"foray/transforms/planner"
	"foray/transforms/planning"
)

// tokenBytes is about how many bytes of English a token stands for.
const tokenBytes = 4

// Estimate prints what a run would do, and makes no call.
func Estimate(ctx context.Context, c *job.Command, o Options) error {
	cfg, _, err := o.Config(ctx, c)
	if err != nil {
		return err
	}
	e, err := planning.Count(ctx, cfg)
	if err != nil {
		return &job.Exit{Code: job.Failed, Err: fmt.Errorf("estimate: %w", err)}
	}
	c.Say("keys      %d", e.Keys)
	if e.Decided > 0 {
		c.Say("decided   %d by overrides or outside --key_coverage", e.Decided)
	}
	c.Say("answered  %d by earlier runs", e.Answered)
	c.Say("calls     %d", e.Calls)
	c.Say("prompts   %.1f MB in all, %d bytes on average", float64(e.PromptBytes)/1e6, e.PromptBytes/max(e.Calls, 1))
	if o.Planner != planner.OpenAI {
		return nil
	}
	prompt, answers := float64(e.PromptBytes)/tokenBytes, float64(e.Calls)*float64(o.Model.MaxTokens)
	c.Say("tokens    about %.0f of prompts (%d bytes a token), at most %.0f of answers", prompt, tokenBytes, answers)
	if p, a := o.Model.PromptPrice, o.Model.CompletionPrice; p > 0 || a > 0 {
		c.Say("cost      about $%.2f for prompts, at most $%.2f for answers", prompt/1e6*p, answers/1e6*a)
	} else {
		c.Say("cost      unknown: give --llm_price_prompt and --llm_price_completion")
	}
	return nil
}
