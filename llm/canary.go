package llm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// canaryAnswer is what the canary asks for, and what its constraint forbids.
const canaryAnswer = "unconstrained"

// Canary tells whether an endpoint holds a model to the decoder's constraints,
// since one that does not know them ignores them and answers all the same. It
// asks for a word that the constraint forbids, under a constraint as large as
// the run's, for some back ends fail at a few hundred choices. FreeDecoding
// asks nothing.
//
// Model, Temperature, MaxTokens and Seed are those of like, a request of the
// run. asker must not record, for an identity does not tell who answered.
// Errors are asker's; a *TerminalError of the kind IgnoredConstraint if the answer is
// not constrained, and of the kind RefusedSetting if the endpoint refuses the
// request for good.
func (d *Decoder) Canary(ctx context.Context, asker Asker, like Request) error {
	if d.cfg.Decoding == FreeDecoding {
		return nil
	}
	constraint, err := d.constraint(nil)
	if err != nil {
		return fmt.Errorf("make the canary: %w", err)
	}
	answer, err := asker.Ask(ctx, Request{
		Model:       like.Model,
		Messages:    []Message{{RoleUser, "This is a test. Answer with this word, and with nothing else: " + canaryAnswer}},
		Temperature: like.Temperature,
		MaxTokens:   like.MaxTokens,
		Seed:        like.Seed,
		Constraint:  constraint,
	})
	var call *CallError
	switch {
	case errors.As(err, &call) && !call.Retry:
		return &TerminalError{RefusedSetting,
			fmt.Sprintf("the endpoint refuses --llm_decode=%s, or so many choices: try another, or %s", d.cfg.Decoding, FreeDecoding), err}
	case err != nil:
		return fmt.Errorf("ask the canary, which tells whether the endpoint honours --llm_decode=%s: %w", d.cfg.Decoding, err)
	case answer.Recorded:
		return errors.New("the canary was answered from the record: ask the endpoint itself")
	case !d.keeps(answer):
		return &TerminalError{IgnoredConstraint,
			fmt.Sprintf("the endpoint does not know %s, or answers without it; %s, or use --llm_decode=%s", d.cfg.Decoding, who[d.cfg.Decoding], FreeDecoding),
			fmt.Errorf("asked under --llm_decode=%s for a word that it forbids, the endpoint answers %q", d.cfg.Decoding, shorten(answer.Text))}
	}
	return nil
}

// who understands a decoding, as advice.
var who = map[Decoding]string{
	SchemaDecoding:   "take a model and a server that know strict JSON schemas",
	ChoiceDecoding:   "take vLLM 0.12 or later",
	GrammarDecoding:  "take llama.cpp's server",
	GuidanceDecoding: "take llama.cpp's server, built with llguidance",
}

// keeps tells whether an answer is one that the decoder allows, or the start
// of one if it was cut off.
func (d *Decoder) keeps(answer Answer) bool {
	if d.form.codes {
		value, ok := schemaValue(answer.Text)
		return ok && slices.ContainsFunc(d.allowed, func(id int32) bool { return code(id) == value })
	}
	text := strings.TrimSpace(afterThought(answer.Text))
	for _, id := range d.allowed {
		description, _ := d.cfg.Vocabulary.Description(id)
		whole := strings.TrimSpace(d.cfg.Prefix + description)
		if text == whole || answer.FinishReason == "length" && text != "" && strings.HasPrefix(whole, text) {
			return true
		}
	}
	return false
}
