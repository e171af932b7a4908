package finetune

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sashabaranov/go-openai"

	"foray/llm"
)

// The ways for a job to end without a model, wrapped by Watch.
var (
	ErrFailed    = errors.New("the fine-tuning job failed")
	ErrCancelled = errors.New("the fine-tuning job was cancelled")
)

// ErrUnknown, wrapped by Start, tells that a job was asked for and no answer
// came: there may be one.
var ErrUnknown = errors.New("a job was asked for, and nobody knows whether it was created")

// Call makes one call by go-openai, as (*llm.Client).Call does: its errors are
// those of an llm.Asker.
type Call func(ctx context.Context, do func(context.Context, *openai.Client) error) error

// Tuner runs fine-tuning jobs.
type Tuner struct {
	Call Call
	// Save keeps a job for another process, and returns once it is durable.
	Save func(context.Context, *Job) error
	// Judge asks a model about held-out keys; nil judges nothing.
	Judge func(ctx context.Context, model string) (Figures, error)
	// Progress, if not nil, is called after every look at the job.
	Progress func(*Job)
	// Poll is the pause between two looks; 0 is 10 s. Patience is how long
	// calls may fail over and over; 0 is an hour.
	Poll, Patience time.Duration
}

// Start uploads the examples and creates the job, each once for a job that is
// saved in between. A job that was created already is left alone.
//
// Whether an endpoint that does not answer has created the job cannot be found
// out, and another would be paid for, too: the error wraps ErrUnknown, and so
// does that of Start with the job as it was saved, which creates no other.
func (t *Tuner) Start(ctx context.Context, j *Job, training, validation []byte) error {
	if j.ID != "" {
		return nil
	}
	if j.Creating {
		return ErrUnknown
	}
	j.Format = Format
	for _, f := range []struct {
		id   *string
		name string
		data []byte
	}{{&j.TrainingFile, "training.jsonl", training}, {&j.ValidationFile, "validation.jsonl", validation}} {
		if *f.id != "" || len(f.data) == 0 {
			continue
		}
		err := t.try(ctx, "upload "+f.name, func(ctx context.Context, c *openai.Client) error {
			file, err := c.CreateFileBytes(ctx, openai.FileBytesRequest{Name: f.name, Bytes: f.data, Purpose: openai.PurposeFineTune})
			if err == nil && !plainID(file.ID) {
				err = errors.New("the response names no file")
			}
			*f.id = file.ID
			return err
		})
		if err != nil {
			*f.id = ""
			return err
		}
		if err := t.save(ctx, j); err != nil {
			return err
		}
	}
	j.Creating = true
	if err := t.save(ctx, j); err != nil {
		return err
	}
	request := openai.FineTuningJobRequest{TrainingFile: j.TrainingFile, ValidationFile: j.ValidationFile, Model: j.Model, Suffix: j.Suffix}
	if j.Epochs > 0 {
		request.Hyperparameters = &openai.Hyperparameters{Epochs: j.Epochs}
	}
	last, err := t.create(ctx, j, request)
	if err != nil {
		j.ID, j.Status = "", ""
		var call *llm.CallError
		// An endpoint that refused has created nothing.
		if !errors.As(last, &call) || !call.MaybePaid && call.Status != 0 && call.Status < 500 {
			j.Creating = false
			if err := t.save(ctx, j); err != nil {
				return err
			}
		} else {
			err = fmt.Errorf("%w (%w)", ErrUnknown, last)
		}
		return fmt.Errorf("create the fine-tuning job: %w", err)
	}
	j.Creating = false
	return t.save(ctx, j)
}

// create asks for a job until it is not told to come back later: whatever else
// goes wrong, there may be a job. last is what the last call ended in, err why
// there was no other.
func (t *Tuner) create(ctx context.Context, j *Job, request openai.FineTuningJobRequest) (last, err error) {
	enough := errors.New("not again")
	err = llm.Persist(ctx, t.patient(), func(ctx context.Context) error {
		last = t.Call(context.WithoutCancel(ctx), func(ctx context.Context, c *openai.Client) error {
			created, err := c.CreateFineTuningJob(ctx, request)
			if err == nil && !plainID(created.ID) {
				err = errors.New("the response names no job")
			}
			j.ID, j.Status = created.ID, created.Status
			return err
		})
		if call := (*llm.CallError)(nil); last != nil && !(errors.As(last, &call) && call.Status == http.StatusTooManyRequests) {
			return enough
		}
		return last
	})
	if last != nil && (errors.Is(err, enough) || ctx.Err() == nil) {
		err = last
	}
	return last, err
}

