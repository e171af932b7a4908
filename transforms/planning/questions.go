package planning

import (
	"context"
	"iter"
	"strings"

	"foray/llm"
	"foray/transforms/commit"
	"foray/transforms/planner"
)

// asking makes the questions for keys, and reads their answers.
type asking struct {
	Model
	prompt     *llm.Prompt
	decoder    *llm.Decoder
	vocabulary *llm.Vocabulary
	world      *World
	blocked    func(cluster int32) bool
	successor  planner.Planner // nil unless the prompt shows it
}

// newAsking reads the prompt for a world. Its errors are *commit.Failure.
func newAsking(cfg Config, w *World) (*asking, error) {
	a := &asking{Model: cfg.Model, world: w, blocked: cfg.blocks}
	err := a.open(w)
	if err != nil {
		return nil, &commit.Failure{Exit: 1, Message: err.Error()}
	}
	return a, nil
}

func (a *asking) open(w *World) error {
	prompt, err := llm.ParsePrompt(a.Prompt)
	if err != nil {
		return err
	}
	if a.prompt, err = prompt.With(w.Descriptions); err != nil {
		return err
	}
	if a.vocabulary, err = llm.NewVocabulary(w.Space.Leaves(), w.Descriptions); err != nil {
		return err
	}
	decoding := llm.DecoderConfig{Decoding: a.Decode, Vocabulary: a.vocabulary, Blocked: a.blocked}
	if strings.Contains(a.Prompt, llm.AnswerMark) {
		decoding.Prefix = llm.AnswerMark + " "
	}
	if a.decoder, err = llm.NewDecoder(decoding); err != nil {
		return err
	}
	if a.prompt.Hints() {
		a.successor, err = LoadPlanner(planner.Successor, w)
	}
	return err
}

// request is the question for a key, of its first sample.
func (a *asking) request(key []int32) (llm.Request, error) {
	q := llm.Question{Descriptions: a.world.Words(key)}
	if a.successor != nil {
		// Below 1 it is where nobody at the key went, but users of one of its
		// clusters.
		if next := a.successor.Plan(key, 1, nil); len(next) > 0 && next[0].Score >= 1 {
			q.Successor = a.world.Describe(next[0].Cluster)
		}
	}
	messages, err := a.prompt.Ask(q)
	if err != nil {
		return llm.Request{}, err
	}
	return a.decoder.Constrain(llm.Request{
		Model: a.Name, Messages: messages, Temperature: a.Temperature, MaxTokens: a.MaxTokens, Seed: a.Seed,
		Key: key, PromptVersion: a.prompt.Version(),
	})
}

// turn is one request of a conversation about a key.
type turn struct {
	llm.Request
	id llm.ID
	// answered says that its answer is stored.
	answered bool
}

// turns yields the conversations about a key, one a sample, as far as stored
// answers carry them: what was asked and answered, and then the request that
// is to be asked next, if there is one. Without a log nothing is answered.
func (a *asking) turns(ctx context.Context, key []int32, log llm.Log) iter.Seq2[turn, error] {
	return func(yield func(turn, error) bool) {
		first, err := a.request(key)
		if err != nil {
			yield(turn{}, err)
			return
		}
		for first.Sample = range max(a.Samples, 1) {
			next, open := first, true
			for times := 0; open && times <= a.reasks(); times++ {
				t := turn{Request: next, id: next.ID()}
				var answer llm.Answer
				if log != nil {
					if answer, t.answered, err = log.Lookup(ctx, t.id, key); err != nil {
						yield(turn{}, err)
						return
					}
				}
				if !yield(t, nil) {
					return
				}
				if open = t.answered; open {
					next, open = a.judge().Again(next, answer.Text)
				}
			}
		}
	}
}

// reasks is how often an answer is asked again. Where answers are held to the
// vocabulary there is nothing to correct.
func (a *asking) reasks() int {
	if a.Decode != llm.FreeDecoding {
		return 0
	}
	return a.Reasks
}

// judge finds fault with answers that plan nothing.
func (a *asking) judge() llm.Judge { return llm.NovelJudge(a.decoder.Match, a.blocked) }
