package describe

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"foray/transforms/embed"
	"foray/transforms/kernel"
)

const (
	// longestPhrase is in words.
	longestPhrase = 3
	// mostTokens of a text are read; what is telling stands at its beginning.
	mostTokens = 300
)

// corpus is what the texts of all items consist of. Phrases are numbered in
// the order of their keys.
type corpus struct {
	// key of each phrase: its terms, joined by spaces; surface: the form in
	// which most items have it.
	key, surface []string
	// documents is the number of items that have the phrase.
	documents []int
	// items has the phrases of each item, ascending.
	items [][]int32
}

// phrase is one occurrence of a phrase in a text.
type phrase struct {
	key, surface string
	opening      bool // the longest that the text begins with
}

// read collects the phrases of all texts that may stand in a description. Of
// those of several words that only one item has, it takes openings alone: a
// name, such as a film's, may be all that a text has to say.
func read(texts []string) *corpus {
	found := make([][]phrase, len(texts))
	kernel.Parallel(len(texts), 256, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			found[i] = phrasesOf(texts[i])
		}
	})
	documents, opening := map[string]int{}, map[string]bool{}
	for _, phrases := range found {
		for _, p := range phrases {
			documents[p.key]++
			opening[p.key] = opening[p.key] || p.opening
		}
	}
	c := &corpus{items: make([][]int32, len(texts))}
	bound := bindings(documents)
	for key, n := range documents {
		words := strings.Fields(key)
		if len(words) == 1 || n == 1 && opening[key] || n > 1 && bound.whole(words, documents) {
			c.key = append(c.key, key)
		}
	}
	slices.Sort(c.key)
	number := make(map[string]int32, len(c.key))
	forms := make([]map[string]int, len(c.key))
	c.documents = make([]int, len(c.key))
	for i, key := range c.key {
		number[key] = int32(i)
		forms[i] = map[string]int{}
		c.documents[i] = documents[key]
	}
	for i, phrases := range found {
		for _, p := range phrases {
			if n, kept := number[p.key]; kept {
				c.items[i] = append(c.items[i], n)
				forms[n][p.surface]++
			}
		}
		slices.Sort(c.items[i])
	}
	c.surface = make([]string, len(c.key))
	for i, counts := range forms {
		for form, n := range counts {
			best := c.surface[i]
			if best == "" || cmp.Or(cmp.Compare(n, counts[best]), cmp.Compare(best, form)) > 0 {
				c.surface[i] = form
			}
		}
	}
	return c
}

// phrasesOf returns the distinct runs of one to three words of a text that span
// no gap and neither begin nor end with a stop word.
func phrasesOf(text string) []phrase {
	tokens := embed.Tokenize(calm(text))
	tokens = tokens[:min(len(tokens), mostTokens)]
	var phrases []phrase
	seen := map[string]bool{}
	opening := -1
	for i, first := range tokens {
		if first.Stop {
			continue
		}
		p := phrase{key: first.Term, surface: first.Surface}
		opens := len(phrases) == 0
		for j := i; ; {
			if !tokens[j].Stop && !seen[p.key] {
				seen[p.key] = true
				if opens {
					opening = len(phrases)
				}
				phrases = append(phrases, p)
			}
			if j++; j == len(tokens) || j == i+longestPhrase || tokens[j].Gap {
				break
			}
			p.key += " " + tokens[j].Term
			p.surface += " " + tokens[j].Surface
		}
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
