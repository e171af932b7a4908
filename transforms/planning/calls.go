package planning

import (
	"context"
	"errors"
	"maps"

	"foray/llm"
	"foray/transforms/commit"
	"foray/transforms/paidlog"
)

// Calls is a command's way to a model for questions that are about no keys:
// with the paid log, limits, budget, retries and stops of a session, which it
// is. There is one session at a time in a process.
type Calls struct {
	session *session
}

// OpenCalls opens the way to cfg.Model for cfg.Stage of cfg.Version. Its errors
// are *commit.Failure where nothing but another command can mend them.
func OpenCalls(ctx context.Context, cfg Config) (*Calls, error) {
	sessionMu.Lock()
	defer sessionMu.Unlock()
	if current != nil {
		return nil, errors.New("another stage is asking a model")
	}
	if f, ok := failures.Load(cfg.Version); ok {
		return nil, f.(*commit.Failure)
	}
	s, err := newCalls(ctx, cfg, nil)
	if err != nil {
		return nil, err
	}
	current, shardsAsking, idle = s, 1, make(chan struct{})
	return &Calls{s}, nil
}

// Asker answers chats, from the log what it holds.
func (c *Calls) Asker() llm.Asker { return c.session.chain(c.session.client, c.session.whole, nil) }

// Embedder embeds texts by the model, so many a call.
func (c *Calls) Embedder(dims, batch int) *llm.Embedder {
	asker, log := c.session.unrecorded(c.session.client, c.session.whole, nil)
	return llm.NewEmbedder(asker, log, llm.EmbedConfig{
		Model: c.session.model.Name, Dimensions: dims, Batch: batch, Calls: c.session.underway, Key: paidlog.TextKey,
	})
}

// Failed is what an asker's error means to the command: nil if only one
// request failed.
func (c *Calls) Failed(err error) error {
	var terminal *llm.TerminalError
	var call *llm.CallError
	if errors.As(err, &terminal) {
		c.session.stopOn(terminal)
	}
	switch f := c.session.stopped(); {
	case f != nil:
		return f
	case errors.As(err, &call):
		return nil
	}
	return err
}

// Underway is how many questions may be asked at once.
func (c *Calls) Underway() int { return c.session.underway }

// Damage tells what of the paid log could not be read.
func (c *Calls) Damage() []string { return c.session.damage() }

// Close makes answers final, and returns what was spent, by the names of
// CallsMade and so on behind the purpose.
func (c *Calls) Close() (map[string]int64, error) {
	counts := map[string]int64{}
	for name, n := range c.session.whole.tell() {
		counts[c.session.model.Purpose+"_"+name] = n
	}
	maps.DeleteFunc(counts, func(_ string, n int64) bool { return n == 0 })
	return counts, closeSession()
}
