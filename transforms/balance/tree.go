package balance

import (
	"math"
	"slices"

	"foray/transforms/kernel"
)

// treeEpsilon is the ε of the levels above the leaves. A node there has only
// about k^(1/levels) children, which are whole, so 5 % is often out of reach,
// and likeness counts for more.
const treeEpsilon = 0.25

// Tree is the hierarchy over the leaves. Nodes have ids that are unique over
// all levels: the leaves are 0 … K−1, the others follow level by level from the
// coarsest. Every leaf stands at the last level; a node may have a single child.
type Tree struct {
	// Sizes is the number of nodes of each level, coarsest first; it never
	// falls, and the last one is K.
	Sizes []int
	// Level and Parent are indexed by node; level 0 is the coarsest, and its
	// nodes have the parent −1.
	Level, Parent []int32
	// Centroids has a row of unit length for each node: the mean direction of
	// its leaves by traffic.
	Centroids kernel.Matrix
}

// levelSizes returns the geometric sizes from about k^(1/levels) to k: the
// branching is the same at each level, and at least 2 at the root.
func levelSizes(k, levels int) []int {
	sizes := make([]int, levels)
	for level := range sizes {
		size := math.Round(math.Pow(float64(k), float64(level+1)/float64(levels)))
		sizes[level] = min(max(int(size), 2), k)
	}
	sizes[levels-1] = k
	return sizes
}

// grow builds the tree upwards from the leaves: the nodes of each level are
// clustered, by the traffic that they carry, into those of the level above.
func grow(leaves kernel.Matrix, load []float64, opt Options) (Tree, error) {
	sizes := levelSizes(opt.K, opt.Levels)
	t := Tree{Sizes: sizes}
	// first is the id of a level's first node.
	first := make([]int, opt.Levels)
	nodes := opt.K
	for level := range opt.Levels - 1 {
		first[level] = nodes
		nodes += sizes[level]
	}
	t.Level, t.Parent = make([]int32, nodes), make([]int32, nodes)
	t.Centroids = kernel.New(nodes, leaves.Cols)
	copy(t.Centroids.Data, leaves.Data)
	for level := opt.Levels - 1; level >= 0; level-- {
		for i := range sizes[level] {
			t.Level[first[level]+i] = int32(level)
			t.Parent[first[level]+i] = -1
		}
		if level == 0 {
			break
		}
		load = spread(load, treeEpsilon)
		children := t.Centroids.Slice(first[level], first[level]+sizes[level])
		parents, err := group(children, load, sizes[level-1], opt)
		if err != nil {
			return Tree{}, err
		}
		above := make([]float64, sizes[level-1])
		for i, p := range parents {
			t.Parent[first[level]+i] = int32(first[level-1]) + p
			above[p] += load[i]
		}
		merged, _ := centroids(children, load, parents, sizes[level-1])
		copy(t.Centroids.Slice(first[level-1], first[level-1]+sizes[level-1]).Data, merged.Data)
		load = above
	}
	return t, nil
}

// prune returns the tree of the nodes that have one of the k leaves below them,
// in their order and without centroids, and the numbers of the others.
func prune(level, parent []int32, k int) (t Tree, gone []int32) {
	held := make([]bool, len(parent))
	for leaf := range int32(k) {
		for node := leaf; node >= 0 && !held[node]; node = parent[node] {
			held[node] = true
		}
	}
	number := make([]int32, len(parent))
	for node := range parent {
		if number[node] = int32(node - len(gone)); !held[node] {
			gone = append(gone, int32(node))
		}
	}
	for node, up := range parent {
		if !held[node] {
			continue
		}
		if up >= 0 {
			up = number[up]
		}
		t.Level, t.Parent = append(t.Level, level[node]), append(t.Parent, up)
	}
	return t, gone
}

// merge returns the centroids of all nodes from those of the leaves and what
// these carry, which must be positive.
func (t Tree) merge(leaves kernel.Matrix, load []float64) kernel.Matrix {
	all := kernel.New(len(t.Level), leaves.Cols)
	copy(all.Data, leaves.Data)
	carried := append(slices.Clone(load), make([]float64, len(t.Level)-len(load))...)
	for level := slices.Max(t.Level); level > 0; level-- {
		var children []int32
		for node, at := range t.Level {
			if at == level {
				children = append(children, int32(node))
			}
		}
		// Of a node, the children count by what they carry.
		largest := map[int32]float64{}
		for _, child := range children {
			parent := t.Parent[child]
			largest[parent] = max(largest[parent], carried[child])
			carried[parent] += carried[child]
		}
		for _, child := range children {
			parent := t.Parent[child]
			kernel.AddScaled(all.Row(int(parent)), float32(carried[child]/largest[parent]), all.Row(int(child)))
		}
		for node, at := range t.Level {
			if at == level-1 {
				kernel.Normalize(all.Row(node))
			}
		}
	}
	return all
}

// group clusters the nodes of one level into k. Loads must be positive.
func group(x kernel.Matrix, load []float64, k int, opt Options) ([]int32, error) {
	if k == x.Rows {
		single := make([]int32, k)
		for i := range single {
			single[i] = int32(i)
		}
		return single, nil
	}
	mean := sum(load) / float64(k)
	f := fit{
		x: x, weight: load, k: k,
		mean: mean, limit: (1 + treeEpsilon) * mean,
		rounds: opt.Rounds, seed: opt.Seed,
	}
	if err := f.run(); err != nil {
		return nil, err
	}
	return f.assign, nil
}
