package paidlog

import (
	"path/filepath"
	"testing"
)

// Answers about texts are kept apart from those about clusters, and are no
// answers about keys.
func TestTextAnswers(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	for i := range 200 {
		r := record(i, 5, "a")
		if i%2 == 0 {
			r.Key = TextKey(r.ID)
		}
		if err := l.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string]int{"texts-?": 16, "clusters-00000-00031": 1, "*-*": 17} {
		if got, _ := filepath.Glob(filepath.Join(dir, Root, pattern)); len(got) != want {
			t.Errorf("%s: folders %v, want %d", pattern, got, want)
		}
	}
	l = open(t, dir)
	for i := range 200 {
		r := record(i, 5, "a")
		if i%2 == 0 {
			r.Key = TextKey(r.ID)
		}
		if answer, ok, err := l.Lookup(t.Context(), r.ID, r.Key); err != nil || !ok || answer.Text != r.Text {
			t.Fatalf("answer %d: %+v, %v, %v", i, answer, ok, err)
		}
	}
	asked, err := l.Asked(t.Context(), "m")
	if err != nil || len(asked) != 5 {
		t.Errorf("%d keys were asked about, want 5 (%v)", len(asked), err)
	}
}
