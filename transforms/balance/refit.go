package balance

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"foray/transforms/kernel"
)

// Earlier is a clustering that Refit goes on from.
type Earlier struct {
	// Assign is each item's leaf, in 0 … K−1, or New.
	Assign []int32
	// Prices are those of its leaves.
	Prices []float64
	// Level and Parent are those of its tree.
	Level, Parent []int32
	// Gone tells that items of it are no longer there.
	Gone bool
}

// New is the leaf of an item that the earlier clustering did not have.
const New = -1

// mostMoved is the largest share of items of an earlier clustering that change
// their leaf for the sake of balance. Each move may change a description, and
// descriptions are paid for.
const mostMoved = 0.05

// Changes are what a refit changed.
type Changes struct {
	// Moved items were in another leaf before; those of a split are not among
	// them.
	Moved int
	// Split holds, for each leaf that lost all its items, the leaf that was cut
	// in two to fill it; the part that is less like the whole went there.
	Split map[int32]int32
	// Hollow are the inner nodes of the earlier tree, ascending, below which no
	// leaf is left; those behind them have moved up.
	Hollow []int32
}

// Refit clusters the rows of x like Fit, but every item that was there before
// stays in its leaf, as far as balance allows, and a leaf keeps its place in
// the tree. New items join the leaf with the largest cosine − price that has
// room. A leaf that nothing is left of gets a part of the heaviest one, and hangs
// beside it; inner nodes that lose all their leaves so are gone. If no
// item came or went, nothing moves, whatever the weights.
//
// Its errors are those of Fit, and it refuses a clustering of which no item is
// left, or of another shape.
func Refit(x kernel.Matrix, weight []float64, before Earlier, opt Options) (*Clustering, Changes, error) {
	c, changes, err := refit(x, weight, before, opt)
	if err != nil {
		err = fmt.Errorf("cluster: %w", err)
	}
	return c, changes, err
}

func refit(x kernel.Matrix, weight []float64, before Earlier, opt Options) (*Clustering, Changes, error) {
	changes := Changes{Split: map[int32]int32{}}
	f, clipped, err := newFit(&x, weight, &opt)
	if err != nil {
		return nil, changes, err
	}
	if err := before.check(x.Rows, opt.K); err != nil {
		return nil, changes, err
	}
	var fresh []int32
	for i, leaf := range before.Assign {
		if leaf == New {
			fresh = append(fresh, int32(i))
		}
	}
	f.assign = slices.Clone(before.Assign)
	f.prepare()
	copy(f.price, before.Prices)
	if f.centroids, err = f.known(); err != nil {
		return nil, changes, err
	}
	if err := f.near.Find(f.x, f.centroids, candidates); err != nil {
		return nil, changes, err
	}
	f.admit(fresh, func(number int) ([]int32, []float32) {
		if i := fresh[number]; !f.zero[i] {
			return f.near.Row(int(i))
		}
		return f.all, f.zeros
	})
	parent := slices.Clone(before.Parent)
	for leaf := range int32(opt.K) {
		if f.count[leaf] > 0 {
			continue
		}
		from, err := f.halve(leaf)
		if err != nil {
			return nil, changes, err
		}
		changes.Split[leaf], parent[leaf] = from, parent[from]
	}
	if settled := slices.Clone(f.assign); len(fresh) > 0 || before.Gone {
		f.repair()
		changes.Moved = f.restrain(before.Assign, settled)
	}
	f.centre()
	f.settlePrices()
	c := f.result(weight, clipped)
	c.Tree, changes.Hollow = prune(before.Level, parent, opt.K)
	c.Tree.Centroids = c.Tree.merge(f.centroids, spread(c.ClippedLoad, treeEpsilon))
	c.Centroids = c.Tree.Centroids.Slice(0, opt.K)
	return c, changes, nil
}

func (e Earlier) check(items, k int) error {
	switch {
	case len(e.Assign) != items:
		return fmt.Errorf("%d items have a leaf of an earlier clustering, of %d", len(e.Assign), items)
	case len(e.Prices) != k || len(e.Parent) != len(e.Level) || len(e.Level) < k:
		return fmt.Errorf("an earlier clustering of %d prices and %d nodes, of which %d have a parent, is none of %d clusters", len(e.Prices), len(e.Level), len(e.Parent), k)
	}
	for i, leaf := range e.Assign {
		if leaf < New || int(leaf) >= k {
			return fmt.Errorf("item %d was in leaf %d, leaves are 0 … %d", i, leaf, k-1)
		}
	}
	if slices.Max(e.Assign) == New {
		return fmt.Errorf("no item of the earlier clustering is left")
	}
	return nil
}

