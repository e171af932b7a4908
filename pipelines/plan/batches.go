package plan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"foray/llm"
	"foray/llm/batch"
	"foray/pipelines/job"
	"foray/schemas"
	"foray/transforms/paidlog"
	"foray/transforms/planning"
	"foray/transforms/progress"
	"foray/transforms/store"
)

// askBatches asks through the endpoint's batches until nothing is left to ask.
func (o *Options) askBatches(ctx context.Context, c *job.Command, cfg planning.Config, backlog *planning.Backlog) error {
	client, err := o.Model.Client(o.Model.Endpoint)
	if err != nil {
		return err
	}
	if err := backlog.Canary(ctx, llm.Retrying(client, llm.Retries{})); err != nil {
		return err
	}
	bars := &rounds{command: c}
	runner := o.runner(client, &batchState{bucket: c.Bucket, with: o.askedWith(cfg)})
	runner.Progress = bars.show
	c.Say("batch: asking %s in batches; they go on when this command is stopped, and the same command takes them up again (with --llm_batch_cancel, it cancels them)", o.Model.Endpoint)
	var done batch.Summary
	for {
		s, err := runner.Run(ctx, backlog.Outstanding(ctx), backlog.Deliver)
		bars.end(err == nil)
		done.Answered += s.Answered
		done.Failed += s.Failed
		done.Rounds += s.Rounds
		done.Batches += s.Batches
		done.Results.Unknown += s.Results.Unknown
		done.Results.Damaged += s.Results.Damaged
		if err != nil {
			if done.Answered+done.Failed > 0 {
				sayDone(c, done)
			}
			if ctx.Err() != nil {
				return &job.Exit{Code: job.Stopped, Err: errors.New("plan: stopped; batches that are under way go on: run the same command again to take them up, or with --llm_batch_cancel to cancel them")}
			}
			return err
		}
		// Answers that plan nothing are asked again in batches of their own.
		if !backlog.Next() {
			break
		}
	}
	sayDone(c, done)
	return backlog.Beyond()
}

func sayDone(c *job.Command, s batch.Summary) {
	text := fmt.Sprintf("batch: %d requests answered and %d failed, in %d batches and %d rounds", s.Answered, s.Failed, s.Batches, s.Rounds)
	if n := s.Results.Damaged; n > 0 {
		text += fmt.Sprintf("; %d lines of results were damaged, and asked again", n)
	}
	if n := s.Results.Unknown; n > 0 {
		text += fmt.Sprintf("; %d lines answered nothing that was asked", n)
	}
	c.Say("%s", text)
}

func (o *Options) runner(client *llm.Client, s batch.Store) *batch.Runner {
	return &batch.Runner{
		Endpoint: o.Model.Endpoint, Body: client.Body, Reply: client.Reply, Call: client.Call, Store: s,
		Limits: batch.Limits{Requests: o.BatchRequests}, Poll: batch.Poll{First: o.BatchPoll},
	}
}

// Cancel cancels the batches that are under way.
func Cancel(ctx context.Context, c *job.Command, o Options) error {
	client, err := o.Model.Client(o.Model.Endpoint)
	if err != nil {
		return ended(ctx, err)
	}
	state := &batchState{bucket: c.Bucket}
	if err := o.runner(client, state).Cancel(ctx); err != nil {
		return ended(ctx, err)
	}
	if state.batches == 0 {
		c.Say("batch: nothing is under way")
		return nil
	}
	c.Say("batch: %d batches are cancelled; the same command without --llm_batch_cancel keeps what they have answered, and asks the rest again", state.batches)
	return nil
}

// askedWith is what the requests of batches depend on. Results find the
// requests that they answer only with the same.
func (o *Options) askedWith(cfg planning.Config) map[string]string {
	with := o.options(cfg)
	delete(with, "shards")
	prompt, err := llm.ParsePrompt(o.Model.Prompt)
	if err == nil { // the backlog has read it
		with["prompt"] = prompt.Version()
	}
	for table, version := range map[string]string{schemas.ClustersTable: cfg.From.Clusters, schemas.TransitionsTable: cfg.From.Transitions, schemas.KeysTable: cfg.From.Keys} {
		with["version of "+table] = version
	}
	return with
}

