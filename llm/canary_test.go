package llm

import (
	"context"
	"errors"
	"strings"
	"testing"

	"foray/llm/llmtest"
)

// obedient answers the last word that the constraint allows.
type obedient struct{ calls int }

func (o *obedient) Ask(_ context.Context, r Request) (Answer, error) {
	o.calls++
	c := llmtest.ReadConstraint(llmtest.Call{Body: []byte(r.Constraint)})
	last := c.Choices[len(c.Choices)-1]
	if strings.Contains(r.Constraint, "json_schema") {
		last = `{"cluster": "` + last + `"}`
	}
	return Answer{Text: last, FinishReason: "stop"}, nil
}

func TestCanary(t *testing.T) {
	for _, decoding := range Decodings {
		d := decoder(t, DecoderConfig{Decoding: decoding, Vocabulary: vocabulary(t), Prefix: "New cluster: "})
		o := &obedient{}
		if err := d.Canary(t.Context(), o, someRequest()); err != nil {
			t.Errorf("%s: an endpoint that obeys is refused: %v", decoding, err)
		}
		if decoding == FreeDecoding {
			if o.calls > 0 {
				t.Error("a free answer needs no canary")
			}
			continue
		}
		for name, test := range map[string]struct {
			answer any
			kind   TerminalKind
		}{
			"the forbidden word": {canaryAnswer, IgnoredConstraint},
			// One that was trained to say descriptions says them unasked.
			"a description":  {"New cluster: " + someDescriptions[0], IgnoredConstraint},
			"nothing":        {"", IgnoredConstraint},
			"refused":        {&CallError{Status: 400, Message: "what is a grammar?"}, RefusedSetting},
			"never answered": {&CallError{Status: 500, Retry: true}, RefusedSetting},
			"a bad key":      {&TerminalError{BadKey, "give another", errors.New("401")}, BadKey},
		} {
			err := d.Canary(t.Context(), &scripted{answers: []any{test.answer}}, someRequest())
			var terminal *TerminalError
			if !errors.As(err, &terminal) || terminal.Kind != test.kind || terminal.Advice == "" {
				t.Errorf("%s, %s: %v, want %v", decoding, name, err, test.kind)
			}
		}
	}
}
