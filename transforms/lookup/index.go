package lookup

import (
	"fmt"
	"math/bits"
	"slices"

	"foray/schemas"
)

// cell is what the index knows of a key.
type cell struct {
	row     int32 // −1 for a key that is not in the table
	planned int32 // notPlanned if there is no cluster
}

var absent = cell{row: -1, planned: notPlanned}

// index finds keys: in an array over the ranks of their clusters where that is
// not much larger than the table, else in a hash table.
type index struct {
	// ranks gives a cluster's place among all clusters of keys, −1 for others.
	ranks    []int32
	clusters int
	cells    []cell // clusters^K, in the order of keys; nil for a hash table

	k     int
	keys  []int32
	slots []slot
	shift uint
}

// slot is a place of the hash table; tag holds bits of the hash that its place
// does not, so that hardly any other key is ever compared.
type slot struct {
	tag uint32
	cell
}

const (
	// maxRanked bounds the cluster ids of which a rank is kept in an array.
	maxRanked = 1 << 22
	// An array may have this many cells, and this many for each row.
	freeCells   = 1 << 20
	cellsPerRow = 8
)

// newIndex indexes keys, k clusters to a row. Keys that are not sorted, come
// twice, or name a cluster twice are an error.
func newIndex(keys, planned []int32, k int, set bool) (index, error) {
	most := int32(0)
	for i := range planned {
		key := keys[i*k : (i+1)*k]
		most = max(most, slices.Max(key))
		for j, c := range key {
			if slices.Contains(key[:j], c) || set && j > 0 && c < key[j-1] {
				return index{}, fmt.Errorf("row %d has the key %v, which is none", i, key)
			}
		}
		if i > 0 && slices.Compare(keys[(i-1)*k:i*k], key) >= 0 {
			return index{}, fmt.Errorf("row %d has the key %v, which should come before the row above", i, key)
		}
	}
	if most < maxRanked {
		ranks, clusters := rank(keys, int(most)+1)
		if n := cellCount(clusters, k, max(freeCells, cellsPerRow*len(planned))); n >= 0 {
			return newArray(keys, planned, k, ranks, clusters, n), nil
		}
	}
	return newHash(keys, planned, k), nil
}

// rank numbers the clusters that keys name, in the order of their ids.
func rank(keys []int32, ids int) (ranks []int32, n int) {
	ranks = make([]int32, ids)
	for _, c := range keys {
		ranks[c] = 1
	}
	for c, there := range ranks {
		ranks[c] = -1
		if there == 1 {
			ranks[c] = int32(n)
			n++
		}
	}
	return ranks, n
}

// cellCount is clusters^k, or −1 if that is more than limit.
func cellCount(clusters, k, limit int) int {
	n := 1
	for range k {
		if n *= clusters; n > limit {
			return -1
		}
	}
	return n
}

func newArray(keys, planned []int32, k int, ranks []int32, clusters, cells int) index {
	x := index{k: k, ranks: ranks, clusters: clusters, cells: make([]cell, cells)}
	for i := range x.cells {
		x.cells[i] = absent
	}
	for i, p := range planned {
		at := 0
		for _, c := range keys[i*k : (i+1)*k] {
			at = at*clusters + int(ranks[c])
		}
		x.cells[at] = cell{row: int32(i), planned: p}
	}
	return x
}

func newHash(keys, planned []int32, k int) index {
	size := uint(bits.Len(uint(len(planned) + len(planned)/3 + 1))) // at most 3/4 full
	x := index{k: k, keys: keys, slots: make([]slot, 1<<size), shift: 64 - size}
	for i := range x.slots {
		x.slots[i].cell = absent
	}
	for i, p := range planned {
		at, tag := x.place(keys[i*k : (i+1)*k])
		for x.slots[at].row >= 0 {
			at = (at + 1) & (len(x.slots) - 1)
		}
		x.slots[at] = slot{tag: tag, cell: cell{row: int32(i), planned: p}}
	}
	return x
}

// find finds a key of k clusters, which for sets is ascending.
func (x *index) find(key []int32) cell {
	if x.cells == nil {
		return x.findHashed(key)
	}
	at := 0
	for _, c := range key {
		if uint(c) >= uint(len(x.ranks)) {
			return absent
		}
		r := x.ranks[c]
		if r < 0 {
			return absent
		}
		at = at*x.clusters + int(r)
	}
	if at >= len(x.cells) {
		return absent
	}
	return x.cells[at]
}

func (x *index) findHashed(key []int32) cell {
	at, tag := x.place(key)
	for ; ; at = (at + 1) & (len(x.slots) - 1) {
		s := &x.slots[at]
		if s.row < 0 || s.tag == tag && slices.Equal(x.keys[int(s.row)*x.k:(int(s.row)+1)*x.k], key) {
			return s.cell
		}
	}
}

// place hashes a key by multiplication with 2⁶⁴ ÷ the golden ratio (Knuth, The
// Art of Computer Programming 3, 6.4).
func (x *index) place(key []int32) (at int, tag uint32) {
	h := uint64(0)
	for _, c := range key {
		h = (bits.RotateLeft64(h, 29) ^ uint64(uint32(c))) * 0x9e3779b97f4a7c15
	}
	return int(h >> x.shift), uint32(h)
}

// ascending writes a key as a set.
func ascending(key []int32, into *[schemas.MaxHistory]int32) []int32 {
	sorted := into[:copy(into[:], key)]
	slices.Sort(sorted)
	return sorted
}
