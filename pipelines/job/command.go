// Package job runs the stages of a command: it skips what is done already,
// submits a stage's graph to the runner, reads the account that the graph's
// commit left, and turns it into figures and an exit code.
package job

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/progress"
	"foray/transforms/store"
)

// Exit is an error with a process exit code.
type Exit struct {
	Code int
	Err  error
}

func (e *Exit) Error() string { return e.Err.Error() }
func (e *Exit) Unwrap() error { return e.Err }

// The exit codes.
const (
	Failed  = 1
	Usage   = 2
	Refused = 3 // a quality gate refused to publish
	Stopped = 4 // by budget, quota or signal: the same command goes on
)

// UsageError is an Exit for what the user can mend in the command line.
func UsageError(format string, args ...any) error {
	return &Exit{Code: Usage, Err: fmt.Errorf(format, args...)}
}

// Command is one run of one of Foray's commands.
type Command struct {
	// Output is where tables are, Bucket the same opened.
	Output string
	Bucket store.Bucket
	// Version names every version that the command writes.
	Version string
	// Keep is the number of versions that retention leaves.
	Keep int
	// Stages is how many stages there are to come: with one, the stage's own
	// graph ends the command, and nobody need wait for it.
	Stages int
	// Resume takes versions that were finished with the same inputs, options
	// and parents as done.
	Resume bool
	// Display shows progress; Say prints a line for people.
	Display *progress.Display
	Say     func(format string, args ...any)
	// Rows are the closing table so far, Ran the number of stages that ran.
	Rows []progress.StageRow
	Ran  int
}

// Stage is one job.
type Stage struct {
	// Name is the command's; Unit is what its progress counts.
	Name, Unit string
	// Tables are written; the versions of all are finished before any is
	// published.
	Tables []string
	// Beside is a file that the stage replaces beside its tables, "" for none:
	// it tells of the published versions, so only they are done before.
	Beside  string
	Inputs  []schemas.Input
	Options map[string]string
	Parents map[string]string
	Publish bool
	Gates   []commit.Gate
	// Model and PromptVersion stand in the manifests.
	Model, PromptVersion string
	// Before, if not nil, is done in front of the job, by the launcher, unless
	// the stage is skipped. Its error ends the stage.
	Before func(context.Context) error
	// Build wires the graph; it ends in commit.Commit with cfg.
	Build func(s beam.Scope, cfg commit.Config)
}

// Result is what a stage left.
type Result struct {
	commit.Account
	// Skipped says that it was done before.
	Skipped bool
	// Submitted says that the job was built or submitted without waiting for
	// it (--dry_run, --async): there is no account yet.
	Submitted bool
	// Versions are those of the stage's tables.
	Versions map[string]string
}

