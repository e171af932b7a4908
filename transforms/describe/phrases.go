package describe

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"foray/transforms/embed"
)

const (
	// longestPhrase is in words, longestRun, of scripts without spaces, in units
	// (see embed.Token): words of such scripts have two characters or so.
	longestPhrase = 3
	longestRun    = 8
	// mostTokens of a text are read; what is telling stands at its beginning.
	mostTokens = 300
)

// phrase is one occurrence of a phrase in a text.
type phrase struct {
	key, surface string
	opening      bool // the longest that the text begins with
}

// glue stands between the terms of a key in a script without spaces.
const glue = "\u200b"

// termsOf are the terms of a key, in order.
func termsOf(key string) []string {
	if strings.Contains(key, glue) {
		return strings.Split(key, glue)
	}
	return strings.Split(key, " ")
}

// isWord tells whether a key is of one term.
func isWord(key string) bool { return !strings.ContainsAny(key, " "+glue) }

// wordsIn is how many words a key is long: of a script without spaces about
// half as many as it has terms.
func wordsIn(key string) int {
	n := len(termsOf(key))
	if strings.Contains(key, glue) {
		n = (n + 1) / 2
	}
	return n
}

// phrasesOf returns the distinct phrases of a text: runs of one to three words
// that span no gap, and of up to longestRun units within a run without spaces.
// None begins or ends with a stop word.
func phrasesOf(text string) []phrase {
	tokens := embed.Tokenize(calm(text))
	tokens = tokens[:min(len(tokens), mostTokens)]
	var phrases []phrase
	seen := map[string]bool{}
	opening := -1
	// from adds the phrases that begin with the first token, one a length.
	from := func(tokens []embed.Token, separator, between string, shortest int) {
		first := tokens[0]
		if first.Stop {
			return
		}
		p := phrase{key: first.Term, surface: first.Surface}
		opens := len(phrases) == 0
		for j, token := range tokens {
			if j > 0 {
				p.key += separator + token.Term
				p.surface += between + token.Surface
			}
			if token.Stop || j+1 < shortest || seen[p.key] {
				continue
			}
			seen[p.key] = true
			if opens && j < longestRun {
				opening = len(phrases)
			}
			phrases = append(phrases, p)
		}
	}
	for i := 0; i < len(tokens); {
		if end := embed.RunEnd(tokens, i); end > i {
			run := tokens[i:end]
			for j := range run {
				shortest := 1
				if len(run) > 1 && utf8.RuneCountInString(run[j].Term) == 1 {
					shortest = 2 // a character is no word, unless it stands alone
				}
				// One more than phrases have, to find out which are cut short.
				from(run[j:min(j+longestRun+1, len(run))], glue, "", shortest)
			}
			i = end
			continue
		}
		end := i + 1
		for end < len(tokens) && end < i+longestPhrase && !tokens[end].Gap {
			end++
		}
		from(tokens[i:end], " ", " ", 1)
		i++
	}
	if opening >= 0 {
		phrases[opening].opening = true
	}
	return phrases
}

// calm lower-cases each line that is in capitals but for a few letters (such as
// those of a size), since a catalogue that shouts should not make its
// descriptions shout.
func calm(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		capitals, small := 0, 0
		for _, r := range line {
			switch {
			case unicode.IsUpper(r):
				capitals++
			case unicode.IsLower(r):
				small++
			}
		}
		if capitals > 1 && capitals > 3*small {
			lines[i] = strings.ToLower(line)
		}
	}
	return strings.Join(lines, "\n")
}
