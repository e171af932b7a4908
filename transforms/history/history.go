// Package history is the one definition of key and transition that curation,
// key traffic, evaluation and recommendation all use.
//
// A history is one user's events in the order (time, cluster), as clusters.
// Its key is the K distinct clusters that were consumed last, by their last
// use, oldest first. A transition is the key just before a cluster is met for
// the first time, and that cluster: A, B, C, A, D gives, for K = 2,
// (A,B)→C and (C,A)→D, and the key is then (A,D).
package history

import (
	"cmp"
	"slices"
)

// Event is one engagement of a user.
type Event struct {
	// Time is in microseconds since 1970, UTC.
	Time int64
	// Cluster is the item's leaf.
	Cluster int32
}

// Sort puts a user's events into the order of a history.
func Sort(events []Event) {
	slices.SortFunc(events, func(a, b Event) int {
		if c := cmp.Compare(a.Time, b.Time); c != 0 {
			return c
		}
		return cmp.Compare(a.Cluster, b.Cluster)
	})
}

// Walker follows one history after the other.
type Walker struct {
	recent []int32 // distinct clusters by last use, oldest first; at most k
	before []int32 // what recent was before the last transition
	k      int
	seen   map[int32]struct{}
}

// NewWalker makes a Walker for keys of k clusters.
func NewWalker(k int) *Walker {
	return &Walker{k: k, recent: make([]int32, 0, k), seen: map[int32]struct{}{}}
}

// Reset starts the next history.
func (w *Walker) Reset() {
	w.recent = w.recent[:0]
	clear(w.seen)
}

// Step takes the next cluster of the history. If it is met for the first time
// and a whole key stood before it, Step gives that key, valid until the next
// Step, and true.
func (w *Walker) Step(cluster int32) (key []int32, transition bool) {
	if n := len(w.recent); n > 0 && w.recent[n-1] == cluster {
		return nil, false // again what was consumed last: nothing moves
	}
	if _, seen := w.seen[cluster]; seen {
		w.use(cluster)
		return nil, false
	}
	w.seen[cluster] = struct{}{}
	if len(w.recent) == w.k {
		w.before = append(w.before[:0], w.recent...)
		key, transition = w.before, true
	}
	w.use(cluster)
	return key, transition
}

// use makes cluster the one used last.
func (w *Walker) use(cluster int32) {
	if i := slices.Index(w.recent, cluster); i >= 0 {
		w.recent = slices.Delete(w.recent, i, i+1)
	} else if len(w.recent) == w.k {
		w.recent = slices.Delete(w.recent, 0, 1)
	}
	w.recent = append(w.recent, cluster)
}

// Key is the key after the steps so far, valid until the next Step; false if
// fewer than K distinct clusters were consumed.
func (w *Walker) Key() ([]int32, bool) { return w.recent, len(w.recent) == w.k }

// Seen tells whether the history so far holds the cluster.
func (w *Walker) Seen(cluster int32) bool {
	_, ok := w.seen[cluster]
	return ok
}
