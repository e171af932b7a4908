package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"foray/transforms/kernel"
)

// worth is what an assignment is judged by.
type worth struct {
	Name string `json:"name"`
	// Cosine is the mean cosine of items and the mean direction of their
	// cluster, both by weight; Clipped the same with weights clipped at half a
	// mean cluster, Plain with weights all alike.
	Cosine, Clipped, Plain float64
	// Heaviest is the largest load ÷ the mean, HeaviestClipped with clipped
	// weights, Most with weights all alike.
	Heaviest, HeaviestClipped, Most float64
	Empty                           int
}

func judge(k int, folder string, names []string) error {
	x, weight, err := load(folder)
	if err != nil {
		return err
	}
	clipped, plain, mean := make([]float64, len(weight)), make([]float64, len(weight)), 0.0
	for _, w := range weight {
		mean += w / float64(k)
	}
	for i, w := range weight {
		clipped[i], plain[i] = min(w, mean/2), 1
	}
	var all []worth
	for _, name := range names {
		assign, err := readNumbers[int32](filepath.Join(folder, name+".i32"))
		if err != nil {
			return err
		}
		if len(assign) != x.Rows || slices.Min(assign) < 0 || int(slices.Max(assign)) >= k {
			return fmt.Errorf("%s: %d assignments for %d items and %d clusters", name, len(assign), x.Rows, k)
		}
		w := worth{Name: name}
		w.Cosine, w.Heaviest, w.Empty = measure(x, weight, assign, k)
		w.Clipped, w.HeaviestClipped, _ = measure(x, clipped, assign, k)
		w.Plain, w.Most, _ = measure(x, plain, assign, k)
		all = append(all, w)
	}
	return json.NewEncoder(os.Stdout).Encode(all)
}

// measure returns the mean cosine, the largest load ÷ the mean, and the number
// of empty clusters. Around its mean direction, the cosines of a cluster of
// unit vectors add up to the length of their sum.
func measure(x kernel.Matrix, weight []float64, assign []int32, k int) (cosine, heaviest float64, empty int) {
	sums, load, count := make([]float64, k*x.Cols), make([]float64, k), make([]int, k)
	var total float64
	for i, c := range assign {
		sum := sums[int(c)*x.Cols:][:x.Cols]
		for j, v := range x.Row(i) {
			sum[j] += weight[i] * float64(v)
		}
		load[c] += weight[i]
		count[c]++
		total += weight[i]
	}
	for c := range k {
		var square float64
		for _, v := range sums[c*x.Cols:][:x.Cols] {
			square += v * v
		}
		cosine += math.Sqrt(square) / total
		if count[c] == 0 {
			empty++
		}
	}
	return cosine, slices.Max(load) * float64(k) / total, empty
}
