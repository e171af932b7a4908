package history

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

type step struct {
	Key  []int32
	Next int32
}

func walk(k int, clusters []int32) (steps []step, key []int32) {
	w := NewWalker(k)
	for _, c := range clusters {
		if before, ok := w.Step(c); ok {
			steps = append(steps, step{slices.Clone(before), c})
		}
	}
	if last, ok := w.Key(); ok {
		key = slices.Clone(last)
	}
	return steps, key
}

func TestWalker(t *testing.T) {
	const A, B, C, D = 0, 1, 2, 3
	tests := []struct {
		name     string
		k        int
		clusters []int32
		steps    []step
		key      []int32
	}{
		{"the glossary's example", 2, []int32{A, B, C, A, D}, []step{{[]int32{A, B}, C}, {[]int32{C, A}, D}}, []int32{A, D}},
		{"nothing", 2, nil, nil, nil},
		{"too short for a key", 2, []int32{A, A, A}, nil, nil},
		{"a key, no transition", 2, []int32{A, B}, nil, []int32{A, B}},
		{"repeats move nothing", 2, []int32{A, A, B, B, C, C}, []step{{[]int32{A, B}, C}}, []int32{B, C}},
		{"back and forth", 2, []int32{A, B, A, B, C}, []step{{[]int32{A, B}, C}}, []int32{B, C}},
		{"last use counts", 2, []int32{A, B, A, C}, []step{{[]int32{B, A}, C}}, []int32{A, C}},
		{"one cluster a key", 1, []int32{A, B, A, C}, []step{{[]int32{A}, B}, {[]int32{A}, C}}, []int32{C}},
		{"three", 3, []int32{A, B, C, B, D}, []step{{[]int32{A, C, B}, D}}, []int32{C, B, D}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			steps, key := walk(tc.k, tc.clusters)
			if !reflect.DeepEqual(steps, tc.steps) || !reflect.DeepEqual(key, tc.key) {
				t.Errorf("got %v and key %v, want %v and %v", steps, key, tc.steps, tc.key)
			}
		})
	}
}

// plain is the definition word by word, quadratic.
func plain(k int, clusters []int32) (steps []step, key []int32) {
	last := func(upTo int) []int32 {
		var distinct []int32
		for i := upTo - 1; i >= 0 && len(distinct) < k; i-- {
			if !slices.Contains(distinct, clusters[i]) {
				distinct = append(distinct, clusters[i])
			}
		}
		if len(distinct) < k {
			return nil
		}
		slices.Reverse(distinct)
		return distinct
	}
	for i, c := range clusters {
		if before := last(i); before != nil && !slices.Contains(clusters[:i], c) {
			steps = append(steps, step{before, c})
		}
	}
	return steps, last(len(clusters))
}

func TestWalkerAgainstTheDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		k := 1 + rng.IntN(4)
		clusters := make([]int32, rng.IntN(30))
		for i := range clusters {
			clusters[i] = int32(rng.IntN(7))
		}
		steps, key := walk(k, clusters)
		wantSteps, wantKey := plain(k, clusters)
		if !reflect.DeepEqual(steps, wantSteps) || !reflect.DeepEqual(key, wantKey) {
			t.Fatalf("K=%d %v: got %v and key %v, want %v and %v", k, clusters, steps, key, wantSteps, wantKey)
		}
	}
}

func TestSortBreaksTiesByCluster(t *testing.T) {
	events := []Event{{2, 1}, {1, 9}, {1, 3}, {2, 0}}
	Sort(events)
	if want := []Event{{1, 3}, {1, 9}, {2, 0}, {2, 1}}; !reflect.DeepEqual(events, want) {
		t.Errorf("got %v, want %v", events, want)
	}
}
