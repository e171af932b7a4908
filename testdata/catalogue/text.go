package catalogue

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	noDescription = 0.03 // share of items without
	noCategory    = 0.04
	wrongCategory = 0.02

	// titleTries is how often a title is drawn anew before it gets a number.
	titleTries = 40
)

// writeTexts gives every item a title that no other has, a description and a
// category.
func (w *World) writeTexts(rng *rand.Rand) {
	used := make(map[string]bool, len(w.Items))
	for i := range w.Items {
		item, in := &w.Items[i], w.Truth.Interests[w.Truth.ItemInterest[i]]
		var f *form
		var v voice
		for range titleTries {
			f, v = &forms[rng.IntN(len(forms))], newVoice(in.words, in.theme, rng)
			item.Title = titleCase(v.say(choose(f.titles, rng)))
			if !used[item.Title] {
				break
			}
		}
		for base, n := item.Title, 2; used[item.Title]; n++ {
			item.Title = fmt.Sprintf("%s, No. %d", base, n)
		}
		used[item.Title] = true
		item.Description = f.describe(v, rng)
		item.Category = in.Theme
		switch u := rng.Float64(); {
		case u < noCategory:
			item.Category = ""
		case u < noCategory+wrongCategory:
			item.Category = themes[rng.IntN(len(themes))].name
		}
		if rng.Float64() < noDescription {
			item.Description = ""
		}
	}
}

// describe says two to three sentences: one to begin with, others to go on.
func (f *form) describe(v voice, rng *rand.Rand) string {
	out := sentence(v.say(choose(f.leads, rng)))
	more := rng.Perm(len(f.more))
	for _, i := range more[:1+rng.IntN(2)] {
		out += " " + sentence(v.say(f.more[i]))
	}
	return out
}

func choose(list []string, rng *rand.Rand) string { return list[rng.IntN(len(list))] }

// voice says templates in the words of one item: its slots keep their words,
// so that title and description speak of the same things.
type voice map[string]string

func newVoice(l *lexicon, t *theme, rng *rand.Rand) voice {
	v := voice{
		"name":    l.name,
		"who":     l.who,
		"brand":   choose(t.brands, rng),
		"setting": choose(t.settings, rng),
		"number":  choose(numbers, rng),
	}
	v.fill("gear", l.gear, rng)
	v.fill("topic", l.topics, rng)
	v.fill("doing", l.doings, rng)
	v.fill("adjective", l.adjectives, rng)
	return v
}

// fill sets slot, slot2, slot3 and slot4 to different words.
func (v voice) fill(slot string, words []string, rng *rand.Rand) {
	order := rng.Perm(len(words))
	v[slot], v[slot+"2"], v[slot+"3"], v[slot+"4"] = words[order[0]], words[order[1]], words[order[2]], words[order[3]]
}

// say fills in the slots of a template: {slot}, or {a slot} for the words with
// an indefinite article.
func (v voice) say(template string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		slot, after, _ := strings.Cut(rest, "}")
		if bare, ok := strings.CutPrefix(slot, "a "); ok {
			// "a adjective gear" is an article before both.
			words := make([]string, 0, 2)
			for name := range strings.SplitSeq(bare, " ") {
				words = append(words, v[name])
			}
			phrase := strings.Join(words, " ")
			out.WriteString(article(phrase) + " " + phrase)
		} else {
			out.WriteString(v[slot])
		}
		template = after
	}
}

// article is "a" or "an", by how the phrase is spoken.
func article(phrase string) string {
	for _, spoken := range []struct{ prefix, article string }{
		{"uni", "a"}, {"use", "a"}, {"uku", "a"}, {"US", "a"}, {"UPS", "a"}, {"eu", "a"}, {"one-", "a"}, {"NAS", "a"},
		{"hour", "an"}, {"heir", "an"}, {"8", "an"}, {"18", "an"},
		{"FPV", "an"}, {"FIE", "an"}, {"HF", "an"}, {"LED", "an"}, {"LiPo", "a"}, {"MIDI", "a"}, {"N3", "an"}, {"SATB", "an"}, {"SWR", "an"},
	} {
		if strings.HasPrefix(phrase, spoken.prefix) {
			return spoken.article
		}
	}
	first, _ := utf8.DecodeRuneInString(phrase)
	if strings.ContainsRune("aeiouéAEIOUÉ", first) {
		return "an"
	}
	return "a"
}

// sentence begins with a capital, but for words such as pH.
func sentence(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if second, _ := utf8.DecodeRuneInString(s[size:]); unicode.IsUpper(second) {
		return s
	}
	return string(unicode.ToUpper(first)) + s[size:]
}

// titleCase begins every word with a capital but the small ones inside.
func titleCase(s string) string {
	words := strings.Split(s, " ")
	for i, word := range words {
		inside := i > 0 && !strings.HasSuffix(words[i-1], ":") && !strings.HasSuffix(words[i-1], "?")
		if !inside || !smallWords[word] {
			words[i] = sentence(word)
		}
	}
	return strings.Join(words, " ")
}

var smallWords = map[string]bool{
	"a": true, "an": true, "and": true, "as": true, "at": true, "by": true, "for": true, "from": true, "in": true, "of": true,
	"off": true, "on": true, "or": true, "the": true, "to": true, "with": true,
}
