package llm

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"unicode/utf8"
)

//go:embed templates/*.txt
var templates embed.FS

// The built-in prompts: the paper's; the paper's with all descriptions in it;
// and the paper's with the key's successor as a hint (arXiv 2510.20260).
const (
	PaperPromptName      = "paper"
	VocabularyPromptName = "vocabulary"
	HintPromptName       = "hint"
)

// BuiltinPrompts are their names.
var BuiltinPrompts = []string{PaperPromptName, VocabularyPromptName, HintPromptName}

// BuiltinTemplate is the text of a built-in prompt's template; false if there
// is none of that name.
func BuiltinTemplate(name string) (text string, ok bool) {
	if !slices.Contains(BuiltinPrompts, name) {
		return "", false
	}
	data, err := templates.ReadFile("templates/" + name + ".txt")
	if err != nil {
		panic("llm: " + err.Error()) // embedded
	}
	return string(data), true
}

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
//	.Successor      the description of the key's most frequent next cluster; "" if none is known
//	inc             adds one, to number them from 1
//
// A block {{define "system"}}…{{end}} in it becomes the system message. That
// block is the same for all keys and comes first, so that an endpoint's prefix
// cache serves it; it sees
//
//	.Vocabulary     all descriptions
//
// A template is trusted as code is.
type Prompt struct {
	user    *template.Template
	shared  *template.Template // the system block; nil without
	system  string             // rendered
	hints   bool
	version string
}

// AnswerMark is what the paper's prompt wants in front of the answer.
const AnswerMark = "New cluster:"

// PaperTemplate is the text of the paper's prompt's template.
func PaperTemplate() string {
	text, _ := BuiltinTemplate(PaperPromptName)
	return text
}

// Question is what a template sees of a key.
type Question struct {
	Descriptions []string
	Successor    string
}

// sharedData is what the system block sees.
type sharedData struct{ Vocabulary []string }

// PaperPrompt is the built-in prompt: the paper's request for one new and
// different cluster in under 30 words behind "New cluster:".
func PaperPrompt() *Prompt {
	p, err := ParsePrompt(PaperTemplate())
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
	if p.shared = t.Lookup(systemBlock); p.shared != nil {
		if p, err = p.With(nil); err != nil {
			return nil, fmt.Errorf("%w; the system block is shared by all keys and sees .Vocabulary alone", err)
		}
	}
	const hint = "\u27e6successor\u27e7"
	if messages, err := p.Ask(Question{[]string{"a", "b"}, hint}); err == nil {
		p.hints = strings.Contains(messages[len(messages)-1].Content, hint)
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

// With is the prompt for a vocabulary, which its system block may show.
func (p *Prompt) With(vocabulary []string) (*Prompt, error) {
	if p.shared == nil {
		return p, nil
	}
	with := *p
	var err error
	if with.system, err = execute(p.shared, sharedData{vocabulary}); err != nil {
		return nil, templateError(err)
	}
	return &with, nil
}

// Hints tells whether the template shows .Successor.
func (p *Prompt) Hints() bool { return p.hints }

// Version identifies the template: 16 hex digits, the start of the SHA-256 of
// its text.
func (p *Prompt) Version() string { return p.version }

// Render makes the messages for a key with these descriptions, oldest first:
// the system message if there is one, then the user's.
func (p *Prompt) Render(descriptions []string) ([]Message, error) {
	return p.Ask(Question{Descriptions: descriptions})
}

// Ask is Render with all that a template may see.
func (p *Prompt) Ask(q Question) ([]Message, error) {
	user, err := execute(p.user, q)
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
	text = strings.ReplaceAll(text, " in type llm.Question", "; there are .Descriptions and .Successor")
	text = strings.ReplaceAll(text, " in type llm.sharedData", "")
	return fmt.Errorf("prompt template: %s", text)
}
