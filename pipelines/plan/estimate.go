package plan

import (
	"context"
	"fmt"

	"foray/pipelines/job"
	"foray/transforms/planning"
)

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
	return nil
}
