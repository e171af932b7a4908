package fields

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "",
		"The Kid (1921)":          "The Kid (1921)",
		"  a \t b\r\n\x00c\u00a0": "a b c",
		"\ufeffid\u200b":          "id",
		"Fantômas 日本":             "Fantômas 日本",
		"   ":                     "",
	} {
		if got, err := Text([]byte(in)); err != nil || got != want {
			t.Errorf("%q: got %q and %v, want %q", in, got, err, want)
		}
	}
	_, err := Text([]byte("Caf\xe9"))
	if want := `the text "Caf\xe9" is not UTF-8 (byte 4 is 0xe9): convert the file`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestJoinTexts(t *testing.T) {
	got, err := JoinTexts([][]byte{[]byte(" a  b"), nil, []byte(" "), []byte("c")})
	if err != nil || got != "a b\nc" {
		t.Errorf("got %q and %v", got, err)
	}
	if got, err := JoinTexts(nil); err != nil || got != "" {
		t.Errorf("nothing: got %q and %v", got, err)
	}
	if _, err := JoinTexts([][]byte{[]byte("a"), {0xff}}); err == nil {
		t.Error("text that is not UTF-8 is joined")
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":                             `""`,
		"abc":                          `"abc"`,
		"a\n\x00\xff\u200b":            `"a\n\x00\xff\u200b"`,
		`5" nails`:                     "`5\" nails`",
		"a\t\"b":                       `"a\t\"b"`,
		strings.Repeat("é", 60):        `"` + strings.Repeat("é", 60) + `"`,
		strings.Repeat("é", 61):        `"` + strings.Repeat("é", 60) + `…"`,
		`"` + strings.Repeat("x", 100): "`\"" + strings.Repeat("x", 59) + "…`",
	} {
		if got := Quote(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
		if got := Quote([]byte(in)); got != want {
			t.Errorf("%q as bytes: got %s, want %s", in, got, want)
		}
	}
}

// FuzzText holds that cleaned text stays as it is when it is cleaned again,
// and that what messages show is short and printable.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"a  b", "\x00\u200b", "Caf\xe9", " x", "`\"\t"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		shown := Quote(in)
		if !utf8.ValidString(shown) || strings.ContainsAny(shown, "\n\r\t\x00\x1b") || utf8.RuneCountInString(shown) > 10*quoteRunes+3 {
			t.Errorf("%q is shown as %s", in, shown)
		}
		text, err := Text([]byte(in))
		if (err == nil) != utf8.ValidString(in) {
			t.Fatalf("%q: got %v", in, err)
		}
		if err != nil {
			return
		}
		if again, err := Text([]byte(text)); err != nil || again != text || strings.TrimSpace(text) != text || strings.Contains(text, "  ") {
			t.Errorf("%q becomes %q, then %q and %v", in, text, again, err)
		}
		kept := func(s string) string {
			return strings.Map(func(r rune) rune {
				if isBlank(r) {
					return -1
				}
				return r
			}, s)
		}
		if kept(text) != kept(in) {
			t.Errorf("%q becomes %q", in, text)
		}
	})
}
