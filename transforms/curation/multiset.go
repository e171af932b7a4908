package curation

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
)

// Tuples travel and are counted as sorted numbers: a number that is there
// three times was counted three times. Sorted numbers lie close together, so
// that a few bits each say how far it is to the next.

var errDamaged = errors.New("block of counted tuples: damaged")

// encodeNumbers packs sorted numbers: uvarint count, then uvarint distances.
func encodeNumbers(numbers []uint64) []byte {
	out := make([]byte, 0, 10+3*len(numbers))
	out = binary.AppendUvarint(out, uint64(len(numbers)))
	last := uint64(0)
	for _, n := range numbers {
		out = binary.AppendUvarint(out, n-last)
		last = n
	}
	return out
}

// decodeNumbers appends the numbers of a block.
func decodeNumbers(numbers []uint64, block []byte) ([]uint64, error) {
	count, n := binary.Uvarint(block)
	if n <= 0 || count > uint64(len(block)) {
		return nil, errDamaged
	}
	block = block[n:]
	numbers = slices.Grow(numbers, int(count))
	last := uint64(0)
	for range count {
		step, n := binary.Uvarint(block)
		if n <= 0 {
			return nil, errDamaged
		}
		block = block[n:]
		last += step
		numbers = append(numbers, last)
	}
	if len(block) > 0 {
		return nil, errDamaged
	}
	return numbers, nil
}

// digitBits is the size of a digit: its 2,048 counters fit the first-level
// cache.
const digitBits = 11

// sortNumbers sorts by radix, lowest digit first: linear, and for millions of
// numbers several times faster than by comparisons. room is as long.
func sortNumbers(numbers, room []uint64) {
	if len(numbers) < 1<<digitBits {
		slices.Sort(numbers)
		return
	}
	least, most := numbers[0], numbers[0]
	for _, n := range numbers {
		least, most = min(least, n), max(most, n)
	}
	from, to := numbers, room
	var starts [1 << digitBits]int
	for shift := 0; shift < bits.Len64(most-least); shift += digitBits {
		clear(starts[:])
		for _, n := range from {
			starts[(n-least)>>shift&(1<<digitBits-1)]++
		}
		at := 0
		for d, n := range starts {
			starts[d], at = at, at+n
		}
		for _, n := range from {
			d := (n - least) >> shift & (1<<digitBits - 1)
			to[starts[d]] = n
			starts[d]++
		}
		from, to = to, from
	}
	if &from[0] != &numbers[0] {
		copy(numbers, from)
	}
}

// runs calls visit for each distinct one of sorted numbers, with its count.
func runs(numbers []uint64, visit func(number uint64, count int64)) {
	for i := 0; i < len(numbers); {
		j := i + 1
		for j < len(numbers) && numbers[j] == numbers[i] {
			j++
		}
		visit(numbers[i], int64(j-i))
		i = j
	}
}
