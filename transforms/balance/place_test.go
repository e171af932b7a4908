package balance

import (
	"math"
	"slices"
	"testing"

	"foray/transforms/kernel"
)

// fittedLeaves are the leaves of a fit of 2,000 items, which come along.
func fittedLeaves(t *testing.T) (*Leaves, *Clustering, kernel.Matrix, []float64) {
	t.Helper()
	x, _ := blobs(2000, 16, 40, 0.08, 4)
	weight := zipf(2000, 0.8)
	c, err := Fit(x, weight, Options{K: 50, Levels: 3, Seed: 8})
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := NewLeaves(c.Centroids, c.Prices)
	if err != nil {
		t.Fatal(err)
	}
	return leaves, c, x, weight
}

func TestNearestLeaves(t *testing.T) {
	leaves, c, x, _ := fittedLeaves(t)
	near, err := leaves.Near(x)
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for i := range x.Rows {
		index, score := near.Row(i)
		if index[0] == c.Assign[i] {
			same++
		}
		unit := slices.Clone(x.Row(i))
		kernel.Normalize(unit)
		values := make([]float64, len(c.Prices))
		for leaf, price := range c.Prices {
			values[leaf] = float64(kernel.Dot(unit, c.Centroids.Row(leaf))) - price
		}
		sorted := slices.Sorted(slices.Values(values))
		slices.Reverse(sorted)
		for j, leaf := range index {
			if want := kernel.Dot(unit, c.Centroids.Row(int(leaf))); score[j] != want {
				t.Fatalf("the cosine of item %d and leaf %d is %v, want %v", i, leaf, score[j], want)
			}
			if math.Abs(values[leaf]-sorted[j]) > 1e-6 {
				t.Fatalf("choice %d of item %d gives %v, want %v", j, i, values[leaf], sorted[j])
			}
		}
	}
	if same < 1600 {
		t.Errorf("%d of 2000 fitted items would be placed where they were", same)
	}
	if _, err := leaves.Near(kernel.New(1, 3)); err == nil {
		t.Error("differing columns: no error")
	}
	if _, err := NewLeaves(c.Centroids, c.Prices[1:]); err == nil {
		t.Error("a price too few: no error")
	}
	bad := kernel.New(1, 16)
	bad.Data[3] = float32(math.NaN())
	if _, err := leaves.Near(bad); err == nil {
		t.Error("NaN: no error")
	}
}

// Half of the items come later: they get a leaf, the others keep theirs, and
// the cap holds.
func TestAdmitKeepsTheCap(t *testing.T) {
	leaves, c, x, weight := fittedLeaves(t)
	clear(x.Row(1)) // nothing is known of it
	assign, later := slices.Clone(c.Assign), Later{}
	for i := 1; i < x.Rows; i += 2 {
		assign[i] = New
		later.Items = append(later.Items, int32(i))
	}
	assign[0] = New // is out
	rows := kernel.New(len(later.Items), x.Cols)
	for j, i := range later.Items {
		copy(rows.Row(j), x.Row(int(i)))
	}
	var err error
	if later.Near, err = leaves.Near(rows); err != nil {
		t.Fatal(err)
	}
	similarity := slices.Clone(c.Similarity)
	reached, err := leaves.Admit(later, assign, similarity, weight, DefaultEpsilon)
	if err != nil {
		t.Fatal(err)
	}
	load := make([]float64, 50)
	for i, leaf := range assign {
		switch {
		case i == 0:
			if leaf != New {
				t.Errorf("the item that is out has leaf %d", leaf)
			}
			continue
		case i%2 == 0 && leaf != c.Assign[i]:
			t.Errorf("item %d went from %d to %d", i, c.Assign[i], leaf)
		case i == 1 && similarity[i] != 0:
			t.Errorf("the cosine of zeros is %v", similarity[i])
		case leaf < 0:
			t.Fatalf("item %d has no leaf", i)
		}
		if unit := slices.Clone(x.Row(i)); i%2 == 1 && i > 1 {
			kernel.Normalize(unit)
			if want := kernel.Dot(unit, c.Centroids.Row(int(leaf))); similarity[i] != want {
				t.Errorf("the cosine of item %d is %v, want %v", i, similarity[i], want)
			}
		}
		load[leaf] += weight[i]
	}
	if !slices.Equal(load, reached.RawLoad) {
		t.Errorf("loads are %v, want %v", reached.RawLoad, load)
	}
	if reached.ReachedEpsilon > DefaultEpsilon+1e-9 {
		t.Errorf("the heaviest leaf is %.3f above the mean", reached.ReachedEpsilon)
	}
	if _, err := leaves.Admit(later, assign, similarity, weight[1:], DefaultEpsilon); err == nil {
		t.Error("a weight too few: no error")
	}
}
