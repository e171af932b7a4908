package embed

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestTokenize(t *testing.T) {
	for _, test := range []struct {
		text  string
		terms string // of the tokens; | marks a gap, + no space, * a stop word
	}{
		{"", ""},
		{"The Dark Knight (2008)", "|the* dark knight"},
		{"WHITE HANGING HEART T-LIGHT HOLDER", "|white hanging heart t-light holder"},
		{"Amélie", "|amélie"},
		{"Ame\u0301lie", "|amélie"},
		{"Howl's Moving Castles", "|howl moving castle"},
		{"Headin’ Home", "|headin |home"},
		{"set of 6 cherries, boxes", "|set of* |cherry |box"},
		{"Sci-Fi step-by-step - end-", "|sci fi step by* step |end"},
		{"1940s 20x30 2008 12", "|1940s 20x30"},
		{"ＦＵＬＬ width", "|full width"},
		{"千と千尋の神隠し", "|千 +と* +千 +尋 +の* +神 +隠 +し"},
		{"猫 cat", "|猫 |cat"},
		{"an iPhone猫 a", "|an* |iphone +猫 |a*"},
		{"コーヒーメーカー、とうもろこし", "|コーヒーメーカー |と +う +も +ろ +こ +し"},
		{"ﾃｨｰｶｯﾌﾟ 日々", "|ティーカップ |日 +々"},
		{"不锈钢的保温杯500ml 2个", "|不 +锈 +钢 +的* +保 +温 +杯 +500ml |个"},
		{"Tシャツ", "|t +シャツ"},
		{"Ёлка новый год", "|ёлка новый год"},
		{"one\ntwo\tthree", "|one |two three"},
		{"a\xffb", "|a* b*"},
		{"gas bus glass this", "|gas bus glass this*"},
		{strings.Repeat("x", 41) + " y2", "|y2"},
	} {
		var got []string
		for _, token := range Tokenize(test.text) {
			term := token.Term
			if token.Gap {
				term = "|" + term
			}
			if token.Glued {
				term = "+" + term
			}
			if token.Stop {
				term += "*"
			}
			got = append(got, term)
		}
		if joined := strings.Join(got, " "); joined != test.terms {
			t.Errorf("Tokenize(%q) = %q, want %q", test.text, joined, test.terms)
		}
	}
}

func TestTokenizeKeepsTheSurface(t *testing.T) {
	var got []string
	for _, token := range Tokenize("Lovebird’s HOUSES") {
		got = append(got, token.Surface)
	}
	if want := []string{"Lovebird's", "HOUSES"}; !slices.Equal(got, want) {
		t.Errorf("surfaces %q, want %q", got, want)
	}
}

func TestTermsOfRunsWithoutSpaces(t *testing.T) {
	for text, want := range map[string]string{
		"コーヒー豆":      "コー|ーヒ|ヒー|ー豆",
		"USB充电器 猫":   "usb|充电|电器|猫",
		"千と千尋":       "千と|と千|千尋",
		"red 猫 lamp": "red|猫|lamp",
		"Tシャツ":       "t|シャ|ャツ",
	} {
		if got := strings.Join(Terms(text), "|"); got != want {
			t.Errorf("Terms(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzTokenize(f *testing.F) {
	for _, seed := range []string{"", "The Kid (1921)", "T-LIGHT's", "神隠し ﬁne", "a\xffb", "ŉ's", "́x", "コーヒー豆の香り", "ｶﾞﾗｽ盃x", "İstanbul's ss"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tokens := Tokenize(text)
		if len(tokens) > 0 && !tokens[0].Gap {
			t.Errorf("the first token of %q has no gap before it", text)
		}
		for _, token := range tokens {
			if token.Gap && token.Glued {
				t.Fatalf("token %+v of %q is glued across a gap", token, text)
			}
			if token.Term == "" || token.Surface == "" || !utf8.ValidString(token.Term) {
				t.Fatalf("bad token %+v of %q", token, text)
			}
			if strings.ContainsFunc(token.Surface, func(r rune) bool { return unicode.IsSpace(r) || r == ',' }) {
				t.Fatalf("token %+v of %q has a space or a comma", token, text)
			}
			if !strings.ContainsFunc(token.Term, unicode.IsLetter) && !strings.ContainsFunc(token.Term, unspaced) {
				t.Fatalf("token %+v of %q has no letter", token, text)
			}
		}
		// Canonically equal texts have equal tokens.
		if valid := strings.ToValidUTF8(text, " "); !slices.Equal(tokens, Tokenize(norm.NFD.String(valid))) {
			t.Fatalf("tokens of %q change with NFD", text)
		}
	})
}
