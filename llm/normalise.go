package llm

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	// marker stands before the cluster in an answer.
	marker = "new cluster:"
	// endOfThought ends what reasoning models say to themselves.
	endOfThought = "</think>"
)

// answerLine is the line of an answer that names the cluster.
func answerLine(answer string) string {
	answer = afterThought(answer)
	return firstLine(answer[afterMarker(answer):])
}

// afterThought is an answer without what a model said to itself.
func afterThought(answer string) string {
	if i := strings.LastIndex(answer, endOfThought); i >= 0 {
		return answer[i+len(endOfThought):]
	}
	return answer
}

// afterMarker is where the text behind the last marker begins that has text
// behind it; 0 if there is none.
func afterMarker(answer string) int {
	end := len(strings.TrimRightFunc(answer, unicode.IsSpace))
	for i := strings.LastIndexByte(answer[:end], ':'); i >= 0; i = strings.LastIndexByte(answer[:i], ':') {
		start := i + 1 - len(marker)
		if start >= 0 && i+1 < end && strings.EqualFold(answer[start:i+1], marker) {
			return i + 1
		}
	}
	return 0
}

// firstLine is the first line with more than spaces in it, trimmed.
func firstLine(text string) string {
	text = strings.TrimLeftFunc(text, unicode.IsSpace)
	if i := strings.IndexAny(text, "\r\n"); i >= 0 {
		text = text[:i]
	}
	return strings.TrimRightFunc(text, unicode.IsSpace)
}

// normalise maps descriptions that differ only in case, Unicode form (NFKC),
// spaces, punctuation or the order of phrases to one text. Symbols such as +
// and $ stay, so that "c" is not "c++".
func normalise(description string) string {
	// Folding may leave a text that is not NFKC: compose again.
	text := norm.NFKC.String(strings.Map(oneCherokee, cases.Fold().String(norm.NFKC.String(description))))
	phrases := strings.FieldsFunc(text, isPhraseEnd)
	kept := phrases[:0]
	for _, p := range phrases {
		if p = strings.Join(strings.FieldsFunc(strings.Map(dropApostrophe, p), isWordEnd), " "); p != "" {
			kept = append(kept, p)
		}
	}
	slices.Sort(kept)
	return strings.Join(kept, ",")
}

// oneCherokee makes one letter of the two cases of a Cherokee one, which
// cases.Fold swaps.
func oneCherokee(r rune) rune {
	if unicode.Is(unicode.Cherokee, r) {
		return unicode.ToUpper(r)
	}
	return r
}

func isPhraseEnd(r rune) bool {
	switch r {
	case ',', ';', '|', '\u3001', '\u2022', '\u060c':
		return true
	}
	return false
}

// dropApostrophe makes one word of "women's", whichever apostrophe it has.
func dropApostrophe(r rune) rune {
	switch r {
	case '\'', '\u2018', '\u2019', '\u02bc':
		return -1
	}
	return r
}

func isWordEnd(r rune) bool {
	return !unicode.In(r, unicode.L, unicode.N, unicode.M, unicode.Sm, unicode.Sc, unicode.So)
}
