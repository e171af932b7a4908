package llm

import (
	"regexp"
	"strings"
	"testing"
)

func TestPaperPrompt(t *testing.T) {
	p := PaperPrompt()
	got, err := p.Render([]string{"jazz, vinyl", "espresso {{.Descriptions}}"})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Role != RoleSystem || got[1].Role != RoleUser {
		t.Fatalf("messages %+v, want a system message and a user message", got)
	}
	want := "Cluster 1: jazz, vinyl\nCluster 2: espresso {{.Descriptions}}"
	if got[1].Content != want {
		t.Errorf("user message %q, want %q", got[1].Content, want)
	}
	for _, words := range []string{"one new and different cluster", "under 30 words", "New cluster:"} {
		if !strings.Contains(got[0].Content, words) {
			t.Errorf("the system message lacks %q:\n%s", words, got[0].Content)
		}
	}
	for k := 1; k <= maxKey; k++ {
		if err := p.Check(k); err != nil {
			t.Errorf("key of %d: %v", k, err)
		}
	}
	if !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(p.Version()) {
		t.Errorf("version %q", p.Version())
	}
}

// What is alike for all keys comes first, so that prefix caches hit.
func TestSharedPartFirst(t *testing.T) {
	p := PaperPrompt()
	a, _ := p.Render([]string{"one", "two"})
	b, _ := p.Render([]string{"three", "four"})
	if a[0] != b[0] {
		t.Error("the first message depends on the key")
	}
}

func TestParsePrompt(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"good", "{{range .Descriptions}}{{.}} {{end}}", ""},
		{"system", `{{define "system"}}Be brief.{{end}}{{join}}`, "line 1: function \"join\" not defined"},
		{"pairs only", "{{index .Descriptions 0}} then {{index .Descriptions 1}}", ""},
		{"unknown field", "Hello\n{{range .Descriptions}}{{.}}{{end}}\n{{.User}}", "line 3: <.User>: can't evaluate field User; there are .Descriptions and .Successor"},
		{"syntax", "a\nb {{if}}", "line 2: missing value for if"},
		{"unused", "Recommend something.", "description 1 of a key of 2 is not in the prompt"},
		{"empty", "", "renders to nothing"},
		{"system uses the key", `{{define "system"}}{{.Descriptions}}{{end}}{{.Descriptions}}`, "shared by all keys"},
		{"too long", "{{.Descriptions}}{{range 100000}}0123456789012345678901{{end}}", "more than"},
		{"not UTF-8", "\xff{{.Descriptions}}", "UTF-8"},
		{"endless", `{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`, "maximum template depth"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := ParsePrompt(tt.text)
			switch {
			case tt.want == "" && err != nil:
				t.Fatal(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Fatalf("error %v, want one with %q", err, tt.want)
			case (p == nil) != (err != nil):
				t.Fatalf("prompt %v with error %v", p, err)
			}
		})
	}
}

func TestCheckOfOneLength(t *testing.T) {
	p, err := ParsePrompt("{{index .Descriptions 0}}, {{index .Descriptions 1}}")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(2); err != nil {
		t.Error(err)
	}
	if err := p.Check(1); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a key of 1: %v, want an error that names the line", err)
	}
	if err := p.Check(3); err == nil || !strings.Contains(err.Error(), "description 3 of a key of 3") {
		t.Errorf("a key of 3: %v, want an error that names the description", err)
	}
}

func TestVersionsDiffer(t *testing.T) {
	a, _ := ParsePrompt("{{.Descriptions}}")
	b, _ := ParsePrompt("{{.Descriptions}} ")
	if a.Version() == b.Version() {
		t.Error("two texts, one version")
	}
}

func FuzzParsePrompt(f *testing.F) {
	f.Add(PaperTemplate(), "jazz")
	f.Add("{{range .Descriptions}}{{.}}{{end}}", "a\nb")
	f.Add(`{{define "system"}}{{end}}{{index .Descriptions 0}}`, "")
	f.Add("{{", "\xff")
	// A template may loop for as long as its author likes.
	endless := regexp.MustCompile(`(range|template)[^.]*\d`)
	f.Fuzz(func(t *testing.T, text, description string) {
		if endless.MatchString(text) {
			t.Skip()
		}
		p, err := ParsePrompt(text)
		if err != nil {
			return
		}
		one, err1 := p.Render([]string{description, "second"})
		two, err2 := p.Render([]string{description, "second"})
		if (err1 == nil) != (err2 == nil) || len(one) != len(two) {
			t.Fatal("two renderings differ")
		}
		for i := range one {
			if one[i] != two[i] {
				t.Fatalf("two renderings differ: %q and %q", one[i], two[i])
			}
		}
	})
}

func TestBuiltinPrompts(t *testing.T) {
	for _, name := range BuiltinPrompts {
		text, ok := BuiltinTemplate(name)
		if !ok {
			t.Fatalf("there is no %s", name)
		}
		p, err := ParsePrompt(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if p, err = p.With([]string{"first, words", "second, words"}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		messages, err := p.Ask(Question{[]string{"older", "newer"}, "next"})
		if err != nil || len(messages) != 2 {
			t.Fatalf("%s: %v, %v", name, messages, err)
		}
		system, user := messages[0].Content, messages[1].Content
		if strings.Contains(system, "first, words\nsecond, words\n") != (name == VocabularyPromptName) {
			t.Errorf("%s: the system message is %q", name, system)
		}
		if p.Hints() != (name == HintPromptName) || strings.Contains(user, "Others went on to: next") != p.Hints() {
			t.Errorf("%s: the user message is %q", name, user)
		}
		if !strings.Contains(system, AnswerMark) || !strings.HasPrefix(user, "Cluster 1: older\nCluster 2: newer") {
			t.Errorf("%s: %q, %q", name, system, user)
		}
		// What is shared comes first and does not depend on the key.
		other, err := p.Ask(Question{[]string{"a", "b"}, ""})
		if err != nil || other[0] != messages[0] || strings.Contains(other[1].Content, "Others") {
			t.Errorf("%s: another key gives %v, %v", name, other, err)
		}
	}
	if _, ok := BuiltinTemplate("../paper"); ok {
		t.Error("a path is a built-in prompt")
	}
	if _, err := ParsePrompt(`{{define "system"}}{{.Descriptions}}{{end}}{{range .Descriptions}}{{.}}{{end}}`); err == nil || !strings.Contains(err.Error(), ".Vocabulary alone") {
		t.Errorf("a system block with a key in it gave %v", err)
	}
}
