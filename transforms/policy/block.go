package policy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrBlock says that a block was not written by Counter.Block, or was cut or
// changed on its way.
var ErrBlock = errors.New("policy: malformed block of counts")

// Block packs the counts of the items in [from, to) into bytes: what one
// worker has counted for a range of items, to be merged by Merge where the
// range's counts meet. Equal counts give equal bytes, about 3 a pair.
//
// For each distance 0 … Window: the number of pairs, then for each pair, in
// order, the distance from the pair before and the count, all uvarints.
func (c *Counter) Block(from, to int32) []byte {
	var block []byte
	for i := range c.tallies {
		t := &c.tallies[i]
		t.settle()
		lo, hi := t.position(from), t.position(to)
		hi = max(lo, hi)
		block = binary.AppendUvarint(block, uint64(hi-lo))
		var before uint64
		for j := lo; j < hi; j++ {
			block = binary.AppendUvarint(block, t.keys[j]-before)
			block = binary.AppendUvarint(block, uint64(t.counts[j]))
			before = t.keys[j]
		}
	}
	return block
}

// position is the index of item's first pair, or of where it would be.
func (t *tally) position(item int32) int {
	i, _ := slices.BinarySearch(t.keys, pack(max(item, 0), 0))
	return i
}

// Merge adds the counts of a block. On an error (ErrBlock) nothing is added.
func (c *Counter) Merge(block []byte) error {
	var keys [Window + 1][]uint64
	var counts [Window + 1][]uint32
	in := reader{rest: block}
	for i := range c.tallies {
		n := in.uvarint()
		// A pair takes two bytes at least: a larger n is a lie, and would
		// have us allocate for it.
		if in.bad || n > uint64(len(in.rest)/2) {
			return fmt.Errorf("%w: distance %d announces %d pairs in %d bytes", ErrBlock, i, n, len(in.rest))
		}
		var key uint64
		for j := range n {
			step, count := in.uvarint(), in.uvarint()
			switch {
			case in.bad:
				return fmt.Errorf("%w: distance %d ends at pair %d of %d", ErrBlock, i, j, n)
			case step > math.MaxUint64-key, j > 0 && step == 0:
				return fmt.Errorf("%w: distance %d, pair %d: not in ascending order", ErrBlock, i, j)
			case count == 0 || count > math.MaxUint32:
				return fmt.Errorf("%w: distance %d, pair %d: count %d, want 1 to 2^32−1", ErrBlock, i, j, count)
			}
			key += step
			item, next := first(key), second(key)
			if item < 0 || next < 0 || (item == next) != (i == 0) {
				return fmt.Errorf("%w: distance %d, pair %d: item %d and next %d", ErrBlock, i, j, item, next)
			}
			if j == 0 {
				keys[i], counts[i] = make([]uint64, 0, n), make([]uint32, 0, n)
			}
			keys[i], counts[i] = append(keys[i], key), append(counts[i], uint32(count))
		}
	}
	if len(in.rest) > 0 {
		return fmt.Errorf("%w: %d bytes follow its end", ErrBlock, len(in.rest))
	}
	for i := range c.tallies {
		c.tallies[i].push(run{keys[i], counts[i]})
	}
	return nil
}

// reader takes uvarints off rest; bad is set, and stays so, once that fails.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || r.bad {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}
