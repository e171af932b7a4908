package embed

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"foray/transforms/kernel"
)

const (
	// largestVocabulary bounds the model that is stored; the most frequent
	// terms stay.
	largestVocabulary = 1 << 16
	// minDocuments: a term of a single item brings no two items together.
	minDocuments = 2
)

// Terms returns the words of a text and the pairs of neighbouring words, as
// often as they occur, without stop words; of a run without spaces, the pairs
// of neighbouring characters, which need no dictionary, and the words of other
// scripts in it.
func Terms(text string) []string {
	var found []string
	tokens := Tokenize(text)
	before := ""
	for i := 0; i < len(tokens); {
		if end := RunEnd(tokens, i); end > i {
			found = appendBigrams(found, tokens[i:end])
			before = ""
			i = end
			continue
		}
		token := tokens[i]
		i++
		if token.Stop {
			before = ""
			continue
		}
		found = append(found, token.Term)
		if before != "" && !token.Gap {
			found = append(found, before+" "+token.Term)
		}
		before = token.Term
	}
	return found
}

// RunEnd returns the end of the run without spaces that begins with tokens[i];
// i, if none does.
func RunEnd(tokens []Token, i int) int {
	end := i + 1
	for end < len(tokens) && tokens[end].Glued {
		end++
	}
	if end == i+1 && !strings.ContainsFunc(tokens[i].Term, unspaced) {
		return i
	}
	return end
}

// appendBigrams appends the words of a run without spaces, and the overlapping
// pairs of its characters, or the one character that stands alone.
func appendBigrams(found []string, run []Token) []string {
	var characters []rune
	flush := func() {
		if len(characters) == 1 {
			found = append(found, string(characters))
		}
		for i := range max(len(characters)-1, 0) {
			found = append(found, string(characters[i:i+2]))
		}
		characters = characters[:0]
	}
	for _, token := range run {
		if strings.ContainsFunc(token.Term, unspaced) {
			characters = append(characters, []rune(token.Term)...)
			continue
		}
		flush()
		if !token.Stop {
			found = append(found, token.Term)
		}
	}
	flush()
	return found
}

// eachDocument calls use with the distinct terms, sorted, of every text and how
// often each occurs, in the order of texts. No more than some thousand documents
// are held.
func eachDocument(texts []string, use func(terms []string, counts []int32)) {
	type document struct {
		terms  []string
		counts []int32
	}
	documents := make([]document, min(len(texts), 1<<14))
	for first := 0; first < len(texts); first += len(documents) {
		n := min(len(documents), len(texts)-first)
		kernel.Parallel(n, 256, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				all := Terms(texts[first+i])
				slices.Sort(all)
				d := document{terms: all[:0]}
				for _, term := range all {
					if last := len(d.terms) - 1; last >= 0 && d.terms[last] == term {
						d.counts[last]++
						continue
					}
					d.terms, d.counts = append(d.terms, term), append(d.counts, 1)
				}
				documents[i] = d
			}
		})
		for _, d := range documents[:n] {
			use(d.terms, d.counts)
		}
	}
}

// repeated tells which terms may stand in two texts or more: all that do, and
// a few others. Most pairs of words of a large catalogue stand in one, and to
// count each by name would take more memory than all else.
func repeated(texts []string) func(term string) bool {
	seen := make([]uint8, 1<<bits.Len(uint(min(64*len(texts), 1<<26)))) // once, more often
	place := func(term string) *uint8 { return &seen[xxhash.Sum64String(term)&uint64(len(seen)-1)] }
	eachDocument(texts, func(terms []string, _ []int32) {
		for _, term := range terms {
			if at := place(term); *at < minDocuments {
				*at++
			}
		}
	})
	return func(term string) bool { return *place(term) >= minDocuments }
}

// vocabulary chooses the terms that stand for texts, sorted, and their inverse
// document frequencies ln((n+1)/(df+½)). Without the 1 that is often added,
// phrases that a shop puts under every second item count little.
func vocabulary(texts []string) ([]string, []float64) {
	maybe := repeated(texts)
	frequency := map[string]int{}
	eachDocument(texts, func(terms []string, _ []int32) {
		for _, term := range terms {
			if maybe(term) {
				frequency[term]++
			}
		}
	})
	var chosen []string
	for term, documents := range frequency {
		if documents >= minDocuments {
			chosen = append(chosen, term)
		}
	}
	slices.SortFunc(chosen, func(a, b string) int {
		return cmp.Or(cmp.Compare(frequency[b], frequency[a]), cmp.Compare(a, b))
	})
	chosen = slices.Clone(chosen[:min(len(chosen), largestVocabulary)])
	slices.Sort(chosen)
	idf := make([]float64, len(chosen))
	for i, term := range chosen {
		idf[i] = math.Log((float64(len(texts)) + 1) / (float64(frequency[term]) + 0.5))
	}
	return chosen, idf
}

// tfidf returns the texts as rows of unit length over the vocabulary, with
// 1 + ln(count) as term frequency. Texts without a known term are zero.
func tfidf(texts, vocabulary []string, idf []float64) sparse {
	column := make(map[string]int32, len(vocabulary))
	for i, term := range vocabulary {
		column[term] = int32(i)
	}
	a := sparse{rows: len(texts), cols: len(vocabulary), start: make([]int, 1, len(texts)+1)}
	eachDocument(texts, func(terms []string, counts []int32) {
		first := len(a.value)
		// The vocabulary is sorted as the terms are, so columns ascend.
		for i, term := range terms {
			if c, known := column[term]; known {
				a.index = append(a.index, c)
				a.value = append(a.value, float32((1+math.Log(float64(counts[i])))*idf[c]))
			}
		}
		kernel.Normalize(a.value[first:])
		a.start = append(a.start, len(a.value))
	})
	return a
}