// stateName is the file, among the answers, that tells which batches are under
// way. It is there as long as any are.
const stateName = paidlog.Root + "/batches.json"

// batchState is a batch.Store.
type batchState struct {
	bucket store.Bucket
	// with is what the batches of this command are asked with; nil takes them
	// as they are.
	with map[string]string
	// batches is how many were in the state last.
	batches int
}

// batchDocument is the file's content.
type batchDocument struct {
	AskedWith map[string]string `json:"asked_with"`
	State     json.RawMessage   `json:"state"`
}

// Load implements batch.Store.
func (s *batchState) Load(ctx context.Context) ([]byte, error) {
	data, err := store.Read(ctx, s.bucket, stateName)
	if errors.Is(err, store.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var d batchDocument
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", s.bucket.URL(stateName), err)
	}
	if s.with == nil {
		s.with = d.AskedWith
	}
	if s.batches, err = underWay(d.State); err != nil || s.batches == 0 {
		return nil, err // a plan alone is made anew
	}
	var other []string
	for _, name := range slices.Sorted(maps.Keys(d.AskedWith)) {
		if was, is := d.AskedWith[name], s.with[name]; was != is {
			other = append(other, fmt.Sprintf("%s is %q, and was %q", name, is, was))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.with)) {
		if _, ok := d.AskedWith[name]; !ok {
			other = append(other, fmt.Sprintf("%s is %q, and was not given", name, s.with[name]))
		}
	}
	if len(other) > 0 {
		return nil, job.UsageError("batches are under way that were asked otherwise (%s): run the command as it was, with --llm_batch_cancel to cancel them; or remove %s to give up what they have answered",
			strings.Join(other, "; "), s.bucket.URL(stateName))
	}
	return d.State, nil
}

// Save implements batch.Store.
func (s *batchState) Save(ctx context.Context, state []byte) (err error) {
	if s.batches, err = underWay(state); err != nil {
		return err
	}
	if s.batches == 0 {
		return s.bucket.Remove(ctx, stateName)
	}
	data, err := json.MarshalIndent(batchDocument{s.with, state}, "", " ")
	if err != nil {
		return err
	}
	return store.Write(ctx, s.bucket, stateName, append(data, '\n'))
}

// underWay counts the batches of a state whose answers may be paid for: those
// with a file at the endpoint that have not been collected.
func underWay(state []byte) (n int, err error) {
	var s struct {
		Batches []struct {
			InputFile string `json:"input_file"`
			Collected bool   `json:"collected"`
		} `json:"batches"`
	}
	err = json.Unmarshal(state, &s)
	for _, b := range s.Batches {
		if b.InputFile != "" && !b.Collected {
			n++
		}
	}
	return n, err
}

// rounds shows a bar for each round of batches.
type rounds struct {
	command *job.Command
	shown   int
	name    string // of the round that is under way; "" if none is
	last    batch.Progress
}

func (r *rounds) show(p batch.Progress) {
	if r.name == "" || p.Round != r.last.Round {
		r.end(true)
		r.shown++
		r.name, r.last = "batch", batch.Progress{Round: p.Round}
		if r.shown > 1 {
			r.name = fmt.Sprint("batch ", r.shown)
		}
		r.command.Display.Stage(r.name, "requests")
	}
	progress.Expect(r.name, int64(p.Total-r.last.Total))
	progress.Add(r.name, int64(p.Completed+p.Failed-r.last.Completed-r.last.Failed))
	r.last = p
}

// end ends the round that is under way.
func (r *rounds) end(done bool) {
	if r.name != "" && done {
		r.command.Display.Done(r.name)
	}
	r.name = ""
}
