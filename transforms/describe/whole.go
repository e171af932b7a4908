package describe

import "strings"

const (
	// bindingShare of a word's items have it next to the same other word if the
	// two are bound: steady is, to state.
	bindingShare = 0.6
	// stopCohesion is the least n²/(a·b) of a phrase that n items have around a
	// stop word, with a and b items that have its first and its last word. Names
	// (Charlie and Lola) are near 1; what sellers say of everything (models for
	// rowing) is far below.
	stopCohesion = 0.1
)

// boundWords are the words, and runs without spaces, that nearly always stand
// before, or after, the same other word or character: a phrase that ends, or
// begins, with one has been cut short.
type boundWords struct{ ahead, behind map[string]bool }

func bindings(v *vocabulary) boundWords {
	bound := boundWords{map[string]bool{}, map[string]bool{}}
	for i, key := range v.key {
		n := v.documents[i]
		if n < 2 || isWord(key) {
			continue
		}
		var first, last string // what stands before the last and behind the first term
		if i := strings.LastIndex(key, glue); i >= 0 {
			first, last = key[:i], key[strings.Index(key, glue)+len(glue):]
		} else if words := termsOf(key); len(words) == 2 {
			first, last = words[0], words[1]
		} else {
			continue
		}
		if float64(n) >= bindingShare*float64(v.in(first)) {
			bound.ahead[first] = true
		}
		if float64(n) >= bindingShare*float64(v.in(last)) {
			bound.behind[last] = true
		}
	}
	return bound
}

// whole tells whether a phrase of several terms can stand alone: it is not cut
// out of a longer one, nor held together by a stop word only. The longest
// phrases, than which there is nothing longer, may be cut on one side.
// Stop words are not in the vocabulary.
func (b boundWords) whole(key string, v *vocabulary) bool {
	terms := termsOf(key)
	if strings.Contains(key, glue) {
		before, after := b.behind[key], b.ahead[key]
		return !before && !after && len(terms) <= longestRun || !(before && after) && len(terms) == longestRun
	}
	first, last := terms[0], terms[len(terms)-1]
	before, after := b.behind[first], b.ahead[last]
	if len(terms) == 2 {
		return !before && !after
	}
	if v.in(terms[1]) > 0 {
		return !before || !after
	}
	n := float64(v.in(key))
	return !before && !after && n*n >= stopCohesion*float64(v.in(first))*float64(v.in(last))
}
