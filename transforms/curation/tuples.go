// Package curation turns events into what planners learn from: how many users
// made each transition, how many users stand at each key, and examples to
// fine-tune a model with.
//
// Between its two steps nothing but numbers travels: a tuple of leaves is one
// integer over their ranks, so that numeric order is the order of the tables,
// and ranges of numbers are their shards.
package curation

import (
	"fmt"
	"math"
)

// Tuples numbers tuples of leaves.
type Tuples struct {
	leaves []int32  // sorted ids
	ranks  []uint64 // by id
}

// NewTuples numbers tuples of up to size of the sorted leaves; an error if
// there are too many for 63 bits.
func NewTuples(leaves []int32, size int) (*Tuples, error) {
	t := &Tuples{leaves: leaves}
	if n := len(leaves); n > 0 {
		t.ranks = make([]uint64, leaves[n-1]+1)
	}
	for i, id := range leaves {
		t.ranks[id] = uint64(i)
	}
	total := int64(1)
	for range size {
		if len(leaves) > 0 && total > math.MaxInt64/int64(len(leaves)) {
			return nil, fmt.Errorf("%d clusters have too many transitions of %d clusters: use a shorter --history or fewer clusters", len(leaves), size)
		}
		total *= int64(len(leaves))
	}
	return t, nil
}

// Number gives the number of a tuple: a key and what follows it.
func (t *Tuples) Number(key []int32, more ...int32) uint64 {
	n := uint64(0)
	for _, c := range key {
		n = n*uint64(len(t.leaves)) + t.ranks[c]
	}
	for _, c := range more {
		n = n*uint64(len(t.leaves)) + t.ranks[c]
	}
	return n
}

// Tuple writes the leaves of a number, the last one last.
func (t *Tuples) Tuple(number uint64, into []int32) {
	for i := len(into) - 1; i >= 0; i-- {
		into[i] = t.leaves[number%uint64(len(t.leaves))]
		number /= uint64(len(t.leaves))
	}
}

// Shard is the shard of the tuples that start with a leaf.
func (t *Tuples) Shard(first int32, shards int) int {
	return int(t.ranks[first] * uint64(shards) / uint64(len(t.leaves)))
}
