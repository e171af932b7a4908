package llm

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Decoding is what holds a model to the vocabulary while it answers.
type Decoding string

// The decodings, by what the endpoint must understand.
const (
	// FreeDecoding lets the model answer as it likes.
	FreeDecoding Decoding = "free"
	// SchemaDecoding is a strict JSON schema with an enumeration of short
	// codes (OpenAI and most others). The prompt holds the code of each
	// description.
	SchemaDecoding Decoding = "json_schema"
	// ChoiceDecoding is a list of texts, in structured_outputs (vLLM from
	// 0.12 on; the guided_choice of older ones is ignored there).
	ChoiceDecoding Decoding = "choice"
	// GrammarDecoding is a grammar in GBNF (llama.cpp).
	GrammarDecoding Decoding = "grammar"
	// GuidanceDecoding is a grammar in llguidance's dialect of Lark
	// (llama.cpp if built with it). It compiles faster than GBNF.
	GuidanceDecoding Decoding = "llguidance"
)

// Decodings are all of them.
var Decodings = []Decoding{FreeDecoding, SchemaDecoding, ChoiceDecoding, GrammarDecoding, GuidanceDecoding}

// mostCodes is the most values that an enumeration of OpenAI's strict schemas
// may have (https://platform.openai.com/docs/guides/structured-outputs). Their
// 15,000 characters are never reached: a code has ten at most.
const mostCodes = 1000

// DecoderConfig is the configuration of a Decoder.
type DecoderConfig struct {
	Decoding   Decoding
	Vocabulary *Vocabulary
	// Blocked tells of clusters that are never allowed; nil blocks none.
	Blocked func(cluster int32) bool
	// Prefix is what every answer begins with, since the prompt asks for it,
	// such as AnswerMark and a space. SchemaDecoding has none.
	Prefix string
}

// Decoder holds requests to the vocabulary, and reads their answers. Safe for
// concurrent use.
type Decoder struct {
	cfg     DecoderConfig
	form    form
	allowed []int32  // ascending
	choices []string // of allowed, as they stand in a constraint
	table   string   // what the prompt says of the codes; empty without codes
}

// NewDecoder makes a decoder. It fails for an unknown decoding, for a
// vocabulary of which too little is allowed, and for one that is too large for
// a schema.
func NewDecoder(cfg DecoderConfig) (*Decoder, error) {
	if !slices.Contains(Decodings, cfg.Decoding) {
		return nil, fmt.Errorf("--llm_decode %q: give one of %v", cfg.Decoding, Decodings)
	}
	d := &Decoder{cfg: cfg}
	if cfg.Decoding == FreeDecoding {
		return d, nil
	}
	d.form = forms[cfg.Decoding]
	for _, id := range cfg.Vocabulary.IDs() {
		if cfg.Blocked != nil && cfg.Blocked(id) {
			continue
		}
		text, _ := cfg.Vocabulary.Description(id)
		if d.form.codes {
			text = code(id)
		}
		if !utf8.ValidString(text) {
			return nil, fmt.Errorf("--llm_decode %s: the description of cluster %d is not UTF-8", cfg.Decoding, id)
		}
		d.allowed = append(d.allowed, id)
		d.choices = append(d.choices, d.form.choice(text, cfg.Prefix))
	}
	switch {
	case len(d.allowed) == 0:
		return nil, fmt.Errorf("--llm_decode %s: no cluster is allowed", cfg.Decoding)
	case d.form.codes && len(d.allowed) > mostCodes:
		return nil, fmt.Errorf("--llm_decode %s: a schema holds at most %d codes, but there are %d clusters: use fewer clusters, or %s or %s where the endpoint knows them",
			cfg.Decoding, mostCodes, len(d.allowed), ChoiceDecoding, GrammarDecoding)
	}
	if d.form.codes {
		d.table = d.describeCodes()
	}
	return d, nil
}

// code is what stands for a cluster: its id, since ids stay when a vocabulary
// is made anew, so that stored answers keep their meaning.
func code(cluster int32) string { return strconv.Itoa(int(cluster)) }

