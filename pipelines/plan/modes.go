package plan

import (
	"context"
	"errors"
	"fmt"

	"foray/llm"
	"foray/llm/batch"
	"foray/pipelines/job"
	"foray/transforms/planning"
)

// Mode is a way to ask a model.
type Mode string

// The modes.
const (
	// ModeOnline makes a call a question, from the workers of the job.
	ModeOnline Mode = "online"
	// ModeBatch asks through the endpoint's batches, and waits for them here.
	ModeBatch Mode = "batch"
	// ModeExport writes files of requests for somebody to carry, and no table.
	ModeExport Mode = "export"
	// ModeImport takes the results of such files.
	ModeImport Mode = "import"
)

// Modes are all modes.
var Modes = []Mode{ModeOnline, ModeBatch, ModeExport, ModeImport}

// before does what is to be done in front of the job: with batches and files
// all asking, so that the job finds every answer in the paid log, and makes no
// call.
func (o *Options) before(ctx context.Context, c *job.Command, cfg planning.Config) (planning.Config, error) {
	if o.Model.Rematch {
		return cfg, nil
	}
	if job.Detached() && o.Mode != ModeOnline {
		return cfg, job.UsageError("--llm_mode=%s asks before the job begins: do that by a run without --dry_run, --async and --template_location", o.Mode)
	}
	// The launcher of a detached job need not reach what its workers read.
	if o.Mode != ModeImport && !job.Detached() {
		if err := o.announce(ctx, c, cfg); err != nil {
			return cfg, &job.Exit{Code: job.Failed, Err: fmt.Errorf("plan: %w", err)}
		}
	}
	if o.Mode == ModeOnline {
		return cfg, nil
	}
	backlog, err := planning.OpenBacklog(ctx, cfg)
	if err != nil {
		return cfg, ended(ctx, err)
	}
	for _, damage := range backlog.Warnings() {
		c.Say("plan: %s", damage)
	}
	settle := o.askBatches
	if o.Mode == ModeImport {
		settle = o.importFiles
	}
	if err = settle(ctx, c, cfg, backlog); err == nil {
		cfg, err = backlog.Settled(ctx)
	}
	if err = errors.Join(err, backlog.Close()); err != nil {
		return cfg, ended(ctx, err)
	}
	return cfg, nil
}

// ended is an error with the exit code of the command.
func ended(ctx context.Context, err error) error {
	var exit *job.Exit
	var terminal *llm.TerminalError
	code := job.Failed
	switch {
	case errors.As(err, &exit):
		return err
	case errors.As(err, &terminal):
		code = terminal.Kind.Exit()
	case errors.Is(err, batch.ErrCancelled):
		code = job.Stopped
	case ctx.Err() != nil:
		return &job.Exit{Code: job.Stopped, Err: fmt.Errorf("plan: stopped; run the same command again to go on (%w)", err)}
	}
	return &job.Exit{Code: code, Err: fmt.Errorf("plan: %w", err)}
}
