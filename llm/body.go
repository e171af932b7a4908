package llm

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Body is the JSON that is sent for a request. It is made here and not by
// go-openai, which omits a temperature of 0, knows no constraints but its own,
// and takes a third of a call's time for it.
//
// An error is a *TerminalError: a parameter that no request may have.
func (c *Client) Body(r Request) ([]byte, error) {
	if math.IsNaN(r.Temperature) || r.Temperature > 2 {
		return nil, &TerminalError{RefusedSetting, "give one from 0 to 2", fmt.Errorf("temperature %v", r.Temperature)}
	}
	if len(r.Inputs) > 0 {
		return embeddingBody(&r), nil
	}
	size := 256 + len(r.Constraint)
	for _, m := range r.Messages {
		size += len(m.Content) + len(m.Content)/8 + 64
	}
	b := append(make([]byte, 0, size), `{"model":`...)
	b = appendText(b, r.Model)
	b = append(b, `,"messages":[`...)
	for i, m := range r.Messages {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(append(b, `{"role":`...), m.Role)
		b = appendText(append(b, `,"content":`...), m.Content)
		b = append(b, '}')
	}
	b = append(b, ']')
	if r.Temperature >= 0 {
		b = strconv.AppendFloat(append(b, `,"temperature":`...), r.Temperature, 'g', -1, 64)
	}
	if r.MaxTokens > 0 {
		name := `,"max_tokens":`
		if reasons(r.Model) {
			name = `,"max_completion_tokens":`
		}
		b = strconv.AppendInt(append(b, name...), int64(r.MaxTokens), 10)
	}
	if !c.omitSeed {
		b = strconv.AppendUint(append(b, `,"seed":`...), uint64(r.ID().drawSeed()), 10)
	}
	if r.Constraint != "" {
		members, open := strings.CutPrefix(r.Constraint, "{")
		members, closed := strings.CutSuffix(members, "}")
		if !open || !closed || members == "" {
			return nil, &TerminalError{RefusedSetting, "make constraints by a Decoder", fmt.Errorf("the constraint %q is no JSON object", shorten(r.Constraint))}
		}
		b = append(append(b, ','), members...)
	}
	return append(b, '}'), nil
}

// appendText appends a JSON string; what is not UTF-8 in it becomes U+FFFD.
func appendText(b []byte, text string) []byte {
	b, _ = jsontext.AppendQuote(b, text) // the error tells of what was replaced
	return b
}
