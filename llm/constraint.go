package llm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// form is how one kind of endpoint wants to be told what is allowed: JSON text
// of head, opening, choices and tail. All of it is canonical, for it is hashed
// into identities: another byte would pay for every answer again.
type form struct {
	head, between, tail string
	// open is what stands in front of the choices, if they have a prefix in
	// common.
	open func(prefix string) string
	// choice is one of them.
	choice func(text, prefix string) string
	// codes tells that clusters are named by their codes.
	codes bool
}

// The schema's field that holds the code.
const (
	schemaField = "cluster"
	schemaHead  = `{"response_format":{"type":"json_schema","json_schema":{"name":"novel_cluster","strict":true,` +
		`"schema":{"type":"object","properties":{"` + schemaField + `":{"type":"string","enum":[`
	schemaTail = `]}},"required":["` + schemaField + `"],"additionalProperties":false}}}}`
)

var forms = map[Decoding]form{
	SchemaDecoding: {
		head: schemaHead, between: `,`, tail: schemaTail, codes: true,
		open:   func(string) string { return "" },
		choice: func(text, _ string) string { return quoteJSON(text) },
	},
	ChoiceDecoding: {
		head: `{"structured_outputs":{"choice":[`, between: `,`, tail: `]}}`,
		open:   func(string) string { return "" },
		choice: func(text, prefix string) string { return quoteJSON(prefix + text) },
	},
	GrammarDecoding:  grammarForm(`root ::= `, quoteGBNF),
	GuidanceDecoding: grammarForm("%llguidance {}\nstart: ", quoteJSON),
}

// grammarForm is a grammar of one rule inside of a JSON string.
func grammarForm(rule string, quote func(string) string) form {
	return form{
		head: `{"grammar":"` + inJSON(rule), between: ` | `, tail: `)"}`,
		open: func(prefix string) string {
			if prefix == "" {
				return "("
			}
			return inJSON(quote(prefix)) + " ("
		},
		choice: func(text, _ string) string { return inJSON(quote(text)) },
	}
}

// quoteJSON is a JSON string with as few escapes as may be.
func quoteJSON(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		panic("llm: a string that is no JSON: " + err.Error()) // strings always encode
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// inJSON is a text as it stands between the quotes of a JSON string.
func inJSON(text string) string {
	quoted := quoteJSON(text)
	return quoted[1 : len(quoted)-1]
}

// quoteGBNF is a literal of GBNF (llama.cpp's grammars/README.md).
func quoteGBNF(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
