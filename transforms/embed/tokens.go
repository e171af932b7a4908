package embed

import (
	_ "embed"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Token is one word of a text, or one unit of a script without spaces: a
// character, or a run of Katakana, which writes whole words.
type Token struct {
	// Term is what equal words share: lower case, without a possessive or a
	// plural s, accents kept.
	Term string
	// Surface is the word as it stands in the text, after NFKC.
	Surface string
	// Gap tells that something which no phrase may span stands between this
	// token and the one before: punctuation, a number, the start of a line, the
	// border of a run without spaces.
	Gap bool
	// Glued tells that no space stands between this token and the one before,
	// since both are of a run without spaces.
	Glued bool
	// Stop marks words that say nothing alone, and that no phrase begins or ends
	// with: function words, single letters; in a run without spaces, particles.
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
// (t-light); other hyphens part words, but leave no gap. Text is brought to
// NFKC first. Words of digits alone are dropped, and so are years and codes
// with them. Chinese and Japanese, which have no spaces, become runs of
// characters, with the words of other scripts that stand among them. Invalid
// UTF-8 separates words.
func Tokenize(text string) []Token {
	runes := []rune(norm.NFKC.String(strings.ToValidUTF8(text, " ")))
	var tokens []Token
	gap := true
	// behind says that the run which ends with the last token goes on here;
	// written that this run has a character of a script without spaces.
	behind, written := false, false
	add := func(token Token, unit bool) {
		if behind && (written || unit) {
			if !written {
				first := &tokens[len(tokens)-1]
				first.Gap, first.Stop = true, false
			}
			token.Gap, token.Glued, written = false, true, true
			token.Stop = token.Stop && unit
		} else {
			token.Gap = gap || unit || written
			written = unit
		}
		tokens = append(tokens, token)
		gap, behind = false, true
	}
	for i := 0; i < len(runes); {
		switch r := runes[i]; {
		case unspaced(r):
			unit, end := unitAt(runes, i)
			add(Token{Term: strings.ToLower(unit), Surface: unit, Stop: particle(runes, i)}, true)
			i = end
		case wordRune(r):
			end := wordEnd(runes, i)
			if token, ok := newToken(runes[i:end]); ok {
				add(token, false)
			} else {
				gap, behind = true, false
			}
			i = end
		default:
			gap = gap || r == '\n' || !unicode.IsSpace(r) && !linking(runes, i)
			behind = false
			i++
		}
	}
	return tokens
}

// unitAt returns the unit of a script without spaces that begins at start, and
// its end. NFKC has composed the marks that matter; others are skipped.
func unitAt(runes []rune, start int) (string, int) {
	unit := []rune{runes[start]}
	end := start + 1
	for ; end < len(runes); end++ {
		switch r := runes[end]; {
		case katakana(runes[start]) && katakana(r) && len(unit) < longestToken:
			unit = append(unit, r)
		case unicode.IsMark(r):
		default:
			return string(unit), end
		}
	}
	return string(unit), end
}

// particles join what stands around them when they stand alone: the of, and,
// to and by of Japanese, and of Chinese.
const particles = "のとはがをにでへも的"

// particle tells whether runes[i] joins words and is no part of one: of
// Hiragana, if it stands between other scripts.
func particle(runes []rune, i int) bool {
	beside := func(j int) bool { return j >= 0 && j < len(runes) && unicode.Is(unicode.Hiragana, runes[j]) }
	return strings.ContainsRune(particles, runes[i]) && !(beside(i) && (beside(i-1) || beside(i+1)))
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

func wordRune(r rune) bool {
	return r != utf8.RuneError && !unspaced(r) && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r))
}

// unspaced tells the scripts that do not put spaces between words.
func unspaced(r rune) bool {
	return r >= 0x2E80 && (katakana(r) || unicode.In(r, unicode.Han, unicode.Hiragana))
}

// longVowel lengthens the vowel before it, in words of Katakana.
const longVowel = 'ー'

func katakana(r rune) bool { return r == longVowel || r >= 0x2E80 && unicode.Is(unicode.Katakana, r) }

func apostrophe(r rune) bool { return r == '\'' || r == '’' || r == 'ʼ' }

func hyphen(r rune) bool { return r == '-' || r == '‐' || r == '‑' }
