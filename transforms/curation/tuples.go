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
	"slices"

	"foray/transforms/packed"
)

// Tuples numbers tuples of leaves.
type Tuples struct {
	leaves []int32 // sorted ids
	ranks  map[int32]int64
}

// NewTuples numbers tuples of up to size of the sorted leaves; an error if
// there are too many for 63 bits.
func NewTuples(leaves []int32, size int) (*Tuples, error) {
	t := &Tuples{leaves: leaves, ranks: make(map[int32]int64, len(leaves))}
	for i, id := range leaves {
		t.ranks[id] = int64(i)
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

// Number gives the number of a key followed by more leaves.
func (t *Tuples) Number(key []int32, more ...int32) int64 {
	n := int64(0)
	for _, c := range key {
		n = n*int64(len(t.leaves)) + t.ranks[c]
	}
	for _, c := range more {
		n = n*int64(len(t.leaves)) + t.ranks[c]
	}
	return n
}

// Tuple writes the leaves of a number, the last one last.
func (t *Tuples) Tuple(number int64, into []int32) {
	for i := len(into) - 1; i >= 0; i-- {
		into[i] = t.leaves[number%int64(len(t.leaves))]
		number /= int64(len(t.leaves))
	}
}

// Shard is the shard of a tuple of the given size by its first leaf.
func (t *Tuples) Shard(number int64, size, shards int) int {
	for range size - 1 {
		number /= int64(len(t.leaves))
	}
	return int(number * int64(shards) / int64(len(t.leaves)))
}

// counted is a multiset of numbers: what many workers counted adds up.
type counted struct {
	numbers, counts []int64
}

func (c *counted) append(block []byte) error {
	return packed.Decode(block, &c.numbers, &c.counts)
}

// count sorts numbers and adds equal ones up.
func count(numbers []int64) counted {
	slices.Sort(numbers)
	var c counted
	for i := 0; i < len(numbers); {
		j := i
		for j < len(numbers) && numbers[j] == numbers[i] {
			j++
		}
		c.numbers = append(c.numbers, numbers[i])
		c.counts = append(c.counts, int64(j-i))
		i = j
	}
	return c
}

// merge sorts by number and adds the counts of equal ones up.
func (c *counted) merge() {
	order := make([]int, len(c.numbers))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch x, y := c.numbers[a], c.numbers[b]; {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	var merged counted
	for _, i := range order {
		if n := len(merged.numbers); n > 0 && merged.numbers[n-1] == c.numbers[i] {
			merged.counts[n-1] += c.counts[i]
			continue
		}
		merged.numbers = append(merged.numbers, c.numbers[i])
		merged.counts = append(merged.counts, c.counts[i])
	}
	*c = merged
}