// known are the centroids of the items that have a leaf.
func (f *fit) known() (kernel.Matrix, error) {
	assign := slices.Clone(f.assign)
	for i, leaf := range assign {
		if leaf == New {
			assign[i] = int32(f.k)
		}
	}
	m, _ := centroids(f.x, f.weight, assign, f.k+1)
	return m.Slice(0, f.k), nil
}

// admit gives items that have none a leaf, the heaviest first: the one with the
// largest cosine − price that has room, or else the lightest. near are the
// leaves that the item with a number in fresh may join, and its cosines.
func (f *fit) admit(fresh []int32, near func(number int) ([]int32, []float32)) {
	order := make([]int32, len(fresh))
	for j := range order {
		order[j] = int32(j)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(f.weight[fresh[b]], f.weight[fresh[a]]), cmp.Compare(fresh[a], fresh[b]))
	})
	for _, j := range order {
		i := fresh[j]
		index, score := near(int(j))
		best, bestValue, roomy := int32(New), math.Inf(-1), false
		for at, leaf := range index {
			value, room := float64(score[at])-f.price[leaf], f.load[leaf]+f.weight[i] <= f.limit
			if !room {
				value = -f.load[leaf]
			}
			if room && !roomy || room == roomy && value > bestValue {
				best, bestValue, roomy = leaf, value, room
			}
		}
		f.assign[i] = best
		f.load[best] += f.weight[i]
		f.count[best]++
	}
}

// halve fills an empty leaf with a part of the heaviest one, which it returns.
func (f *fit) halve(empty int32) (int32, error) {
	from := int32(-1)
	for leaf := range int32(f.k) {
		if f.count[leaf] > 1 && (from < 0 || f.load[leaf] > f.load[from]) {
			from = leaf
		}
	}
	if from < 0 {
		return 0, fmt.Errorf("no cluster of %d has two items to fill an empty one with", f.k)
	}
	var members []int32
	for i, leaf := range f.assign {
		if leaf == from {
			members = append(members, int32(i))
		}
	}
	rows, weight := kernel.New(len(members), f.x.Cols), make([]float64, len(members))
	for j, i := range members {
		copy(rows.Row(j), f.x.Row(int(i)))
		weight[j] = f.weight[i]
	}
	half := bisect(rows, weight, 2, f.seed)
	centres, _ := centroids(rows, weight, half, 2)
	whole := f.centroids.Row(int(from))
	leaves := int32(0)
	if kernel.Dot(centres.Row(1), whole) < kernel.Dot(centres.Row(0), whole) {
		leaves = 1
	}
	for j, i := range members {
		if half[j] == leaves {
			f.assign[i] = empty
			f.load[from] -= f.weight[i]
			f.load[empty] += f.weight[i]
			f.count[from]--
			f.count[empty]++
		}
	}
	f.price[empty] = f.price[from]
	copy(f.centroids.Row(int(empty)), centres.Row(int(leaves)))
	copy(f.centroids.Row(int(from)), centres.Row(int(1-leaves)))
	return from, nil
}

// restrain takes back moves of items that were there before, those first that
// lost most likeness, until few enough are left. It returns how many are.
func (f *fit) restrain(before, settled []int32) int {
	type moved struct {
		item int32
		loss float64
	}
	var moves []moved
	known := 0
	for i, leaf := range before {
		if leaf == New {
			continue
		}
		known++
		if now := f.assign[i]; now != settled[i] {
			row := f.x.Row(i)
			loss := kernel.Dot(row, f.centroids.Row(int(settled[i]))) - kernel.Dot(row, f.centroids.Row(int(now)))
			moves = append(moves, moved{int32(i), float64(loss)})
		}
	}
	slices.SortFunc(moves, func(a, b moved) int {
		return cmp.Or(cmp.Compare(b.loss, a.loss), cmp.Compare(a.item, b.item))
	})
	left := len(moves)
	for _, m := range moves {
		if float64(left) <= mostMoved*float64(known) {
			break
		}
		from, to := f.assign[m.item], settled[m.item]
		if f.count[from] == 1 {
			continue // a cluster never gets empty
		}
		f.assign[m.item] = to
		f.load[from] -= f.weight[m.item]
		f.load[to] += f.weight[m.item]
		f.count[from]--
		f.count[to]++
		left--
	}
	return left
}
