package describe

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// spare is how many phrases beyond those of a description are ranked, to set
// it apart from others.
const spare = 15

// distinguish makes a description of n phrases from each cluster's ranked
// ones, unique among all. Where the first n are taken, further ones come in the
// place of the last; if all of them are taken, the cluster's number does, which
// counts from first. Those that are kept, unless empty, stay.
func distinguish(ranked [][]string, first, n int, kept []Description) []Description {
	var taken Taken
	for i, d := range kept {
		if d.Text != "" {
			taken.Take(i, d.Phrases)
			taken.Take(i, []string{d.Text})
		}
	}
	descriptions := make([]Description, len(ranked))
	for i, phrases := range ranked {
		if kept[i].Text != "" {
			descriptions[i] = kept[i]
			continue
		}
		phrases = withoutRepeats(phrases)
		attempt := 0
		for {
			try := variant(phrases, n, attempt, fmt.Sprintf("cluster %d", first+i))
			attempt++
			if !taken.Take(i, try) {
				continue
			}
			descriptions[i] = Description{Phrases: try, Text: strings.Join(try, ", ")}
			break
		}
	}
	return descriptions
}

// Taken are the descriptions that have an owner. The zero value is empty.
type Taken struct{ owner map[string]int }

// Take gives a description to an owner, unless another one has one that is
// alike: that has the same letters and digits but for accents and for the order
// of phrases, or the same words.
func (t *Taken) Take(owner int, phrases []string) bool {
	if t.owner == nil {
		t.owner = map[string]int{}
	}
	sequence, bag := identities(phrases)
	for _, identity := range []string{sequence, bag} {
		if other, taken := t.owner[identity]; taken && other != owner {
			return false
		}
	}
	t.owner[sequence], t.owner[bag] = owner, owner
	return true
}

// variant is what distinguish tries in turn: the first n phrases, then n−1 of
// them and each of the others, then n−1 of them and a name, which gets longer
// without end.
func variant(phrases []string, n, attempt int, name string) []string {
	others := max(len(phrases)-n, 0)
	switch {
	case attempt == 0 && len(phrases) > 0:
		return slices.Clone(phrases[:min(n, len(phrases))])
	case attempt >= 1 && attempt <= others:
		return append(slices.Clone(phrases[:n-1]), phrases[n+attempt-1])
	}
	if tail := attempt - others - 1; tail > 0 {
		name += " " + strings.Repeat("x", tail)
	}
	// The name goes first through the check for repeats, so that it stays.
	named := withoutRepeats(append([]string{name}, phrases[:min(n-1, len(phrases))]...))
	return append(named[1:], name)
}

// withoutRepeats leaves out phrases that contain an earlier one, or stand
// within it, letter by letter.
func withoutRepeats(phrases []string) []string {
	var kept, plain []string
	for _, phrase := range phrases {
		bare := squeeze(phrase)
		if slices.ContainsFunc(plain, func(other string) bool {
			return strings.Contains(bare, other) || strings.Contains(other, bare)
		}) {
			continue
		}
		kept, plain = append(kept, phrase), append(plain, bare)
	}
	return kept
}

// identities returns what is left of a description when all is lost that a
// careless copy loses: the phrases as letters and digits alone, without their
// order; and its words as a bag.
func identities(phrases []string) (sequence, bag string) {
	var bare, words []string
	for _, phrase := range phrases {
		bare = append(bare, squeeze(phrase))
		for _, word := range strings.FieldsFunc(phrase, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
		}) {
			words = append(words, squeeze(word))
		}
	}
	slices.Sort(bare)
	slices.Sort(words)
	return "phrases:" + strings.Join(bare, ","), "words:" + strings.Join(words, ",")
}

// squeeze lower-cases a text and keeps its letters and digits, without accents;
// where nothing is left, as it was.
func squeeze(text string) string {
	bare := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFKD.String(text))
	if bare == "" {
		return text
	}
	return bare
}
