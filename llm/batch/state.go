package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"foray/llm"
)

// Store keeps what a Runner must know to go on in another process: a JSON
// document of some hundred bytes a batch. One Runner at a time may use it.
type Store interface {
	// Load returns what was saved last, nil if nothing was.
	Load(ctx context.Context) ([]byte, error)
	// Save replaces it, whole or not at all, and returns once it is durable.
	Save(ctx context.Context, state []byte) error
}

// stateFormat is the format of the document.
const stateFormat = 1

// state is one round: a plan of shards, and how far each has come.
type state struct {
	Format int `json:"format"`
	// Endpoint is where the batches are. Elsewhere nobody knows their ids.
	Endpoint string `json:"endpoint"`
	// Round counts from 1; 0 begins anew, once somebody had to act.
	Round   int    `json:"round"`
	Batches []*job `json:"batches"`
}

// job is one shard on its way: planned, uploaded (InputFile), created (Batch),
// ended (by its Status), collected.
type job struct {
	First     string `json:"first"`
	Last      string `json:"last"`
	Requests  int    `json:"requests"`
	Bytes     int64  `json:"bytes"`
	InputFile string `json:"input_file,omitempty"`
	Batch     string `json:"batch,omitempty"`
	// Status is the endpoint's last word, Completed and Failed its counts.
	Status    string `json:"status,omitempty"`
	Completed int    `json:"completed"`
	Failed    int    `json:"failed"`
	// Collected tells that all outcomes have been delivered.
	Collected bool `json:"collected"`
	// Cancelled tells that Cancel was asked for, so that the next Run takes
	// the end of the batch for no surprise.
	Cancelled bool `json:"cancelled,omitempty"`

	shard Shard
	// unsure tells that the batch may have been created without our having
	// heard of it.
	unsure bool
	// late counts the looks at a completed batch whose output is not there.
	late int
}

// open tells whether the endpoint is at work on it.
func (j *job) open() bool { return j.Batch != "" && !j.Collected }

func newJob(s Shard) *job {
	return &job{First: s.First.String(), Last: s.Last.String(), Requests: s.Requests, Bytes: s.Bytes, shard: s}
}

// parseState reads a document; of no bytes, the state before the first round.
func parseState(data []byte) (*state, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return &state{Format: stateFormat}, nil
	}
	var s state
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("no state of batches: %w", err)
	}
	if s.Format != stateFormat {
		return nil, fmt.Errorf("a state of format %d, want %d: finish it by the version that wrote it", s.Format, stateFormat)
	}
	for i, j := range s.Batches {
		if err := j.parse(); err != nil {
			return nil, fmt.Errorf("batch %d of the state: %w", i+1, err)
		}
	}
	return &s, nil
}

func (j *job) parse() (err error) {
	if j == nil {
		return errors.New("it is null")
	}
	j.shard = Shard{Requests: j.Requests, Bytes: j.Bytes}
	if j.shard.First, err = llm.ParseID(j.First); err != nil {
		return err
	}
	if j.shard.Last, err = llm.ParseID(j.Last); err != nil {
		return err
	}
	if j.Requests < 0 || j.Bytes < 0 || j.Completed < 0 || j.Failed < 0 {
		return errors.New("a negative count")
	}
	for _, id := range []string{j.InputFile, j.Batch} {
		if id != "" && !plainID(id) {
			return fmt.Errorf("%q is no id", id)
		}
	}
	j.unsure = true
	return nil
}

// plainID tells whether an id can stand in a URL's path as it is, where
// go-openai puts it without escaping.
func plainID(id string) bool {
	return id != "" && len(id) <= 512 && strings.Trim(id, ".") != "" && strings.IndexFunc(id, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:~", r))
	}) < 0
}

func (r *Runner) load(ctx context.Context) (*state, error) {
	data, err := r.Store.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("load the state of batches: %w", err)
	}
	s, err := parseState(data)
	if err != nil {
		return nil, fmt.Errorf("load the state of batches: %w", err)
	}
	if len(s.Batches) > 0 && s.Endpoint != r.Endpoint {
		return nil, fmt.Errorf("batches are under way at %s, not at %s: finish or cancel them there first", s.Endpoint, r.Endpoint)
	}
	return s, nil
}

// save outlives a cancelled context, since what it tells has been paid for.
func (r *Runner) save(ctx context.Context, s *state) error {
	s.Format, s.Endpoint = stateFormat, r.Endpoint
	data, err := json.MarshalIndent(s, "", " ")
	if err == nil {
		err = r.Store.Save(context.WithoutCancel(ctx), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("save the state of batches: %w", err)
	}
	return nil
}
