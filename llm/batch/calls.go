package batch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sashabaranov/go-openai"

	"foray/llm"
)

// mostPages bounds the pages of a hundred batches in which a lost one is
// looked for, the newest first.
const mostPages = 50

// longestSettling bounds the last pause before an uploaded file is missed.
const longestSettling = 16 * time.Second

// try calls do until it succeeds, or fails for good, or has failed for so long
// as Patience.
func (r *Runner) try(ctx context.Context, what string, do func(context.Context, *openai.Client) error) error {
	patient := llm.Retries{First: time.Second, Longest: time.Minute, Patience: r.Poll.Patience}
	if err := llm.Persist(ctx, patient, func(ctx context.Context) error { return r.Call(ctx, do) }); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// advise replaces the advice of a failure that says that the endpoint has not
// what was asked for.
func advise(err error, advice string) error {
	if terminal := (*llm.TerminalError)(nil); errors.As(err, &terminal) && terminal.Kind == llm.BadEndpoint {
		return &llm.TerminalError{Kind: llm.BadEndpoint, Advice: advice, Err: terminal.Err}
	}
	return err
}

// upload returns the file's id. Another attempt may leave a file behind that
// nobody uses.
func (r *Runner) upload(ctx context.Context, name string, data []byte) (id string, err error) {
	err = r.try(ctx, "upload a batch file", func(ctx context.Context, c *openai.Client) error {
		f, err := c.CreateFileBytes(ctx, openai.FileBytesRequest{Name: name, Bytes: data, Purpose: openai.PurposeBatch})
		if err != nil {
			return err
		}
		if !plainID(f.ID) {
			return errors.New("the response names no file")
		}
		id = f.ID
		return nil
	})
	return id, advise(err, "give an endpoint that takes batches, or ask without, or carry the files by hand")
}

// create creates the batch of a job's input file, or finds the one that was
// created when the response got lost: to create another would pay twice.
func (r *Runner) create(ctx context.Context, j *job) (b openai.Batch, err error) {
	err = r.try(ctx, "create a batch", func(ctx context.Context, c *openai.Client) error {
		ctx = context.WithoutCancel(ctx) // whoever stops us must hear of what is paid for
		if j.unsure {
			found, err := find(ctx, c, j.InputFile)
			if err != nil {
				return err
			}
			if found != nil {
				b = *found
				return nil
			}
		}
		j.unsure = true
		for pause := time.Second; ; pause *= 2 {
			response, err := c.CreateBatch(ctx, openai.CreateBatchRequest{
				InputFileID: j.InputFile, Endpoint: openai.BatchEndpointChatCompletions, CompletionWindow: r.Window,
				Metadata: map[string]any{"source": "foray"}, // null is refused by some
			})
			b = response.Batch
			// A file may take seconds until it is found.
			if err == nil || !strings.Contains(err.Error(), j.InputFile) || pause > longestSettling {
				return checkBatch(&b, "", err)
			}
			if err := sleep(ctx, pause); err != nil {
				return err
			}
		}
	})
	return b, advise(err, "give an endpoint that takes batches, or ask without, or carry the files by hand")
}

// find looks for a batch by its input file; nil if there is none. Those that
// were refused cost nothing, and are left alone. An endpoint that lists no
// batches has none.
func find(ctx context.Context, c *openai.Client, inputFile string) (*openai.Batch, error) {
	var after *string
	limit := 100
	for range mostPages {
		page, err := c.ListBatch(ctx, after, &limit)
		if err != nil {
			if noSuchCall(err) {
				return nil, nil
			}
			return nil, err
		}
		for i := range page.Data {
			b := &page.Data[i]
			if b.InputFileID == inputFile && b.Status != statusFailed && plainID(b.ID) {
				return b, nil
			}
		}
		if !page.HasMore || len(page.Data) == 0 {
			break
		}
		after = &page.Data[len(page.Data)-1].ID
	}
	return nil, nil
}

// noSuchCall tells of an endpoint without that call.
func noSuchCall(err error) bool {
	status := 0
	var api *openai.APIError
	var request *openai.RequestError
	switch {
	case errors.As(err, &api):
		status = api.HTTPStatusCode
	case errors.As(err, &request):
		status = request.HTTPStatusCode
	}
	return status == 404 || status == 405 || status == 501
}

// checkBatch refuses a response with HTTP status 200 that is no batch, or
// another one than asked for.
func checkBatch(b *openai.Batch, id string, err error) error {
	switch {
	case err != nil:
		return err
	case !plainID(b.ID) || b.Status == "":
		return errors.New("the response is no batch")
	case id != "" && b.ID != id:
		return fmt.Errorf("the response is batch %q, not %q", b.ID, id)
	}
	return nil
}

func (r *Runner) retrieve(ctx context.Context, id string) (b openai.Batch, err error) {
	err = r.try(ctx, "look at batch "+id, func(ctx context.Context, c *openai.Client) error {
		response, err := c.RetrieveBatch(ctx, id)
		b = response.Batch
		return checkBatch(&b, id, err)
	})
	return b, advise(err, "give the endpoint and the key that the batch was created with; to pay for its requests again, delete answers/batches.json")
}

// content reads a file of results. A file that ends early is read again.
func (r *Runner) content(ctx context.Context, id string, results *Results) error {
	if !plainID(id) {
		return fmt.Errorf("the endpoint names a file of results %q, which is no id", id)
	}
	err := r.try(ctx, "read the results "+id, func(ctx context.Context, c *openai.Client) error {
		response, err := c.GetFileContent(ctx, id)
		if err != nil {
			return err
		}
		attempt := NewResults(results.reply)
		if err := errors.Join(attempt.Add(response), response.Close()); err != nil {
			return err
		}
		if attempt.Tally.Rows == 0 && attempt.Tally.Damaged > 0 {
			// To go on would pay for all of it again.
			return fmt.Errorf("no line of the file can be read: %s", attempt.Tally.Damage[0])
		}
		results.merge(attempt)
		return nil
	})
	return advise(err, "to pay for its requests again, delete answers/batches.json")
}

// Cancel asks the endpoint to cancel all batches that are under way, and
// forgets those that are only planned. What they have finished is paid for: the
// next Run delivers it, and goes on. A Run elsewhere ends with ErrCancelled.
func (r *Runner) Cancel(ctx context.Context) error {
	r = r.orDefault()
	s, err := r.load(ctx)
	if err != nil {
		return err
	}
	var failed error
	var kept []*job
	for _, j := range s.Batches {
		if j.Collected || j.InputFile == "" {
			continue
		}
		err := r.cancel(ctx, j)
		failed = errors.Join(failed, err)
		if j.Batch != "" || err != nil {
			kept = append(kept, j)
		}
	}
	s.Batches, s.Round = kept, 0
	return errors.Join(failed, r.save(ctx, s))
}

func (r *Runner) cancel(ctx context.Context, j *job) error {
	return r.try(ctx, "cancel batch "+strings.TrimSpace(j.Batch+" of "+j.InputFile), func(ctx context.Context, c *openai.Client) error {
		if j.Batch == "" {
			found, err := find(ctx, c, j.InputFile)
			if err != nil || found == nil {
				return err
			}
			j.Batch = found.ID
		}
		// It may have ended, which endpoints take for a conflict.
		now, err := c.RetrieveBatch(ctx, j.Batch)
		if err := checkBatch(&now.Batch, j.Batch, err); err != nil {
			return err
		}
		switch now.Status {
		case statusCompleted, statusExpired, statusFailed, statusCancelling, statusCancelled:
			j.Cancelled = true
			return nil
		}
		response, err := c.CancelBatch(ctx, j.Batch)
		if err := checkBatch(&response.Batch, j.Batch, err); err != nil {
			return err
		}
		j.Cancelled = true
		return nil
	})
}
