package embed

import (
	_ "embed"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Token is one word of a text, or one bigram of a script without spaces.
type Token struct {
	// Term is what equal words share: lower case, without a possessive or a
	// plural s, accents kept.
	Term string
	// Surface is the word as it stands in the text, after NFKC.
	Surface string
	// Gap tells that something which no phrase may span stands between this
	// token and the one before: punctuation, a number, the start of a line.
	Gap bool
	// Stop marks words that say nothing alone: function words, single letters.
	Stop bool
}

// longestToken is in runes; what is longer is a code or a URL, not a word.
const longestToken = 40

//go:embed stopwords.txt
var stopWordList string

var stopWords = func() map[string]bool {
	words := map[string]bool{}
	for _, word := range strings.Fields(stopWordList) {
		words[word] = true
	}
	return words
}()

// Tokenize cuts text into words: runs of letters, digits and marks, with
// apostrophes between letters, and with a hyphen after a single letter
// (t-light); other hyphens part words, but leave no gap. Text is brought to NFKC first. Words of digits alone are
// dropped, and so are years and codes with them. Chinese and Japanese, which
// have no spaces, become overlapping bigrams. Invalid UTF-8 separates words.
func Tokenize(text string) []Token {
	runes := []rune(norm.NFKC.String(strings.ToValidUTF8(text, " ")))
	var tokens []Token
	gap := true
	for i := 0; i < len(runes); {
		switch r := runes[i]; {
		case unspaced(r):
			// NFKC has composed the marks that matter; the others are skipped.
			var run []rune
			end := i
			for ; end < len(runes) && (unspaced(runes[end]) || unicode.IsMark(runes[end])); end++ {
				if unspaced(runes[end]) {
					run = append(run, runes[end])
				}
			}
			tokens = appendBigrams(tokens, run)
			gap = true
			i = end
		case wordRune(r):
			end := wordEnd(runes, i)
			if token, ok := newToken(runes[i:end]); ok {
				token.Gap = gap
				tokens = append(tokens, token)
				gap = false
			} else {
				gap = true
			}
			i = end
		default:
			gap = gap || r == '\n' || !unicode.IsSpace(r) && !linking(runes, i)
			i++
		}
	}
	return tokens
}

// wordEnd returns the end of the word that begins at start.
func wordEnd(runes []rune, start int) int {
	end := start + 1
	for end < len(runes) {
		r := runes[end]
		inside := end+1 < len(runes) && unicode.IsLetter(runes[end-1]) && unicode.IsLetter(runes[end+1]) && !unspaced(runes[end+1])
		switch {
		case wordRune(r):
		case apostrophe(r) && inside:
		case hyphen(r) && inside && end == start+1:
		default:
			return end
		}
		end++
	}
	return end
}

// linking tells whether runes[i] is a hyphen between two letters.
func linking(runes []rune, i int) bool {
	return hyphen(runes[i]) && i > 0 && i+1 < len(runes) && unicode.IsLetter(runes[i-1]) && unicode.IsLetter(runes[i+1])
}

func newToken(runes []rune) (Token, bool) {
	if len(runes) > longestToken {
		return Token{}, false
	}
	letters := 0
	for i, r := range runes {
		switch {
		case unicode.IsLetter(r):
			letters++
		case apostrophe(r):
			runes[i] = '\''
		case hyphen(r):
			runes[i] = '-'
		}
	}
	if letters == 0 {
		return Token{}, false
	}
	surface := string(runes)
	lower := strings.ToLower(surface)
	term := fold(lower)
	if !strings.ContainsFunc(term, unicode.IsLetter) {
		term = lower // a decade, such as 1940s
	}
	return Token{Term: term, Surface: surface, Stop: len(runes) == 1 || stopWords[lower]}, true
}

// fold drops a possessive and a plural s. It is crude on purpose: a term only
// has to bring forms of a word together, nobody reads it.
func fold(word string) string {
	word = strings.TrimSuffix(word, "'s")
	if len(word) < 4 || !strings.HasSuffix(word, "s") {
		return word
	}
	for _, keep := range [...]string{"ss", "us", "is", "'s", "-s"} {
		if strings.HasSuffix(word, keep) {
			return word
		}
	}
	if strings.HasSuffix(word, "ies") && len(word) > 4 {
		return strings.TrimSuffix(word, "ies") + "y"
	}
	for _, plural := range [...]string{"sses", "shes", "ches", "xes"} {
		if strings.HasSuffix(word, plural) {
			return strings.TrimSuffix(word, "es")
		}
	}
	return strings.TrimSuffix(word, "s")
}

// appendBigrams appends the overlapping pairs of a run of characters, or the
// one character that the run is.
func appendBigrams(tokens []Token, run []rune) []Token {
	if len(run) == 1 {
		return append(tokens, Token{Term: string(run), Surface: string(run), Gap: true})
	}
	for i := range len(run) - 1 {
		pair := string(run[i : i+2])
		tokens = append(tokens, Token{Term: pair, Surface: pair, Gap: true})
	}
	return tokens
}

func wordRune(r rune) bool {
	return r != utf8.RuneError && !unspaced(r) && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r))
}

// unspaced tells the scripts that do not put spaces between words.
func unspaced(r rune) bool {
	return r >= 0x2E80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

func apostrophe(r rune) bool { return r == '\'' || r == '’' || r == 'ʼ' }

func hyphen(r rune) bool { return r == '-' || r == '‐' || r == '‑' }