// describeCodes is the same for all keys, so that an endpoint's prefix cache
// serves it.
func (d *Decoder) describeCodes() string {
	var b strings.Builder
	b.WriteString("Each cluster has a code:\n")
	for _, id := range d.allowed {
		text, _ := d.cfg.Vocabulary.Description(id)
		fmt.Fprintf(&b, "%s: %s\n", code(id), strings.Join(strings.Fields(text), " "))
	}
	b.WriteString(`Whatever form of answer was asked for, answer with the code of the new cluster alone, as JSON: {"` + schemaField + `": "code"}`)
	return b.String()
}

// Constrain is r held to the allowed clusters but those of its Key. With
// SchemaDecoding its system message tells the codes. The constraint is part of
// the identity. It fails if nothing is left to answer.
func (d *Decoder) Constrain(r Request) (Request, error) {
	if d.cfg.Decoding == FreeDecoding {
		return r, nil
	}
	constraint, err := d.constraint(r.Key)
	if err != nil {
		return r, fmt.Errorf("constrain the answer about %v: %w", r.Key, err)
	}
	r.Constraint = constraint
	if d.table != "" {
		r.Messages = withSystem(r.Messages, d.table)
	}
	return r, nil
}

// constraint is the JSON object that holds answers to all but these clusters.
func (d *Decoder) constraint(without []int32) (string, error) {
	size := len(d.form.head) + len(d.form.tail) + len(d.cfg.Prefix)*2
	for _, choice := range d.choices {
		size += len(choice) + len(d.form.between)
	}
	var b strings.Builder
	b.Grow(size)
	b.WriteString(d.form.head)
	b.WriteString(d.form.open(d.cfg.Prefix))
	n := 0
	for i, choice := range d.choices {
		if slices.Contains(without, d.allowed[i]) {
			continue
		}
		if n++; n > 1 {
			b.WriteString(d.form.between)
		}
		b.WriteString(choice)
	}
	if n == 0 {
		return "", errors.New("no cluster is left that it may name")
	}
	b.WriteString(d.form.tail)
	return b.String(), nil
}

// withSystem is messages with a text at the end of the system message, which
// is made if there is none.
func withSystem(messages []Message, text string) []Message {
	if len(messages) > 0 && messages[0].Role == RoleSystem {
		messages = slices.Clone(messages)
		messages[0].Content += "\n\n" + text
		return messages
	}
	return append([]Message{{RoleSystem, text}}, messages...)
}

// Match finds the cluster that an answer names: by its code if it is JSON with
// one; by its description, whatever that holds, if it is the prefix and that
// alone; else as Vocabulary.Match does, for endpoints differ in what they put
// around a constrained answer, and a refusal is free text. It takes time linear
// in the answer and never fails. That the cluster was allowed is for the caller
// to check.
func (d *Decoder) Match(answer string) Match {
	v := d.cfg.Vocabulary
	if d.form.codes {
		if value, ok := schemaValue(answer); ok {
			if id, err := strconv.ParseInt(value, 10, 32); err == nil && code(int32(id)) == value {
				if _, ok := v.Description(int32(id)); ok {
					return Match{int32(id), Exact}
				}
			}
			return v.Match(value)
		}
	}
	if description, ok := strings.CutPrefix(strings.TrimSpace(answer), d.cfg.Prefix); ok {
		if id, ok := v.exact[description]; ok {
			return Match{id, Exact}
		}
		answer = description
	}
	return v.Match(answer)
}

// schemaValue is the code in an answer of SchemaDecoding. Some endpoints put
// it into a fence or behind the model's thoughts.
func schemaValue(answer string) (string, bool) {
	answer = afterThought(answer)
	start := strings.IndexByte(answer, '{')
	if start < 0 {
		return "", false
	}
	var object map[string]json.RawMessage
	if json.NewDecoder(strings.NewReader(answer[start:])).Decode(&object) != nil {
		return "", false
	}
	raw, ok := object[schemaField]
	return plain(raw), ok
}
