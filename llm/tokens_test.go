package llm

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// The examples of OpenAI's cookbook, "How to count tokens with tiktoken".
func TestKnownCounts(t *testing.T) {
	c := NewCounter()
	for _, tt := range []struct {
		text          string
		o200k, cl100k int
	}{
		{"", 0, 0},
		{"tiktoken is great!", 6, 6},
		{"antidisestablishmentarianism", 6, 6},
		{"2 + 2 = 4", 7, 7},
		{"お誕生日おめでとう", 8, 9},
		{"hello world", 2, 2},
	} {
		if got := c.Count("gpt-4o-mini", tt.text); got != tt.o200k {
			t.Errorf("%q has %d tokens in o200k_base, want %d", tt.text, got, tt.o200k)
		}
		if got := c.Count("gpt-4", tt.text); got != tt.cl100k {
			t.Errorf("%q has %d tokens in cl100k_base, want %d", tt.text, got, tt.cl100k)
		}
	}
}

// The cookbook's conversation, which OpenAI's API counts at 129 tokens for
// gpt-4 and at 124 for gpt-4o. Its names, which Foray never sends, cost their
// own tokens and one.
func TestKnownConversation(t *testing.T) {
	r := Request{Messages: []Message{
		{RoleSystem, "You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
		{RoleSystem, "New synergies will help drive top-line growth."},
		{RoleSystem, "Things working well together will increase revenue."},
		{RoleSystem, "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
		{RoleSystem, "Let's talk later when we're less busy about how to do better."},
		{RoleUser, "This late pivot means we don't have time to boil the ocean for the client deliverable."},
	}}
	c := NewCounter()
	for model, want := range map[string]int{"gpt-4-0613": 129, "gpt-4o-mini-2024-07-18": 124} {
		r.Model = model
		got := c.Prompt(&r)
		for _, name := range []string{"example_user", "example_assistant", "example_user", "example_assistant"} {
			got += c.Count(model, name) + 1
		}
		if got != want {
			t.Errorf("%d tokens for %s, want %d", got, model, want)
		}
	}
	if most := c.Most(&r); most != c.Prompt(&r)+unboundedAnswer {
		t.Errorf("at most %d tokens", most)
	}
}

func TestEncoding(t *testing.T) {
	for model, want := range map[string]struct {
		name string
		own  bool
	}{
		"gpt-4o-mini":                          {O200k, true},
		"openai/gpt-4.1":                       {O200k, true},
		"ft:gpt-4o-mini-2024-07-18:org::abc":   {O200k, true},
		"o3-mini":                              {O200k, true},
		"openai/gpt-oss-20b":                   {O200k, true},
		"chatgpt-4o-latest":                    {O200k, true},
		"gpt-4":                                {CL100k, true},
		"gpt-4-turbo":                          {CL100k, true},
		"gpt-35-turbo":                         {CL100k, true},
		"ft:gpt-3.5-turbo:org::abc":            {CL100k, true},
		"meta-llama/Llama-3.1-8B-Instruct":     {O200k, false},
		"":                                     {O200k, false},
		"accounts/fireworks/models/qwen3-235b": {O200k, false},
	} {
		if name, own := Encoding(model); name != want.name || own != want.own {
			t.Errorf("%s is counted by %s, own %v", model, name, own)
		}
	}
}

// What is counted line by line is what is counted at once.
func FuzzCount(f *testing.F) {
	for _, text := range []string{
		"a\nb", "a\r\n\r\nb\n", "Cluster 1: jazz, vinyl\nCluster 2: \"café\"\n", "\n\n1\n2", "x \n y\n\tz", "日本\n旅行\n", "a\n\u0301b",
		"/\n/\nc", "!\n\n?a", "it's\n's\n'S", "\xff\n\xfea\n", "🎷\n🦊a", "\u2028a\n\u0085b\n", "ǅ\nǅa", "<|endoftext|>\nb", "   \n   a", "12345\n678",
	} {
		f.Add(text)
	}
	c := NewCounter()
	f.Fuzz(func(t *testing.T, text string) {
		for _, model := range []string{"gpt-4o", "gpt-4"} {
			_, encoding := c.of(model)
			want, err := encoding.Count(text)
			if err != nil {
				t.Skip(err)
			}
			for range 2 { // counted, and remembered
				if got := c.Count(model, text); got != want {
					t.Fatalf("%s: %q has %d tokens line by line, %d as a whole", model, text, got, want)
				}
			}
			if want > len(text) && utf8.ValidString(text) {
				t.Fatalf("%q of %d bytes has %d tokens", text, len(text), want)
			}
		}
	})
}

// Long answers without usage are counted, however they look.
func TestLongTextsAreCounted(t *testing.T) {
	c := NewCounter()
	for _, one := range []string{"a", " ", "é", "日", "\n", "!", "1", "x\n", "New cluster: "} {
		text := strings.Repeat(one, 1<<18/len(one))
		if n := c.Count("m", text); n <= 0 || n > len(text) {
			t.Errorf("%d bytes of %q have %d tokens", len(text), one, n)
		}
	}
}

// A schema costs no more than it is taken for.
func TestSchemaIsCounted(t *testing.T) {
	d := decoder(t, DecoderConfig{Decoding: SchemaDecoding, Vocabulary: numbered(t, 761)})
	r, err := d.Constrain(someRequest())
	if err != nil {
		t.Fatal(err)
	}
	c := NewCounter()
	counted := c.Prompt(&r)
	schema := c.Count("gpt-4o", r.Constraint)
	r.Constraint = ""
	if taken := counted - c.Prompt(&r); taken < schema || taken > 2*schema {
		t.Errorf("a schema of %d tokens is taken for %d", schema, taken)
	}
}

// The memo counts right from many goroutines, and stops growing.
func TestMemo(t *testing.T) {
	c := NewCounter()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 200 {
				if got := c.Count("m", fmt.Sprintf("line %d\nhello world", i)); got < 5 || got > 6 {
					t.Errorf("%d tokens", got)
				}
			}
		})
	}
	wg.Wait()
	m := &c.o200k
	m.bytes.Store(memoBytes)
	if got := c.Count("m", "tiktoken is great!"); got != 6 {
		t.Errorf("%d tokens, want 6", got)
	}
	if _, ok := m.counts.Load("tiktoken is great!"); ok {
		t.Error("a full memo remembers more")
	}
}
