// Package tree measures how far apart two leaves of the cluster tree are: by
// the level of their lowest common ancestor.
//
// A planned cluster that shares an ancestor with what a user had, and differs
// below it, is new and yet not out of the blue; "level" is a row's level in
// clusters/, 0 for the coarsest.
package tree

import (
	"fmt"

	"foray/schemas"
)

// Tree knows every leaf's path from the coarsest level down. Safe for
// concurrent use.
type Tree struct {
	levels int
	at     []int32 // by id: where the path of a leaf starts, −1 if it is none
	paths  []int32 // ids, levels to a leaf, coarsest first
}

// None is the common level of leaves that share no ancestor.
const None = -1

// New reads the rows of clusters/, in any order. A tree whose leaves do not
// hang together level by level is an error.
func New(clusters []schemas.Cluster) (*Tree, error) {
	byID := make(map[int32]schemas.Cluster, len(clusters))
	most, last := int32(-1), int32(-1)
	for _, c := range clusters {
		if _, twice := byID[c.ClusterID]; twice || c.ClusterID < 0 {
			return nil, fmt.Errorf("cluster tree: the id %d is negative or stands twice", c.ClusterID)
		}
		byID[c.ClusterID] = c
		most, last = max(most, c.ClusterID), max(last, c.Level)
	}
	t := &Tree{levels: int(last) + 1, at: make([]int32, most+1)}
	for i := range t.at {
		t.at[i] = -1
	}
	for _, c := range clusters {
		if c.Level != last {
			continue
		}
		start := len(t.paths)
		t.at[c.ClusterID] = int32(start)
		t.paths = append(t.paths, make([]int32, t.levels)...)
		for level := last; ; level-- {
			if c.Level != level || (c.ParentID == nil) != (level == 0) {
				return nil, fmt.Errorf("cluster tree: cluster %d at level %d has no parent one level up", c.ClusterID, c.Level)
			}
			t.paths[start+int(level)] = c.ClusterID
			if level == 0 {
				break
			}
			parent, ok := byID[*c.ParentID]
			if !ok {
				return nil, fmt.Errorf("cluster tree: cluster %d has the parent %d, which is none", c.ClusterID, *c.ParentID)
			}
			c = parent
		}
	}
	return t, nil
}

// Levels is the number of levels; leaves stand at Levels − 1.
func (t *Tree) Levels() int { return t.levels }

// Common is the level of the lowest common ancestor of two leaves, in
// [None, Levels − 1]: Levels − 1 for a leaf and itself, None if they share no
// ancestor or one of them is no leaf.
func (t *Tree) Common(a, b int32) int {
	x, y := t.path(a), t.path(b)
	if x == nil || y == nil {
		return None
	}
	level := None
	for level+1 < t.levels && x[level+1] == y[level+1] {
		level++
	}
	return level
}

// Distance is how many levels one has to go up from two leaves to meet, in
// [0, Levels]: 0 for a leaf and itself, 1 for siblings, Levels where they
// share no ancestor.
func (t *Tree) Distance(a, b int32) int { return t.levels - 1 - t.Common(a, b) }

// Nearest is the smallest Distance of a leaf to any of others; Levels to none.
func (t *Tree) Nearest(a int32, others []int32) int {
	least := t.levels
	for _, b := range others {
		least = min(least, t.Distance(a, b))
	}
	return least
}

func (t *Tree) path(id int32) []int32 {
	if id < 0 || int(id) >= len(t.at) || t.at[id] < 0 {
		return nil
	}
	return t.paths[t.at[id]:][:t.levels]
}
