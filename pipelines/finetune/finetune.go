// Package finetune has a provider fine-tune a model on training/, and judges
// its checkpoints on validation/. It runs no job graph: a fine-tuning service
// does the work, and this watches it.
package finetune

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"foray/llm"
	"foray/llm/finetune"
	"foray/pipelines/job"
	"foray/schemas"
	"foray/transforms/curation"
	"foray/transforms/planning"
	"foray/transforms/progress"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// Folder is where jobs are kept below the output, a file each.
const Folder = "_finetune/"

// Options are the command's.
type Options struct {
	// Model is the model to start from, and the endpoint that tunes it.
	Model  planning.Model
	Epochs int
	Suffix string
	// HeldOut is how many examples of validation/ a checkpoint is judged on.
	HeldOut int
	// Job watches a job that was created elsewhere; Cancel stops one.
	Job    string
	Cancel bool
	Poll   time.Duration
	// TrainingPrice is that of a million tokens, in dollars; 0 is unknown.
	TrainingPrice float64
	Estimate      bool
}

// work is one command.
type work struct {
	Options
	c          *job.Command
	training   []byte
	validation []byte
	vocabulary *llm.Vocabulary
	client     *llm.Client
}

// Run tunes, or goes on to watch a job that is under way.
func Run(ctx context.Context, c *job.Command, o Options) error {
	if err := (&finetune.Job{Format: finetune.Format, ID: o.Job}).Check(); err != nil {
		return job.UsageError("--job: %w", err)
	}
	w := &work{Options: o, c: c, vocabulary: &llm.Vocabulary{}}
	// A job that is named can be cancelled wherever its examples are.
	if !o.Cancel || o.Job == "" || o.Estimate {
		if err := w.prepare(ctx); err != nil || o.Estimate {
			return err
		}
	}
	if err := w.connect(); err != nil {
		return err
	}
	j, name, err := w.load(ctx)
	if err != nil {
		return &job.Exit{Code: job.Failed, Err: err}
	}
	t := &finetune.Tuner{
		Call: w.client.Call, Poll: o.Poll,
		Save: func(ctx context.Context, j *finetune.Job) error {
			return c.Bucket.Put(ctx, name, store.Always, func(out io.Writer) error {
				enc := json.NewEncoder(out)
				enc.SetIndent("", " ")
				return enc.Encode(j)
			})
		},
	}
	if o.HeldOut > 0 && len(w.validation) > 0 {
		t.Judge = w.judge
	}
	if o.Cancel {
		if j.ID == "" {
			return job.UsageError("--cancel: no job is known to be under way for this training data and model; name one with --job")
		}
		if err := t.Cancel(ctx, j); err != nil {
			return exit(ctx, err)
		}
		c.Say("finetune: job %s is %s", j.ID, j.Status)
		return nil
	}
	if err := t.Start(ctx, j, w.training, w.validation); errors.Is(err, finetune.ErrUnknown) {
		return &job.Exit{Code: job.Failed, Err: fmt.Errorf("%w: look for one at the provider, and name it with --job, or remove %s to create another", err, c.Bucket.URL(name))}
	} else if err != nil {
		return exit(ctx, err)
	}
	c.Say("finetune: job %s at %s, kept in %s: the same command watches it again, from any machine", j.ID, j.Endpoint, c.Bucket.URL(name))
	w.show(t)
	if err := t.Watch(ctx, j); err != nil {
		return exit(ctx, err)
	}
	c.Display.Done(stage)
	c.Say("finetune: the model is %s; ask it with foray plan --planner openai --llm_model %s, and the --prompt of curate", j.Tuned, j.Tuned)
	return nil
}

// prepare reads the examples, and says how many there are.
func (w *work) prepare(ctx context.Context) error {
	if err := w.read(ctx); err != nil {
		return err
	}
	size, err := finetune.Check(w.training, w.Model.Name, finetune.OpenAILimits)
	if err != nil {
		return &job.Exit{Code: job.Failed, Err: fmt.Errorf("training/: %w", err)}
	}
	w.announce(size)
	return nil
}

// read reads the examples, and the vocabulary that they are about.
func (w *work) read(ctx context.Context) error {
	version, err := w.c.Current(ctx, schemas.TrainingTable)
	if err != nil {
		return err
	}
	parents, _, err := w.c.Parents(ctx, schemas.TrainingTable, version)
	if err != nil {
		return err
	}
	if current, err := w.c.Current(ctx, schemas.ClustersTable); err != nil {
		return err
	} else if current != parents[schemas.ClustersTable] {
		return &job.Exit{Code: job.Failed, Err: fmt.Errorf("training/ teaches the clusters of %s, and those of %s are published: run foray curate again", parents[schemas.ClustersTable], current)}
	}
	for _, part := range []struct {
		table string
		into  *[]byte
	}{{schemas.TrainingTable, &w.training}, {schemas.ValidationTable, &w.validation}} {
		m, err := store.ReadManifest(ctx, w.c.Bucket, part.table, version)
		if err != nil {
			return &job.Exit{Code: job.Failed, Err: err}
		}
		if format := m.Options[curation.FormatOption]; format != "" {
			return job.UsageError("%s %s is in the chat format of %s: run foray curate --chat_format=%s, or give its parts to that provider yourself", part.table, version, format, curation.OpenAIChat)
		}
		for _, p := range m.Parts {
			data, err := store.ReadPart(ctx, w.c.Bucket, part.table, version, p)
			if err != nil {
				return &job.Exit{Code: job.Failed, Err: err}
			}
			*part.into = append(*part.into, data...)
		}
	}
	clusters, _, err := tables.Read[schemas.Cluster](ctx, w.c.Bucket, schemas.ClustersTable, parents[schemas.ClustersTable])
	if err != nil {
		return &job.Exit{Code: job.Failed, Err: err}
	}
	var ids []int32
	var descriptions []string
	for _, leaf := range planning.Leaves(clusters) {
		ids, descriptions = append(ids, leaf.ClusterID), append(descriptions, leaf.Description)
	}
	if w.vocabulary, err = llm.NewVocabulary(ids, descriptions); err != nil {
		return &job.Exit{Code: job.Failed, Err: err}
	}
	return nil
}

