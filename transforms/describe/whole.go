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

// boundWords are the words that nearly always stand before, or after, the same
// other word: a phrase that ends, or begins, with one has been cut short.
type boundWords struct{ ahead, behind map[string]bool }

func bindings(documents map[string]int) boundWords {
	bound := boundWords{map[string]bool{}, map[string]bool{}}
	for key, n := range documents {
		first, second, pair := strings.Cut(key, " ")
		if !pair || n < 2 || strings.Contains(second, " ") {
			continue
		}
		if float64(n) >= bindingShare*float64(documents[first]) {
			bound.ahead[first] = true
		}
		if float64(n) >= bindingShare*float64(documents[second]) {
			bound.behind[second] = true
		}
	}
	return bound
}

// whole tells whether a phrase of two or three words can stand alone: it is
// not cut out of a longer one, nor held together by a stop word only. Three
// words, than which there is nothing longer, may be cut on one side.
// documents counts the items of each phrase; stop words are not counted.
func (b boundWords) whole(words []string, documents map[string]int) bool {
	first, last := words[0], words[len(words)-1]
	before, after := b.behind[first], b.ahead[last]
	if len(words) == 2 {
		return !before && !after
	}
	if documents[words[1]] > 0 {
		return !before || !after
	}
	n := float64(documents[strings.Join(words, " ")])
	return !before && !after && n*n >= stopCohesion*float64(documents[first])*float64(documents[last])
}
