package plan

import (
	"context"
	"errors"
	"fmt"
	"io"

	"foray/llm"
	"foray/llm/batch"
	"foray/pipelines/job"
	"foray/transforms/planning"
	"foray/transforms/read"
	"foray/transforms/store"
)

// exportPrefix begins the names of files of requests.
const exportPrefix = "requests-"

// Export writes the requests of all keys without an answer to files for vLLM's
// run-batch or a provider's bulk job.
func Export(ctx context.Context, c *job.Command, o Options) (err error) {
	cfg, _, err := o.Config(ctx, c)
	if err != nil {
		return err
	}
	folder, err := store.Open(ctx, o.BatchFiles)
	if err != nil {
		return ended(ctx, err)
	}
	left, err := folder.List(ctx, exportPrefix)
	if err != nil {
		return ended(ctx, err)
	}
	if len(left) > 0 {
		return job.UsageError("--llm_batch_files=%s holds %s of an earlier export: remove that, or give another folder", o.BatchFiles, left[0].Name)
	}
	backlog, err := planning.OpenBacklog(ctx, cfg)
	if err != nil {
		return ended(ctx, err)
	}
	defer func() { err = errors.Join(err, backlog.Close()) }()
	requests, body := backlog.Outstanding(ctx), llm.Offline().Body
	shards, err := batch.Plan(requests, body, batch.Limits{Requests: o.BatchRequests})
	if err != nil {
		return ended(ctx, err)
	}
	n := 0
	for i := range shards {
		name := fmt.Sprintf("%s%05d-of-%05d.jsonl", exportPrefix, i, len(shards))
		if err := folder.Put(ctx, name, store.Always, func(w io.Writer) error {
			lines, err := shards[i].Write(w, requests, body)
			n += lines
			return err
		}); err != nil {
			return ended(ctx, err)
		}
	}
	if n == 0 && backlog.Beyond() == nil {
		c.Say("export: every question has an answer; --rematch makes the table")
		return nil
	}
	c.Say("export: %d requests in %d files %s", n, len(shards), folder.URL(exportPrefix+"*.jsonl"))
	c.Say("Have each answered, such as by vllm run-batch -i FILE -o RESULTS --model %s, and bring the results back by the same command with --llm_mode=import --llm_batch_files='RESULTS*'.", o.Model.Name)
	if o.Model.Decode != llm.FreeDecoding {
		c.Say("Nobody has proved that who answers them honours --llm_decode=%s: try a few lines first.", o.Model.Decode)
	}
	if err := backlog.Beyond(); err != nil {
		return ended(ctx, err)
	}
	return nil
}

// importFiles takes files of results into the paid log.
func (o *Options) importFiles(ctx context.Context, c *job.Command, _ planning.Config, backlog *planning.Backlog) error {
	files, err := read.Files(ctx, "llm_batch_files", o.BatchFiles)
	if err != nil {
		return job.UsageError("%w", err)
	}
	results := batch.NewResults(llm.Offline().Reply)
	for _, f := range files {
		if err := add(ctx, results, f.Path); err != nil {
			return fmt.Errorf("import %s: %w", f.Path, err)
		}
	}
	var answered, failed, known int
	take := func(ctx context.Context, outcomes []batch.Outcome) error {
		var news []batch.Outcome
		for _, outcome := range outcomes {
			knows, err := backlog.Knows(ctx, outcome.Request)
			switch {
			case err != nil:
				return err
			case knows:
				known++
				continue
			case outcome.Err != nil:
				failed++
			default:
				answered++
			}
			news = append(news, outcome)
		}
		return backlog.Deliver(ctx, news)
	}
	tally := results.Tally // of the lines alone
	for {
		// Answers to questions that were asked again make sense only once
		// those before them are known.
		before := results.Tally.Unknown
		if _, err := results.Deliver(ctx, backlog.All(ctx), take); err != nil {
			return err
		}
		unknown := tally.Unknown + results.Tally.Unknown - before
		if backlog.Next() {
			known = -answered - failed // those of this pass come again
			continue
		}
		c.Say("import: %d files of %d lines: %d answers and %d failures are new, %d known before; %d lines answer nothing that is asked, %d are damaged",
			len(files), tally.Rows+tally.Damaged, answered, failed, known, unknown, tally.Damaged)
		break
	}
	for i, d := range tally.Damage {
		if i == 3 {
			break
		}
		c.Say("import: %v", d)
	}
	missing := 0
	for _, err := range backlog.Outstanding(ctx) {
		if err != nil {
			return err
		}
		missing++
	}
	if missing > 0 {
		c.Say("import: %d questions are still to be asked, in whichever mode", missing)
	}
	return nil
}

// add reads one file of results.
func add(ctx context.Context, results *batch.Results, path string) error {
	f, err := read.Open(ctx, path)
	if err != nil {
		return err
	}
	return errors.Join(results.Add(f), f.Close())
}
