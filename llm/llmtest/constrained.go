package llmtest

import (
	"encoding/json"
	"hash/fnv"
	"strconv"
	"strings"
)

// The kinds of constraint that a request may have.
const (
	SchemaKind  = "json_schema"
	ChoiceKind  = "choice"
	GrammarKind = "grammar"
)

// Constraint is what a request holds the answer to.
type Constraint struct {
	// Kind is SchemaKind, ChoiceKind or GrammarKind; "" if the answer is free.
	Kind string
	// Choices are the texts that the answer may be, or the values that its
	// schema's only field may have.
	Choices []string

	field string // of the schema
}

// ReadConstraint reads the constraint of a call: an enumeration in
// response_format, a structured_outputs.choice (guided_choice is none, as for
// vLLM), or a grammar of one rule that is a list of texts, maybe with a prefix.
func ReadConstraint(c Call) Constraint {
	var sent struct {
		Format struct {
			Schema struct {
				Strict bool
				Schema struct {
					Properties map[string]struct{ Enum []string }
				}
			} `json:"json_schema"`
		} `json:"response_format"`
		Structured struct{ Choice []string } `json:"structured_outputs"`
		Grammar    string
	}
	if json.Unmarshal(c.Body, &sent) != nil {
		return Constraint{}
	}
	for field, property := range sent.Format.Schema.Schema.Properties {
		if sent.Format.Schema.Strict && len(sent.Format.Schema.Schema.Properties) == 1 {
			return Constraint{SchemaKind, property.Enum, field}
		}
	}
	if len(sent.Structured.Choice) > 0 {
		return Constraint{Kind: ChoiceKind, Choices: sent.Structured.Choice}
	}
	if choices := grammarChoices(sent.Grammar); len(choices) > 0 {
		return Constraint{Kind: GrammarKind, Choices: choices}
	}
	return Constraint{}
}

// grammarChoices are the texts of root ::= "prefix" ("a" | "b"), or of the
// same in llguidance's dialect.
func grammarChoices(grammar string) []string {
	rule, ok := strings.CutPrefix(grammar, "root ::=")
	if !ok {
		_, rule, ok = strings.Cut(grammar, "start:")
	}
	if !ok {
		return nil
	}
	var choices []string
	prefix, text := "", ""
	for rule = strings.TrimSpace(rule); rule != ""; rule = strings.TrimSpace(rule) {
		switch rule[0] {
		case '"':
			text, rule, ok = literal(rule)
			if !ok {
				return nil
			}
			continue
		case '(':
			prefix = text
		case '|', ')':
			choices = append(choices, prefix+text)
		default:
			return nil
		}
		rule = rule[1:]
	}
	return choices
}

// literal reads the quoted text at the start of a grammar.
func literal(grammar string) (text, rest string, ok bool) {
	for end := 1; end < len(grammar); end++ {
		switch grammar[end] {
		case '\\':
			end++
		case '"':
			text, err := strconv.Unquote(grammar[:end+1])
			return text, grammar[end+1:], err == nil
		}
	}
	return "", "", false
}

// Only is the constraint that a server honours which knows this kind alone;
// it ignores all others, as servers do.
func (c Constraint) Only(kind string) Constraint {
	if c.Kind != kind {
		return Constraint{}
	}
	return c
}

// Answer is one of the choices, always the same for a prompt, as the
// constraint wants it; false if there is none.
func (c Constraint) Answer(prompt string) (Reply, bool) {
	if len(c.Choices) == 0 {
		return Reply{}, false
	}
	h := fnv.New64a()
	h.Write([]byte(prompt))
	choice := c.Choices[h.Sum64()%uint64(len(c.Choices))]
	if c.Kind != SchemaKind {
		return Text(choice), true
	}
	value, err := json.Marshal(map[string]string{c.field: choice})
	if err != nil {
		panic(err) // maps of strings always encode
	}
	return Text(strings.Replace(string(value), ":", ": ", 1)), true
}

// Constrained honours the constraints of these kinds, or of all if none is
// named, and answers all other calls with free, which ignores what it does not
// know.
func Constrained(free func(Call) Reply, kinds ...string) func(Call) Reply {
	if len(kinds) == 0 {
		kinds = []string{SchemaKind, ChoiceKind, GrammarKind}
	}
	return func(c Call) Reply {
		constraint := ReadConstraint(c)
		for _, kind := range kinds {
			if reply, ok := constraint.Only(kind).Answer(c.Prompt); ok {
				return reply
			}
		}
		return free(c)
	}
}
