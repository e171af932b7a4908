package clustering

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"foray/llm"
	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/embed"
	"foray/transforms/kernel"
	"foray/transforms/paidlog"
	"foray/transforms/planning"
	"foray/transforms/read"
)

// Embeddings says which model embeds the items' texts.
type Embeddings struct {
	Model planning.Model
	// Dims is the length of vectors to ask for; 0 leaves it to the model. Batch
	// is the most texts of a call.
	Dims, Batch int
}

// Options are those that vectors depend on, for a manifest.
func (e *Embeddings) Options() map[string]string {
	if e == nil {
		return nil
	}
	return map[string]string{"embed_model": e.Model.Name, "embed_dims": strconv.Itoa(e.Dims)}
}

// longestText is how many characters of a text are embedded: what is telling
// stands at its beginning, and models read no more than some thousand tokens.
const longestText = 2000

// embedder has texts embedded by the model, through the paid log.
type embedder struct {
	cfg    Config
	model  planning.Model
	calls  *planning.Calls
	entry  func(commit.Entry)
	counts map[string]int64
}

// openEmbedder opens the paid log; close must follow. A command does so once,
// since each has the whole budget.
func (cfg Config) openEmbedder(ctx context.Context, entry func(commit.Entry)) (*embedder, error) {
	model := cfg.Embeddings.Model
	model.Purpose = planning.ToEmbed
	calls, err := planning.OpenCalls(ctx, planning.Config{Stage: cfg.Stage, Output: cfg.Output, Version: cfg.Version, Model: model})
	if err != nil {
		return nil, err
	}
	return &embedder{cfg, model, calls, entry, map[string]int64{}}, nil
}

// embed gives the items of a catalogue vectors of their texts. Items whose text
// the endpoint refuses become rejects; those without a text keep a zero row.
func (m *embedder) embed(ctx context.Context, c *catalogue) error {
	texts := make([]string, len(c.Texts))
	for i, text := range c.Texts {
		texts[i] = first(text, longestText)
	}
	told, err := m.calls.Embedder(m.cfg.Embeddings.Dims, m.cfg.Embeddings.Batch).Embed(ctx, texts, func(i int, vector []float32) error {
		if c.Vectors.Cols == 0 {
			c.Vectors = kernel.New(len(texts), len(vector))
		}
		if len(vector) != c.Vectors.Cols {
			return fmt.Errorf("%s embeds texts as %d and as %d numbers: give models of different lengths different names", m.model.Name, c.Vectors.Cols, len(vector))
		}
		copy(c.Vectors.Row(i), vector)
		return nil
	})
	m.counts["embed_texts"] += told.Asked + told.Recorded
	m.counts["embed_texts_recorded"] += told.Recorded
	m.counts[read.ItemRowsRejected] += int64(len(told.Refused))
	var call *llm.CallError
	if failed := m.calls.Failed(err); failed != nil {
		return failed
	} else if errors.As(err, &call) {
		return failure("embed the items: %v: run the same command again, what was answered is kept", call)
	}
	for i, why := range told.Refused {
		m.entry(commit.Entry{Reject: &schemas.Reject{
			Stage: m.cfg.Stage, Source: c.IDs[i], Raw: commit.Cut(texts[i]),
			Reason: fmt.Sprintf("%s does not embed the text of this item: %v", m.model.Name, why),
		}})
	}
	c.drop(func(i int) bool { return told.Refused[i] != nil })
	return nil
}

// close closes the paid log, and tells what was asked.
func (m *embedder) close() error {
	for _, damage := range m.calls.Damage() {
		m.entry(commit.Entry{Reject: &schemas.Reject{Stage: m.cfg.Stage, Source: paidlog.Root, Reason: damage}})
	}
	counts, err := m.calls.Close()
	maps.Copy(counts, m.counts)
	m.entry(commit.Count(counts))
	return err
}

// first is the first n characters of a text.
func first(text string, n int) string {
	for at := range text {
		if n--; n < 0 {
			return text[:at]
		}
	}
	return text
}

// vectors are the rows that the items are clustered by, and the model that
// places later ones by their words, if words they are clustered by.
func (cfg Config) vectors(c *catalogue, e *engagement) (m *embed.Model, x kernel.Matrix, err error) {
	options := embed.DefaultOptions()
	options.Seed = cfg.Seed
	switch {
	case cfg.Embeddings != nil:
		x, err = embed.Join(c.Vectors, e.Baskets, options)
	case c.Vectors.Cols > 0:
		x = c.Vectors
	default:
		m, x, err = embed.Fit(c.Texts, e.Baskets, options)
	}
	if err != nil {
		err = fmt.Errorf("embed the items: %w", err)
	}
	return m, x, err
}
