package curation

import (
	"math"
	"slices"
)

// spread says how evenly examples stand over labels.
type spread struct {
	examples, labels int // labels that have any
	entropy          float64
	gini             float64
}

// spreadOf counts the labels of examples.
//
//	entropy  −Σ p log₂ p, in bits: log₂ of the number of labels if all are equal
//	gini     Σ_i (2i − n − 1) x_i ÷ (n Σ x), x ascending, over all n labels, also those without examples: 0 if all are equal
func spreadOf(counts []int64) spread {
	var s spread
	sorted := slices.Sorted(slices.Values(counts))
	sum, weighted := 0.0, 0.0
	for i, x := range sorted {
		s.examples += int(x)
		sum += float64(x)
		weighted += float64(2*(i+1)-len(sorted)-1) * float64(x)
	}
	if sum == 0 {
		return s
	}
	for _, x := range sorted {
		if x > 0 {
			s.labels++
			p := float64(x) / sum
			s.entropy -= p * math.Log2(p)
		}
	}
	s.gini = weighted / (float64(len(sorted)) * sum)
	return s
}