func (w *work) announce(size finetune.Size) {
	passes := "a pass"
	if w.Epochs > 0 {
		passes = fmt.Sprintf("%d passes", w.Epochs)
	}
	cost := "unknown: give --training_price"
	if w.TrainingPrice > 0 {
		cost = fmt.Sprintf("$%.2f", float64(size.Tokens)*float64(max(w.Epochs, 1))*w.TrainingPrice/1e6)
	}
	w.c.Say("finetune: %d examples, %d tokens; the cost of %s is %s", size.Examples, size.Tokens, passes, cost)
}

func (w *work) connect() error {
	key, err := w.Model.Key()
	if err != nil {
		return &job.Exit{Code: job.Failed, Err: err}
	}
	w.client, err = llm.NewClient(llm.ClientConfig{Endpoint: w.Model.Endpoint, Key: key, Concurrency: w.Model.Concurrency, Timeout: w.Model.Timeout})
	if err != nil {
		return &job.Exit{Code: job.Failed, Err: err}
	}
	return nil
}

// load finds the job for these examples, model and options, or begins one.
func (w *work) load(ctx context.Context) (*finetune.Job, string, error) {
	j := &finetune.Job{Format: finetune.Format, Endpoint: w.Model.Endpoint, Model: w.Model.Name, Suffix: w.Suffix, Epochs: w.Epochs, Vocabulary: w.vocabulary.Hash()}
	id := w.Job
	if id == "" {
		h := sha256.New()
		fmt.Fprintf(h, "%q %q %q %d %x", j.Endpoint, j.Model, j.Suffix, j.Epochs, sha256.Sum256(w.training))
		id = hex.EncodeToString(h.Sum(nil)[:8])
	}
	name := Folder + strings.ReplaceAll(id, "/", "_") + ".json"
	if w.Job != "" {
		var err error
		if name, err = w.named(ctx, name); err != nil {
			return nil, "", err
		}
	}
	saved, err := w.saved(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotExist):
		j.ID = w.Job
		return j, name, nil
	case err != nil:
		return nil, "", err
	case saved.Endpoint != j.Endpoint:
		return nil, "", fmt.Errorf("job %s runs at %s, not at %s", saved.ID, saved.Endpoint, j.Endpoint)
	case saved.Vocabulary != j.Vocabulary && !w.Cancel:
		return nil, "", fmt.Errorf("job %s learns another vocabulary than that of the clusters published now: its answers would not match; leave out --job to teach this one, or end it with --cancel", saved.ID)
	}
	if saved.Status == finetune.Failed || saved.Status == finetune.Cancelled {
		if w.Job == "" && !w.Cancel { // once more, with the files that are there
			j.TrainingFile, j.ValidationFile = saved.TrainingFile, saved.ValidationFile
			return j, name, nil
		}
	}
	return saved, name, nil
}

// saved reads a job.
func (w *work) saved(ctx context.Context, name string) (*finetune.Job, error) {
	in, err := w.c.Bucket.Open(ctx, name, 0, -1)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	j, err := finetune.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", w.c.Bucket.URL(name), err)
	}
	return j, nil
}

// named finds where a job that is given by its id is kept, if it was created
// here; else it is to be kept under the name given.
func (w *work) named(ctx context.Context, name string) (string, error) {
	files, err := w.c.Bucket.List(ctx, Folder)
	if err != nil {
		return "", err
	}
	for _, f := range files {
		if j, err := w.saved(ctx, f.Name); err == nil && j.ID == w.Job && j.Endpoint == w.Model.Endpoint {
			return f.Name, nil
		}
	}
	return name, nil
}

const stage = "finetune"

// show makes a bar of a job's steps, and a line of each checkpoint.
func (w *work) show(t *finetune.Tuner) {
	w.c.Display.Stage(stage, "steps")
	var done, all int
	told := map[string]bool{}
	t.Progress = func(j *finetune.Job) {
		progress.Expect(stage, int64(j.Steps-all))
		progress.Add(stage, int64(j.Step-done))
		done, all = j.Step, j.Steps
		loss := fmt.Sprintf("%s  loss %.3f", j.Status, j.Loss)
		progress.Tell(stage, func() string { return loss })
		for _, c := range j.Checkpoints {
			if f := c.Figures; f != nil && !told[c.Model] {
				told[c.Model] = true
				w.c.Say("finetune: step %d: match %.3f, recall %.3f, %d clusters named, on %d held-out keys (%s)", c.Step, f.Match, f.Recall, f.Distinct, f.Keys, c.Model)
			}
		}
	}
}

// exit is how a command ends that was told err.
func exit(ctx context.Context, err error) error {
	var terminal *llm.TerminalError
	switch {
	case ctx.Err() != nil:
		return &job.Exit{Code: job.Stopped, Err: errors.New("finetune: stopped watching; the job goes on, and the same command watches it again (--cancel ends it)")}
	case errors.As(err, &terminal):
		return &job.Exit{Code: terminal.Kind.Exit(), Err: err}
	case errors.Is(err, finetune.ErrFailed), errors.Is(err, finetune.ErrCancelled):
		err = fmt.Errorf("%w; run it again, without --job, to start another of the files that are uploaded", err)
	}
	return &job.Exit{Code: job.Failed, Err: err}
}
