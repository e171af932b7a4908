package policy

import (
	"math"
	"slices"
)

// maxPending keys are collected before they are sorted into a run: enough to
// make the merges few, little enough to stay small in memory.
const maxPending = 1 << 16

// run is sorted distinct keys with their counts.
type run struct {
	keys   []uint64
	counts []uint32
}

// tally counts keys. A count saturates at 2³²−1.
type tally struct {
	// run is all that was counted, as of the last settle.
	run
	// others were counted since: sorted runs, each more than twice as long as
	// the next, so that a key is copied a logarithmic number of times; and
	// keys in no order.
	others  []run
	pending []uint64
}

func (t *tally) add(key uint64) {
	t.pending = append(t.pending, key)
	if len(t.pending) == maxPending {
		t.sort()
	}
}

// sort makes a run of the pending keys.
func (t *tally) sort() {
	if len(t.pending) == 0 {
		return
	}
	slices.Sort(t.pending)
	var sorted run
	for i := 0; i < len(t.pending); {
		key, from := t.pending[i], i
		for i < len(t.pending) && t.pending[i] == key {
			i++
		}
		sorted.keys = append(sorted.keys, key)
		sorted.counts = append(sorted.counts, saturated(uint64(i-from)))
	}
	t.pending = t.pending[:0]
	t.push(sorted)
}

// push adds a run.
func (t *tally) push(r run) {
	for n := len(t.others); n > 0 && len(t.others[n-1].keys) <= 2*len(r.keys); n-- {
		r = merge(t.others[n-1], r)
		t.others = t.others[:n-1]
	}
	t.others = append(t.others, r)
}

// settle makes one run of all.
func (t *tally) settle() {
	t.sort()
	for _, r := range slices.Backward(t.others) {
		t.run = merge(t.run, r)
	}
	t.others = nil
}

// merge adds two runs up.
func merge(a, b run) run {
	switch {
	case len(a.keys) == 0:
		return b
	case len(b.keys) == 0:
		return a
	}
	n := len(a.keys) + len(b.keys)
	m := run{make([]uint64, 0, n), make([]uint32, 0, n)}
	i, j := 0, 0
	for i < len(a.keys) && j < len(b.keys) {
		switch x, y := a.keys[i], b.keys[j]; {
		case x < y:
			m.keys, m.counts = append(m.keys, x), append(m.counts, a.counts[i])
			i++
		case y < x:
			m.keys, m.counts = append(m.keys, y), append(m.counts, b.counts[j])
			j++
		default:
			m.keys, m.counts = append(m.keys, x), append(m.counts, saturated(uint64(a.counts[i])+uint64(b.counts[j])))
			i++
			j++
		}
	}
	m.keys = append(append(m.keys, a.keys[i:]...), b.keys[j:]...)
	m.counts = append(append(m.counts, a.counts[i:]...), b.counts[j:]...)
	return m
}

func saturated(n uint64) uint32 { return uint32(min(n, math.MaxUint32)) }
