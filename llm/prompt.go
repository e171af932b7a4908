package llm

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"text/template"
	"unicode/utf8"
)

//go:embed templates/paper.txt
var paperTemplate string

const (
	// maxKey is the longest key that a template is tried with.
	maxKey = 8
	// maxPromptBytes bounds one rendered message.
	maxPromptBytes = 1 << 20
	systemBlock    = "system"
)

// Prompt turns the descriptions of a key into the messages that ask for a
// novel cluster. Safe for concurrent use.
//
// A template is Go's text/template. Its text is the user's message, and sees
//
//	.Descriptions   the K descriptions of the key, oldest first
//	inc             adds one, to number them from 1
//
// A block {{define "system"}}…{{end}} in it becomes the system message. That
// block is the same for all keys and comes first, so that an endpoint's prefix
// cache serves it; it sees no field. A template is trusted as code is.
type Prompt struct {
	user    *template.Template
	system  string
	version string
}

// AnswerMark is what the paper's prompt wants in front of the answer.
const AnswerMark = "New cluster:"

// PaperTemplate is the text of the built-in prompt's template.
func PaperTemplate() string { return paperTemplate }

// promptData is what a template sees.
type promptData struct {
	Descriptions []string
}

// PaperPrompt is the built-in prompt: the paper's request for one new and
// different cluster in under 30 words behind "New cluster:".
func PaperPrompt() *Prompt {
	p, err := ParsePrompt(paperTemplate)
	if err != nil {
		panic("llm: the built-in prompt is broken: " + err.Error())
	}
	return p
}

// ParsePrompt makes a prompt of a template's text. The error names the line of
// what is wrong: a syntax error, a field that does not exist, or a template
// that renders the descriptions of no key of 1 to 8 clusters in full.
func ParsePrompt(text string) (*Prompt, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("prompt template: not UTF-8; save the file as UTF-8")
	}
	t, err := template.New("prompt").Funcs(template.FuncMap{"inc": func(i int) int { return i + 1 }}).Parse(text)
	if err != nil {
		return nil, templateError(err)
	}
	sum := sha256.Sum256([]byte(text))
	p := &Prompt{user: t, version: hex.EncodeToString(sum[:8])}
	if s := t.Lookup(systemBlock); s != nil {
		if p.system, err = execute(s, struct{}{}); err != nil {
			return nil, fmt.Errorf("%w; the system block is shared by all keys and sees no field", templateError(err))
		}
	}
	var failed error
	for k := 1; k <= maxKey; k++ {
		err := p.Check(k)
		if err == nil {
			return p, nil
		}
		// A key of two is the usual one: its error is the telling one.
		if failed == nil || k == 2 {
			failed = err
		}
	}
	return nil, failed
}

// Check tells whether the prompt renders keys of k clusters, and shows the
// model every description of them.
func (p *Prompt) Check(k int) error {
	descriptions := make([]string, k)
	for i := range descriptions {
		descriptions[i] = fmt.Sprintf("\u27e6description %d\u27e7", i+1)
	}
	messages, err := p.Render(descriptions)
	if err != nil {
		return err
	}
	user := messages[len(messages)-1].Content
	for i, d := range descriptions {
		if !strings.Contains(user, d) {
			return fmt.Errorf("prompt template: description %d of a key of %d is not in the prompt; write {{range .Descriptions}}{{.}}{{end}} where they belong", i+1, k)
		}
	}
	return nil
}

// Version identifies the template: 16 hex digits, the start of the SHA-256 of
// its text.
func (p *Prompt) Version() string { return p.version }

// Render makes the messages for a key with these descriptions, oldest first:
// the system message if there is one, then the user's.
func (p *Prompt) Render(descriptions []string) ([]Message, error) {
	user, err := execute(p.user, promptData{descriptions})
	if err != nil {
		return nil, templateError(err)
	}
	if user == "" {
		return nil, errors.New("prompt template: it renders to nothing; write the question, with {{range .Descriptions}}{{.}}{{end}} in it")
	}
	if p.system == "" {
		return []Message{{RoleUser, user}}, nil
	}
	return []Message{{RoleSystem, p.system}, {RoleUser, user}}, nil
}

func execute(t *template.Template, data any) (string, error) {
	var out limited
	if err := t.Execute(&out, data); err != nil {
		return "", err
	}
	return string(bytes.TrimSpace(out.Bytes())), nil
}

// limited refuses to grow beyond maxPromptBytes, for a template may loop.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxPromptBytes {
		return 0, fmt.Errorf("more than %d bytes of prompt", maxPromptBytes)
	}
	return l.Buffer.Write(p)
}

var templatePlace = regexp.MustCompile(`^template: \w+:(\d+)(?::\d+)?: (?:executing "\w*" at )?`)

// templateError says in which line, in place of text/template's own prefix.
func templateError(err error) error {
	text := err.Error()
	if at := templatePlace.FindStringSubmatchIndex(text); at != nil {
		text = fmt.Sprintf("line %s: %s", text[at[2]:at[3]], text[at[1]:])
	}
	text = strings.ReplaceAll(text, " in type llm.promptData", "; .Descriptions is the only field")
	text = strings.ReplaceAll(text, " in type struct {}", "")
	return fmt.Errorf("prompt template: %s", text)
}
