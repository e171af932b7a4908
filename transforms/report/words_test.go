package report

import (
	"math"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPlain(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", ""},
		{"white space", " \t a\n\nb\u00a0 c \r\n", "a b c"},
		{"control characters", "a\x00b\x1b[31m\u0085c", "a�b�[31m c"},
		{"broken UTF-8", "a\xffb", "a�b"},
		{"direction", "a\u202egnp.exe\u2066\u200f", "agnp.exe"},
		{"other scripts", "日本語 עברית 👩‍🍳", "日本語 עברית 👩‍🍳"},
		{"as long as may be", strings.Repeat("é", maxText), strings.Repeat("é", maxText)},
		{"longer", strings.Repeat("é", maxText+1), strings.Repeat("é", maxText) + "… (1 more character)"},
		{"a megabyte", strings.Repeat("x", 1<<20), strings.Repeat("x", maxText) + "… (1,048,336 more characters)"},
		{"cut before white space", strings.Repeat("x", maxText) + " yy", strings.Repeat("x", maxText) + "… (2 more characters)"},
		{"only white space follows", strings.Repeat("x", maxText) + " \n", strings.Repeat("x", maxText)},
	} {
		if got := plain(tt.text); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add(" a\x00\u202e\xff b ")
	f.Add(strings.Repeat("é ", maxText))
	f.Fuzz(func(t *testing.T, text string) {
		got := plain(text)
		if !utf8.ValidString(got) {
			t.Errorf("%q is not UTF-8", got)
		}
		if n := utf8.RuneCountInString(got); n > maxText+40 {
			t.Errorf("%d characters", n)
		}
		for _, r := range got {
			if unicode.IsControl(r) || turnsDirection(r) {
				t.Errorf("%q holds %U", got, r)
			}
		}
		if strings.Contains(got, "  ") || got != strings.TrimSpace(got) {
			t.Errorf("%q has stray spaces", got)
		}
	})
}

func TestNumbers(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{percent(0), "0 %"},
		{percent(1), "100 %"},
		{percent(0.00001), "< 0.01 %"},
		{percent(0.0013), "0.13 %"},
		{percent(0.0099), "0.99 %"},
		{percent(0.00999), "1.0 %"},
		{percent(0.0742), "7.4 %"},
		{percent(0.5), "50.0 %"},
		{percent(0.9796), "98.0 %"},
		{percent(0.99964), "99.96 %"},
		{percent(0.999999), "> 99.99 %"},
		{percent(math.NaN()), "–"},
		{percent(math.Inf(1)), "–"},
		{interval(0.0691, 0.0813), "6.9–8.1 %"},
		{interval(0.0052, 0.0123), "0.52–1.23 %"},
		{interval(0, 1), "0–100 %"},
		{times(0.856), "0.86"},
		{times(7.42), "7.4"},
		{times(1234.5), "1,235"},
		{times(1e300), "1,000,000,000,000,000"},
		{some(1, "key"), "1 key"},
		{some(0, "key"), "0 keys"},
		{some(5000, "key"), "5,000 keys"},
		{list(nil, "and"), ""},
		{list([]string{"a"}, "and"), "a"},
		{list([]string{"a", "b"}, "or"), "a or b"},
		{list([]string{"a", "b", "c"}, "and"), "a, b and c"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
