package embed

import (
	"cmp"
	"math"
	"slices"
	"strings"

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

// vocabulary chooses the terms that stand for texts, sorted, and their inverse
// document frequencies ln((n+1)/(df+½)). Without the 1 that is often added,
// phrases that a shop puts under every second item count little.
func vocabulary(documents [][]string) ([]string, []float64) {
	frequency := map[string]int{}
	for _, document := range documents {
		distinct := slices.Clone(document)
		slices.Sort(distinct)
		for _, term := range slices.Compact(distinct) {
			frequency[term]++
		}
	}
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
		idf[i] = math.Log((float64(len(documents)) + 1) / (float64(frequency[term]) + 0.5))
	}
	return chosen, idf
}

// tfidf returns the documents as rows of unit length over the vocabulary, with
// 1 + ln(count) as term frequency. Documents without a known term are zero.
func tfidf(documents [][]string, vocabulary []string, idf []float64) sparse {
	column := make(map[string]int32, len(vocabulary))
	for i, term := range vocabulary {
		column[term] = int32(i)
	}
	a := sparse{rows: len(documents), cols: len(vocabulary), start: make([]int, 1, len(documents)+1)}
	for _, document := range documents {
		var columns []int32
		for _, term := range document {
			if c, known := column[term]; known {
				columns = append(columns, c)
			}
		}
		slices.Sort(columns)
		first := len(a.value)
		for i := 0; i < len(columns); {
			same := i + 1
			for same < len(columns) && columns[same] == columns[i] {
				same++
			}
			a.index = append(a.index, columns[i])
			a.value = append(a.value, float32((1+math.Log(float64(same-i)))*idf[columns[i]]))
			i = same
		}
		kernel.Normalize(a.value[first:])
		a.start = append(a.start, len(a.value))
	}
	return a
}
