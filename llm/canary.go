package llm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	// canaryAnswer is what the canary asks for, and what its constraint
	// forbids.
	canaryAnswer = "unconstrained"
	// canaryPrefix begins what the constraint allows. No model says it of its
	// own accord, not even one that was trained to say descriptions.
	canaryPrefix = "Canary: "
)

// Canary tells whether an endpoint holds a model to the decoder's constraints,
// since one that does not know them ignores them and answers all the same. It
// asks for a word that the constraint forbids, under a constraint as large as
// the run's, for some back ends fail at a few hundred choices. FreeDecoding
// asks nothing.
//
// Model, Temperature, MaxTokens and Seed are those of like, a request of the
// run. asker must not record, for an identity does not tell who answered.
//
// Without proof nothing may be asked, so all errors but that of ctx are
// *TerminalErrors: of the kind IgnoredConstraint if the answer is not
// constrained, RefusedSetting if there is none, or asker's own.
func (d *Decoder) Canary(ctx context.Context, asker Asker, like Request) error {
	if d.cfg.Decoding == FreeDecoding {
		return nil
	}
	cfg := d.cfg
	cfg.Prefix = canaryPrefix
	probe, err := NewDecoder(cfg)
	if err != nil {
		return fmt.Errorf("make the canary: %w", err)
	}
	constraint, err := probe.constraint(nil)
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
	case errors.As(err, &call) && call.Retry:
		return &TerminalError{RefusedSetting,
			fmt.Sprintf("run the same command again when the endpoint answers; if it never does, it does not bear --llm_decode=%s or so many choices: try another, or %s", d.cfg.Decoding, FreeDecoding), err}
	case errors.As(err, &call):
		return &TerminalError{RefusedSetting,
			fmt.Sprintf("the endpoint refuses --llm_decode=%s, or so many choices: try another, or %s", d.cfg.Decoding, FreeDecoding), err}
	case err != nil:
		return fmt.Errorf("ask the canary, which tells whether the endpoint honours --llm_decode=%s: %w", d.cfg.Decoding, err)
	case answer.Recorded:
		return errors.New("the canary was answered from the record: ask the endpoint itself")
	case answer.FinishReason == "length" && strings.TrimSpace(afterThought(answer.Text)) == "":
		return &TerminalError{RefusedSetting, "give --llm_max_tokens more than the model thinks",
			errors.New("the model was cut off before it answered")}
	case !probe.keeps(answer):
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
	if value, ok := schemaValue(answer.Text); ok && d.form.codes {
		return slices.ContainsFunc(d.allowed, func(id int32) bool { return code(id) == value })
	}
	text := withoutSpaces(afterThought(answer.Text)) // schemas leave spaces open
	return text != "" && slices.ContainsFunc(d.allowed, func(id int32) bool {
		whole := `{"` + schemaField + `":"` + code(id) + `"}`
		if !d.form.codes {
			description, _ := d.cfg.Vocabulary.Description(id)
			whole = withoutSpaces(d.cfg.Prefix + description)
		}
		return text == whole || answer.FinishReason == "length" && strings.HasPrefix(whole, text)
	})
}

func withoutSpaces(text string) string { return strings.Join(strings.Fields(text), "") }