// fingerprint identifies what a stage's output depends on.
func (st Stage) fingerprint() string {
	data, err := json.Marshal([]any{schemas.Version, st.Name, st.Inputs, st.Options, st.Parents})
	if err != nil {
		panic(err) // strings and integers only
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// Run runs one stage. A stage that did not do what was asked is an *Exit
// error, beside the account.
func (c *Command) Run(ctx context.Context, st Stage) (Result, error) {
	if c.Resume {
		if done, ok, err := c.finished(ctx, st); ok || err != nil {
			if ok && err == nil {
				c.addRow(st, done, 0)
			}
			return done, err
		}
	}
	start := time.Now()
	c.Ran++
	if st.Before != nil {
		if err := st.Before(ctx); err != nil {
			return Result{}, err
		}
	}
	if !Detached() {
		c.Display.Stage(st.Name, st.Unit)
	}
	p, s := beam.NewPipelineWithRoot()
	st.Build(s, c.commitConfig(st))
	err := c.submit(ctx, p, st.Name)
	if e := c.clean(st.Name); err == nil && e != nil {
		err = &Exit{Failed, e}
	}
	if err != nil {
		return Result{}, err
	}
	r := Result{Versions: map[string]string{}}
	for _, t := range st.Tables {
		r.Versions[t] = c.Version
	}
	if Detached() {
		r.Submitted = true
		c.sayDetached(st)
		return r, nil
	}
	if r.Account, err = commit.ReadAccount(ctx, c.Bucket, c.Version, st.Name); err != nil {
		return r, &Exit{Failed, fmt.Errorf("the %s job ended without leaving its account: %w", st.Name, err)}
	}
	if !WorkersHere() {
		progress.Add(st.Name, st.counted(r.Tally.Counts)) // workers elsewhere count for themselves
	}
	c.Display.Done(st.Name)
	c.addRow(st, r, time.Since(start))
	if r.Exit != 0 {
		return r, &Exit{r.Exit, fmt.Errorf("%s: %s", st.Name, r.Message)}
	}
	return r, nil
}

func (c *Command) commitConfig(st Stage) commit.Config {
	cfg := commit.Config{
		Output: c.Output, Stage: st.Name, Version: c.Version,
		Publish: st.Publish, Gates: st.Gates, Last: c.Stages == 1, Keep: c.Keep,
	}
	for _, t := range st.Tables {
		cfg.Tables = append(cfg.Tables, schemas.Manifest{
			Table: t, Version: c.Version, Parents: st.Parents, Inputs: st.Inputs, Options: st.Options,
			Fingerprint: st.fingerprint(), Model: st.Model, PromptVersion: st.PromptVersion,
		})
	}
	return cfg
}

// finished looks for versions of a stage's tables that are what it would make.
func (c *Command) finished(ctx context.Context, st Stage) (Result, bool, error) {
	if st.Beside != "" {
		if _, err := c.Bucket.Stat(ctx, st.Beside); errors.Is(err, store.ErrNotExist) {
			return Result{}, false, nil
		} else if err != nil {
			return Result{}, false, &Exit{Failed, err}
		}
	}
	r := Result{Skipped: true, Versions: map[string]string{}, Account: commit.Account{Tables: map[string]schemas.Manifest{}}}
	for _, t := range st.Tables {
		versions, err := store.Versions(ctx, c.Bucket, t)
		if err != nil {
			return r, false, &Exit{Failed, err}
		}
		if st.Beside != "" {
			current, err := store.Current(ctx, c.Bucket, t)
			versions = slices.DeleteFunc(versions, func(v string) bool { return err != nil || v != current })
		}
		for _, v := range slices.Backward(versions) {
			m, err := store.ReadManifest(ctx, c.Bucket, t, v)
			if err != nil {
				return r, false, &Exit{Failed, err}
			}
			if m.Fingerprint == st.fingerprint() && m.Refused == "" {
				r.Versions[t], r.Tables[t] = v, m
				r.Tally.Counts = m.Counts
				break
			}
		}
		if r.Versions[t] == "" {
			return r, false, nil
		}
	}
	if st.Publish {
		for _, t := range st.Tables {
			if current, err := store.Current(ctx, c.Bucket, t); err == nil && current == r.Versions[t] {
				continue
			}
			if err := store.Point(ctx, c.Bucket, t, r.Versions[t]); err != nil {
				return r, false, &Exit{Failed, err}
			}
		}
	}
	c.Say("%s: done before, for the same inputs and options (%s)", st.Name, strings.Join(slices.Compact(slices.Sorted(maps.Values(r.Versions))), ", "))
	return r, true, nil
}

// submit hands the graph to the runner and waits.
func (c *Command) submit(ctx context.Context, p *beam.Pipeline, stage string) error {
	err := runOnRunner(ctx, p)
	switch {
	case ctx.Err() != nil:
		return &Exit{Stopped, fmt.Errorf("%s: stopped; run the same command again to go on", stage)}
	case err != nil:
		return &Exit{Failed, fmt.Errorf("%s: %w", stage, plain(err))}
	}
	return nil
}

// sayDetached says what became of a job whose end the launcher does not see.
func (c *Command) sayDetached(st Stage) {
	switch detached() {
	case dryRun:
		c.Say("%s: --dry_run: the job was built, and nothing was run (with FORAY_LOG=debug it is shown)", st.Name)
	case template:
		c.Say("%s: the template was written, and nothing was run", st.Name)
	case async:
		c.Say("%s: the job was submitted; it publishes %s itself when it ends well", st.Name, c.Version)
	}
}

// counted is how much the stage did, in its Unit.
func (st Stage) counted(counts map[string]int64) int64 {
	switch st.Unit {
	case "rows":
		return counts["item_rows"] + counts["event_rows"]
	case "events":
		return counts["event_rows"]
	}
	return counts[st.Unit]
}

// addRow puts a stage into the closing table.
func (c *Command) addRow(st Stage, r Result, took time.Duration) {
	row := progress.StageRow{Stage: st.Name, Rejects: r.Rejects, Took: took}
	for _, name := range []string{"item_rows", "event_rows", "keys"} {
		row.RowsIn += r.Tally.Counts[name]
	}
	for _, m := range r.Tables {
		row.RowsOut += m.Rows()
	}
	c.Rows = append(c.Rows, row)
}
