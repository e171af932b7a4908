package paidlog

import (
	"path/filepath"
	"testing"

	"foray/llm"
)

// keyOf makes a third of all answers one about a text, and a third a name.
func keyOf(r llm.Record) []int32 {
	switch r.Sample {
	case 0:
		return TextKey(r.ID)
	case 1:
		return NameKey(r.Key[0])
	}
	return r.Key
}

// Answers about texts and names are kept apart from those about clusters, and are no
// answers about keys.
func TestTextAnswers(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	for i := range 200 {
		r := record(i, 5, "a")
		r.Key = keyOf(r)
		if err := l.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string]int{"texts-?": 16, "clusters-00000-00031": 1, "names": 1, "*s*": 18} {
		if got, _ := filepath.Glob(filepath.Join(dir, Root, pattern)); len(got) != want {
			t.Errorf("%s: folders %v, want %d", pattern, got, want)
		}
	}
	l = open(t, dir)
	for i := range 200 {
		r := record(i, 5, "a")
		r.Key = keyOf(r)
		if answer, ok, err := l.Lookup(t.Context(), r.ID, r.Key); err != nil || !ok || answer.Text != r.Text {
			t.Fatalf("answer %d: %+v, %v, %v", i, answer, ok, err)
		}
	}
	asked, err := l.Asked(t.Context(), "m")
	if err != nil || len(asked) != 5 {
		t.Errorf("%d keys were asked about, want 5 (%v)", len(asked), err)
	}
}