// Watch follows a job to its end, and has its checkpoints judged. It returns,
// wrapped, ErrFailed with the provider's reason, ErrCancelled, an error of
// llm.Asker, or ctx's cause; the job goes on without anybody who watches.
func (t *Tuner) Watch(ctx context.Context, j *Job) error {
	poll := t.Poll
	if poll <= 0 {
		poll = 10 * time.Second
	}
	for {
		reason, err := t.look(ctx, j)
		if err != nil {
			return err
		}
		if err := t.judge(ctx, j); err != nil {
			return err
		}
		if err := t.save(ctx, j); err != nil {
			return err
		}
		if t.Progress != nil {
			t.Progress(j)
		}
		switch j.Status {
		case Succeeded:
			return nil
		case Failed:
			return fmt.Errorf("%w: %s", ErrFailed, reason)
		case Cancelled:
			return ErrCancelled
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("watch job %s: %w", j.ID, context.Cause(ctx))
		case <-time.After(poll):
		}
	}
}

// look asks for the job and its last events.
func (t *Tuner) look(ctx context.Context, j *Job) (reason string, err error) {
	// In this order: what is told of a job that has ended is all.
	var now openai.FineTuningJob
	err = t.try(ctx, "look at job "+j.ID, func(ctx context.Context, c *openai.Client) (err error) {
		now, err = c.RetrieveFineTuningJob(ctx, j.ID)
		if err == nil && now.ID != j.ID {
			err = fmt.Errorf("the response is not about job %s", j.ID)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	var events openai.FineTuningJobEventList
	err = t.try(ctx, "read the events of job "+j.ID, func(ctx context.Context, c *openai.Client) (err error) {
		events, err = c.ListFineTuningJobEvents(ctx, j.ID, openai.ListFineTuningJobEventsWithLimit(mostEvents))
		return err
	})
	if err != nil {
		return "", err
	}
	reason = "the provider gives no reason"
	for i := range events.Data { // the newest first
		if e := events.Data[len(events.Data)-1-i]; j.hear(e.Message) || e.Level != "error" {
			continue
		} else {
			reason = e.Message
		}
	}
	j.Status = now.Status
	if now.FineTunedModel != "" {
		j.Tuned = now.FineTunedModel
		j.checkpoint(max(j.Step, j.Steps), j.Tuned)
	}
	return reason, nil
}

// judge has new checkpoints judged. Some providers serve them only when the
// job has ended.
func (t *Tuner) judge(ctx context.Context, j *Job) error {
	for _, c := range j.Checkpoints {
		if c.Figures != nil || t.Judge == nil {
			continue
		}
		f, err := t.Judge(ctx, c.Model)
		var terminal *llm.TerminalError
		if errors.As(err, &terminal) && terminal.Kind == llm.UnknownModel {
			continue
		}
		if err != nil {
			return fmt.Errorf("judge %s: %w", c.Model, err)
		}
		c.Figures = &f
	}
	return nil
}

// Cancel has the provider stop a job.
func (t *Tuner) Cancel(ctx context.Context, j *Job) error {
	err := t.try(ctx, "cancel job "+j.ID, func(ctx context.Context, c *openai.Client) error {
		now, err := c.CancelFineTuningJob(ctx, j.ID)
		j.Status = now.Status
		return err
	})
	if err != nil {
		return err
	}
	return t.save(ctx, j)
}

// save outlives a cancelled context, since what it tells is paid for.
func (t *Tuner) save(ctx context.Context, j *Job) error {
	if err := t.Save(context.WithoutCancel(ctx), j); err != nil {
		return fmt.Errorf("save the fine-tuning job: %w", err)
	}
	return nil
}

// try calls do until it succeeds, fails for good, or has failed for so long as
// Patience.
func (t *Tuner) try(ctx context.Context, what string, do func(context.Context, *openai.Client) error) error {
	if err := llm.Persist(ctx, t.patient(), func(ctx context.Context) error { return t.Call(ctx, do) }); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (t *Tuner) patient() llm.Retries {
	patience := t.Patience
	if patience <= 0 {
		patience = time.Hour
	}
	return llm.Retries{First: 500 * time.Millisecond, Longest: time.Minute, Patience: patience}
}
