package llm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// EmbedConfig says how texts are embedded.
type EmbedConfig struct {
	Model string
	// Dimensions is the length of vectors to ask for; 0 leaves it to the model.
	Dimensions int
	// Batch is the most texts of one call, at least 1; Calls how many calls are
	// prepared at once, at least 1.
	Batch, Calls int
	// Key is where the log keeps the answer with an identity.
	Key func(ID) []int32
}

// Embedder turns texts into vectors. Each is an answer of its own in the log,
// whichever other texts it was asked together with.
type Embedder struct {
	asker Asker
	log   Log
	cfg   EmbedConfig
}

// NewEmbedder makes an embedder. asker is the chain below Recorded, whose part
// the embedder plays.
func NewEmbedder(asker Asker, log Log, cfg EmbedConfig) *Embedder {
	cfg.Batch, cfg.Calls = max(cfg.Batch, 1), max(cfg.Calls, 1)
	return &Embedder{asker, log, cfg}
}

// Embedded is what came of embedding texts.
type Embedded struct {
	// Recorded and Asked count the distinct texts whose vectors were stored
	// before, and those that were asked for.
	Recorded, Asked int64
	// Refused has the error of each text that the endpoint does not embed.
	Refused map[int]*CallError
}

// Embed calls take with the vector of each text, one call at a time, in any
// order; not for empty texts, and those that the endpoint refuses. Equal texts
// are asked once. Vectors are finite numbers, of the model's length.
//
// It fails as an Asker does, with what was had by then recorded, and with
// take's error. A call that fails for what may be one text's fault is halved,
// until the text is found.
func (e *Embedder) Embed(ctx context.Context, texts []string, take func(i int, vector []float32) error) (Embedded, error) {
	w := &embedding{Embedder: e, texts: texts, take: take, told: Embedded{Refused: map[int]*CallError{}}}
	order := make([]int, 0, len(texts))
	for i, text := range texts {
		if text != "" {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(texts[a], texts[b]) })
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(e.cfg.Calls)
	var batch []same
	ask := func() {
		asked := batch
		batch = nil
		group.Go(func() error { return w.ask(ctx, asked) })
	}
	for len(order) > 0 && ctx.Err() == nil {
		n := slices.IndexFunc(order, func(i int) bool { return texts[i] != texts[order[0]] })
		if n < 0 {
			n = len(order)
		}
		s := same{at: order[:n]}
		order = order[n:]
		r := e.request([]string{texts[s.at[0]]})
		s.id = r.ID()
		answer, ok, err := e.log.Lookup(ctx, s.id, e.cfg.Key(s.id))
		switch {
		case err != nil:
			group.Go(func() error { return logFailed(fmt.Errorf("look up an embedding: %w", err)) })
		case ok:
			group.Go(func() error { return w.give(s, answer.Text, true) })
		default:
			if batch = append(batch, s); len(batch) == e.cfg.Batch {
				ask()
			}
		}
	}
	if len(batch) > 0 {
		ask()
	}
	err := group.Wait()
	if err == nil && ctx.Err() != nil && len(order) > 0 {
		err = fmt.Errorf("embed texts: %w", context.Cause(ctx))
	}
	return w.told, err
}

func (e *Embedder) request(texts []string) Request {
	return Request{Model: e.cfg.Model, Inputs: texts, Dimensions: e.cfg.Dimensions}
}

// same are the places of one text.
type same struct {
	at []int
	id ID
}

// embedding is one Embed under way.
type embedding struct {
	*Embedder
	texts []string

	mu   sync.Mutex
	take func(int, []float32) error
	told Embedded
}

// ask has a batch embedded, and keeps the answers.
func (w *embedding) ask(ctx context.Context, batch []same) error {
	texts := make([]string, len(batch))
	for i, s := range batch {
		texts[i] = w.texts[s.at[0]]
	}
	answer, err := w.asker.Ask(ctx, w.request(texts))
	var call *CallError
	switch {
	case errors.As(err, &call) && oneTextsFault(call):
		if len(batch) > 1 {
			half := len(batch) / 2
			return errors.Join(w.ask(ctx, batch[:half]), w.ask(ctx, batch[half:]))
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, i := range batch[0].at {
			w.told.Refused[i] = call
		}
		return nil
	case err != nil:
		return err
	}
	lines := strings.Split(answer.Text, "\n")
	if len(lines) != len(batch) {
		return fmt.Errorf("%d vectors for %d texts", len(lines), len(batch))
	}
	records := make([]Record, len(batch))
	for i, s := range batch {
		records[i] = RecordOf(s.id, Request{Model: w.cfg.Model, Key: w.cfg.Key(s.id)}, answer)
		records[i].Text = lines[i]
		// A call's tokens are counted once.
		records[i].PromptTokens = answer.PromptTokens * (i + 1) / len(batch)
		records[i].PromptTokens -= answer.PromptTokens * i / len(batch)
	}
	// It is paid for: a cancelled run still records it.
	if err := AppendAll(context.WithoutCancel(ctx), w.log, records); err != nil {
		return logFailed(fmt.Errorf("record embeddings: %w", err))
	}
	for i, s := range batch {
		if err := w.give(s, lines[i], false); err != nil {
			return err
		}
	}
	return nil
}

// oneTextsFault tells of calls that may fail for one text alone, such as one
// that is too long, which some servers call an internal error.
func oneTextsFault(call *CallError) bool {
	return call.Status >= 400 && !call.Retry || call.Status == http.StatusInternalServerError
}

func (w *embedding) give(s same, line string, recorded bool) error {
	vector, err := DecodeVector(line)
	if err != nil {
		return fmt.Errorf("the embedding of %q: %w", shorten(w.texts[s.at[0]]), err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if recorded {
		w.told.Recorded++
	} else {
		w.told.Asked++
	}
	for _, i := range s.at {
		if err := w.take(i, vector); err != nil {
			return err
		}
	}
	return nil
}
