package llm

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"foray/llm/llmtest"
)

// numbered is a vocabulary of n clusters whose descriptions are like real ones.
func numbered(t testing.TB, n int) *Vocabulary {
	t.Helper()
	ids, descriptions := make([]int32, n), make([]string, n)
	for i := range ids {
		ids[i], descriptions[i] = int32(i), fmt.Sprintf("phrase %d, “other” words of %d, something else", i, i)
	}
	v, err := NewVocabulary(ids, descriptions)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func decoder(t testing.TB, cfg DecoderConfig) *Decoder {
	t.Helper()
	d, err := NewDecoder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Each constraint, read as an endpoint would read it, allows all clusters but
// the key's and the blocked ones, and every answer that it allows is read back.
func TestConstraintAllowsTheRest(t *testing.T) {
	for _, decoding := range Decodings[1:] {
		for _, prefix := range []string{"", "New cluster: "} {
			t.Run(fmt.Sprintf("%s %q", decoding, prefix), func(t *testing.T) {
				v := vocabulary(t)
				d := decoder(t, DecoderConfig{Decoding: decoding, Vocabulary: v, Prefix: prefix,
					Blocked: func(cluster int32) bool { return cluster == 20 }})
				r := someRequest()
				r.Key = []int32{0, 50}
				r, err := d.Constrain(r)
				if err != nil {
					t.Fatal(err)
				}
				var body map[string]json.RawMessage
				if err := json.Unmarshal([]byte(r.Constraint), &body); err != nil || len(body) != 1 {
					t.Fatalf("the constraint %s is %v", r.Constraint, err)
				}
				allowed := llmtest.ReadConstraint(llmtest.Call{Body: []byte(r.Constraint)}).Choices
				var read []int32
				for _, choice := range allowed {
					answer := choice
					if decoding == SchemaDecoding {
						answer = fmt.Sprintf(`{ "cluster" : %q }`, choice)
					}
					m := d.Match(answer)
					if m.How != Exact {
						t.Errorf("%q matches %v", answer, m)
					}
					read = append(read, m.Cluster)
				}
				if want := []int32{10, 30, 40, 60, 70, 80}; !slices.Equal(read, want) {
					t.Errorf("allowed are %v, want %v", read, want)
				}
				again, err := d.Constrain(someRequestOf(r.Key))
				if err != nil || again.ID() != r.ID() {
					t.Errorf("the same question has another identity: %v", err)
				}
				if other, _ := d.Constrain(someRequestOf([]int32{0})); other.ID() == r.ID() {
					t.Error("the constraint is no part of the identity")
				}
			})
		}
	}
}

func someRequestOf(key []int32) Request {
	r := someRequest()
	r.Key = key
	return r
}

func TestDecoderRefuses(t *testing.T) {
	few := vocabulary(t)
	for name, cfg := range map[string]DecoderConfig{
		"give one of":        {Decoding: "magic", Vocabulary: few},
		"no cluster":         {Decoding: ChoiceDecoding, Vocabulary: few, Blocked: func(int32) bool { return true }},
		"at most 1000 codes": {Decoding: SchemaDecoding, Vocabulary: numbered(t, 1001)},
	} {
		if _, err := NewDecoder(cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want an error of %q, got %v", name, err)
		}
	}
	d := decoder(t, DecoderConfig{Decoding: GrammarDecoding, Vocabulary: few, Blocked: func(c int32) bool { return c > 10 }})
	if _, err := d.Constrain(someRequestOf([]int32{0, 10})); err == nil {
		t.Error("nothing is left to answer, and no error tells")
	}
}

func TestHeldAnswersAreRead(t *testing.T) {
	d := decoder(t, DecoderConfig{Decoding: SchemaDecoding, Vocabulary: vocabulary(t)})
	jazz := someDescriptions[0]
	for answer, want := range map[string]Match{
		`{"cluster":"10"}`:                                {10, Exact},
		"```json\n{\"cluster\": \"10\"}\n```":             {10, Exact},
		`<think>{"cluster":"20"}</think>{"cluster":"10"}`: {10, Exact},
		`{"cluster":"` + jazz + `"}`:                      {0, Exact},
		jazz:                                              {0, Exact},
		`{"cluster":"010"}`:                               {Cluster: -1},
		`{"cluster":"11"}`:                                {Cluster: -1},
		`{"cluster":"99999999999"}`:                       {Cluster: -1},
		`{"cluster":`:                                     {Cluster: -1},
		"I am sorry, I cannot help.":                      {Cluster: -1},
	} {
		got := d.Match(answer)
		if got.How != want.How || got.How != None && got.Cluster != want.Cluster {
			t.Errorf("%q matches %v, want %v", answer, got, want)
		}
	}
}

// A description is read back from every grammar, whatever stands in it.
func FuzzConstraintRoundTrip(f *testing.F) {
	f.Add("a \"quoted\" \\ one", "tab\there")
	f.Add("| ) ( ::=", "日本、\x7f")
	f.Fuzz(func(t *testing.T, one, two string) {
		v, err := NewVocabulary([]int32{1, 2}, []string{one, two})
		if err != nil {
			t.Skip(err)
		}
		for _, decoding := range []Decoding{ChoiceDecoding, GrammarDecoding, GuidanceDecoding} {
			d, err := NewDecoder(DecoderConfig{Decoding: decoding, Vocabulary: v, Prefix: "New cluster: "})
			if err != nil {
				t.Skip(err)
			}
			r, err := d.Constrain(someRequestOf([]int32{2}))
			if err != nil {
				t.Fatal(err)
			}
			choices := llmtest.ReadConstraint(llmtest.Call{Body: []byte(r.Constraint)}).Choices
			if len(choices) != 1 {
				t.Fatalf("%s of %q allows %q", decoding, one, choices)
			}
			if m := d.Match(choices[0]); m.How == None || m.Cluster != 1 {
				t.Fatalf("%s: %q of %q matches %v", decoding, choices[0], one, m)
			}
		}
	})
}

// Constraints are part of identities: a change would pay for everything again.
func TestConstraintGolden(t *testing.T) {
	for decoding, want := range map[Decoding]string{
		SchemaDecoding:   "e7101c2c6e63543c25d797cedd5b0f93ceba6748380406e48acc4048ca66fb19",
		ChoiceDecoding:   "8e2d061188baeb0cdd020eee66fe409eff0bcd4dd18510467289d9c6d0043377",
		GrammarDecoding:  "1dfa64aa5962c71af560f2b73def84f987d9e337a41aa1e3c9aaf3464578c6f1",
		GuidanceDecoding: "a83bce5b974d90cd0f0e11bbecc96c9570e06bfb0bf233c579a0e0bcca44b09f",
	} {
		d := decoder(t, DecoderConfig{Decoding: decoding, Vocabulary: vocabulary(t), Prefix: "New cluster: "})
		r, err := d.Constrain(someRequestOf([]int32{0, 10}))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.ID().String(); got != want {
			t.Errorf("%s: ID %s, want %s", decoding, got, want)
		}
	}
}
