package policy

import (
	"math"
	"slices"
)

// minPending keys are collected before they are sorted into a tally: enough
// to make the merges few, little enough to stay small in memory.
const minPending = 1 << 16

// tally counts keys: a sorted run of distinct keys with their counts, and
// keys not yet sorted in. A count saturates at 2³²−1.
type tally struct {
	keys    []uint64
	counts  []uint32
	pending []uint64
}

func (t *tally) add(key uint64) {
	t.pending = append(t.pending, key)
	// Waiting until as much is pending as is settled makes a merge's cost
	// per key constant.
	if len(t.pending) >= max(minPending, len(t.keys)) {
		t.settle()
	}
}

// settle sorts the pending keys in.
func (t *tally) settle() {
	if len(t.pending) == 0 {
		return
	}
	slices.Sort(t.pending)
	keys := t.pending[:0]
	var counts []uint32
	for i := 0; i < len(t.pending); {
		key, from := t.pending[i], i
		for i < len(t.pending) && t.pending[i] == key {
			i++
		}
		keys = append(keys, key)
		counts = append(counts, saturated(uint64(i-from)))
	}
	t.merge(keys, counts)
	t.pending = t.pending[:0]
}

// merge adds a sorted run of distinct keys.
func (t *tally) merge(keys []uint64, counts []uint32) {
	merged := make([]uint64, 0, len(t.keys)+len(keys))
	sums := make([]uint32, 0, len(t.keys)+len(keys))
	i, j := 0, 0
	for i < len(t.keys) || j < len(keys) {
		switch {
		case j == len(keys) || i < len(t.keys) && t.keys[i] < keys[j]:
			merged, sums = append(merged, t.keys[i]), append(sums, t.counts[i])
			i++
		case i == len(t.keys) || keys[j] < t.keys[i]:
			merged, sums = append(merged, keys[j]), append(sums, counts[j])
			j++
		default:
			merged = append(merged, keys[j])
			sums = append(sums, saturated(uint64(t.counts[i])+uint64(counts[j])))
			i++
			j++
		}
	}
	t.keys, t.counts = merged, sums
}

func saturated(n uint64) uint32 { return uint32(min(n, math.MaxUint32)) }
