// Package keyspace numbers the keys of a lookup table.
//
// A key space is all keys of K distinct leaves, in the order of (cluster_1 …
// cluster_K): ordered tuples (Sequence), n!/(n−K)! of them, or unordered sets
// (Set), n!/(K!(n−K)!), written ascending. Keys are numbered from 0 over the
// ranks of the sorted leaf ids, since ids may have gaps; ranges of these
// numbers are the shards of the plan job.
package keyspace

import (
	"fmt"
	"math"
	"slices"
)

// Order says whether the order of a key's clusters matters.
type Order string

// The two orders.
const (
	Sequence Order = "sequence" // the order of use matters
	Set      Order = "set"      // it does not: half the keys of K = 2
)

// Space is a key space.
type Space struct {
	leaves []int32
	k      int
	order  Order
	size   int64
}

// New makes the space of keys of k of the leaves. It is an error if there are
// not more leaves than a key holds (no cluster would be novel), or if the
// space is too large to be numbered.
func New(leaves []int32, k int, order Order) (*Space, error) {
	if order != Sequence && order != Set {
		return nil, fmt.Errorf("--key_order=%s: want %s or %s", order, Sequence, Set)
	}
	sorted := slices.Clone(leaves)
	slices.Sort(sorted)
	if n := len(slices.Compact(slices.Clone(sorted))); n != len(leaves) {
		return nil, fmt.Errorf("%d of %d leaf ids stand twice", len(leaves)-n, len(leaves))
	}
	if k < 1 || len(sorted) <= k {
		return nil, fmt.Errorf("keys of --history=%d clusters need at least %d clusters, there are %d: use a shorter history or more clusters", k, k+1, len(sorted))
	}
	s := &Space{leaves: sorted, k: k, order: order}
	if s.size = s.count(len(sorted), k); s.size < 0 {
		return nil, fmt.Errorf("%d clusters make more keys of --history=%d than can be numbered: use --keys=observed, fewer clusters or a shorter history", len(sorted), k)
	}
	return s, nil
}

// count is the number of keys of k out of n ranks; −1 if beyond int64.
func (s *Space) count(n, k int) int64 {
	total := int64(1)
	for i := range k {
		f := int64(n - i)
		if f <= 0 {
			return 0
		}
		if total > math.MaxInt64/f {
			return -1
		}
		total *= f
		if s.order == Set {
			total /= int64(i + 1) // exact: a product of i+1 numbers in a row
		}
	}
	return total
}

// Size is the number of keys.
func (s *Space) Size() int64 { return s.size }

// K is the number of clusters of a key.
func (s *Space) K() int { return s.k }

// Leaves are the sorted leaf ids; not to be changed.
func (s *Space) Leaves() []int32 { return s.leaves }

// Range is the shard-th of n ranges of key numbers, [From, To), of sizes that
// differ by one at most.
func (s *Space) Range(shard, n int) (from, to int64) {
	size, i, m := s.size, int64(shard), int64(n)
	q, r := size/m, size%m
	from = q*i + min(i, r)
	to = from + q
	if i < r {
		to++
	}
	return from, to
}

// Keys calls yield for the keys numbered [from, to), ascending; the slice is
// reused.
func (s *Space) Keys(from, to int64) func(yield func([]int32) bool) {
	return func(yield func([]int32) bool) {
		if from < 0 || from >= min(to, s.size) {
			return
		}
		ranks := s.unrank(from)
		key := make([]int32, s.k)
		for i := from; i < min(to, s.size); i++ {
			for j, r := range ranks {
				key[j] = s.leaves[r]
			}
			if !yield(key) || !s.next(ranks) {
				return
			}
		}
	}
}

// unrank gives the ranks of the key numbered i.
func (s *Space) unrank(i int64) []int {
	ranks := make([]int, 0, s.k)
	n := len(s.leaves)
	for len(ranks) < s.k {
		left := s.k - len(ranks) - 1
		start := 0
		if s.order == Set && len(ranks) > 0 {
			start = ranks[len(ranks)-1] + 1
		}
		for r := start; r < n; r++ {
			if slices.Contains(ranks, r) {
				continue
			}
			block := s.count(n-len(ranks)-1, left) // keys that go on from r
			if s.order == Set {
				block = s.count(n-r-1, left)
			}
			if i < block {
				ranks = append(ranks, r)
				break
			}
			i -= block
		}
	}
	return ranks
}

// next moves to the following key; false at the last.
func (s *Space) next(ranks []int) bool {
	n := len(s.leaves)
	for j := s.k - 1; j >= 0; j-- {
		r := ranks[j] + 1
		for r < n && slices.Contains(ranks[:j], r) {
			r++
		}
		if s.order == Set && r+s.k-j > n || r >= n {
			continue
		}
		ranks[j] = r
		for m := j + 1; m < s.k; m++ {
			if s.order == Set {
				ranks[m] = ranks[m-1] + 1
				continue
			}
			r := 0
			for slices.Contains(ranks[:m], r) {
				r++
			}
			ranks[m] = r
		}
		return true
	}
	return false
}
