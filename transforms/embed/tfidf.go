package embed

import (
	"cmp"
	"math"
	"slices"

	"foray/transforms/kernel"
)

const (
	// largestVocabulary bounds the model that is stored; the most frequent
	// terms stay.
	largestVocabulary = 1 << 16
	// minDocuments: a term of a single item brings no two items together.
	minDocuments = 2
)

// terms returns the words of a text and the pairs of neighbouring words, as
// often as they occur, without stop words.
func terms(text string) []string {
	var found []string
	before := ""
	for _, token := range Tokenize(text) {
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
