package balance

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"foray/transforms/kernel"
)

// earlier is what Refit needs of a clustering of the first items.
func earlier(c *Clustering, items int) Earlier {
	e := Earlier{Assign: slices.Clone(c.Assign), Prices: c.Prices, Level: c.Tree.Level, Parent: c.Tree.Parent}
	for len(e.Assign) < items {
		e.Assign = append(e.Assign, New)
	}
	return e
}

func TestRefitOfTheSameChangesNothing(t *testing.T) {
	x, _ := blobs(400, 12, 20, 0.3, 1)
	opt := Options{K: 20, Levels: 3, Seed: 1}
	first, err := Fit(x, zipf(400, 0.8), opt)
	if err != nil {
		t.Fatal(err)
	}
	second, changes, err := Refit(x, zipf(400, 0.8), earlier(first, 400), opt)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(second.Assign, first.Assign) || changes.Moved != 0 || len(changes.Split) != 0 {
		t.Errorf("%d items moved, %v split", changes.Moved, changes.Split)
	}
	// Nor does another year's traffic, without a new item.
	if third, _, err := Refit(x, zipf(400, 1.2), earlier(first, 400), opt); err != nil || !slices.Equal(third.Assign, first.Assign) {
		t.Errorf("other weights alone moved items: %v", err)
	}
}

func TestRefitTakesNewItemsIn(t *testing.T) {
	const n, fresh, k = 1000, 50, 25
	x, _ := blobs(n, 16, k, 0.3, 2)
	weight := zipf(n, 0.8)
	rng := rand.New(rand.NewPCG(3, 3))
	rng.Shuffle(n, func(i, j int) { weight[i], weight[j] = weight[j], weight[i] })
	opt := Options{K: k, Levels: 3, Seed: 1}
	first, err := Fit(x.Slice(0, n-fresh), weight[:n-fresh], opt)
	if err != nil {
		t.Fatal(err)
	}
	second, changes, err := Refit(x, weight, earlier(first, n), opt)
	if err != nil {
		t.Fatal(err)
	}
	moved := 0
	for i := range n - fresh {
		if second.Assign[i] != first.Assign[i] {
			moved++
		}
	}
	if moved != changes.Moved || float64(moved) > mostMoved*(n-fresh) {
		t.Errorf("%d items moved, %d told of", moved, changes.Moved)
	}
	if second.ReachedEpsilon > DefaultEpsilon+1e-6 && float64(moved) < 0.9*mostMoved*(n-fresh) {
		t.Errorf("the loads are %v above the mean, and only %d items were moved", second.ReachedEpsilon, moved)
	}
	if !reflect.DeepEqual(second.Tree.Parent, first.Tree.Parent) {
		t.Error("the tree changed")
	}
}

// A cluster whose items have all gone gets a part of the heaviest one.
func TestRefitSplits(t *testing.T) {
	const n, k = 300, 10
	all, _ := blobs(n, 8, k, 0.2, 4)
	opt := Options{K: k, Levels: 2, Seed: 1}
	first, err := Fit(all, constant(n, 1), opt)
	if err != nil {
		t.Fatal(err)
	}
	x := kernel.Matrix{Cols: all.Cols}
	e := earlier(first, n)
	e.Assign, e.Gone = nil, true
	for i, leaf := range first.Assign {
		if leaf != 3 {
			x.Data = append(x.Data, all.Row(i)...)
			x.Rows++
			e.Assign = append(e.Assign, leaf)
		}
	}
	second, changes, err := Refit(x, constant(x.Rows, 1), e, opt)
	if err != nil {
		t.Fatal(err)
	}
	from, ok := changes.Split[3]
	if !ok || len(changes.Split) != 1 || second.Tree.Parent[3] != first.Tree.Parent[from] {
		t.Errorf("splits are %v, the parent of 3 is %d", changes.Split, second.Tree.Parent[3])
	}
	if !slices.Contains(second.Assign, 3) || !slices.Contains(second.Assign, from) {
		t.Error("a cluster is empty")
	}
}

func TestRefitRefuses(t *testing.T) {
	x, _ := blobs(20, 4, 4, 0.2, 5)
	opt := Options{K: 4, Levels: 2, Seed: 1}
	c, err := Fit(x, constant(20, 1), opt)
	if err != nil {
		t.Fatal(err)
	}
	good := earlier(c, 20)
	for name, change := range map[string]func(*Earlier){
		"nothing is left": func(e *Earlier) {
			for i := range e.Assign {
				e.Assign[i] = New
			}
		},
		"no such leaf":   func(e *Earlier) { e.Assign[0] = 4 },
		"other items":    func(e *Earlier) { e.Assign = e.Assign[1:] },
		"other clusters": func(e *Earlier) { e.Prices = e.Prices[1:] },
	} {
		e := good
		e.Assign = slices.Clone(good.Assign)
		change(&e)
		if _, _, err := Refit(x, constant(20, 1), e, opt); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The only leaf of a branch dies, and the branch with it.
func TestRefitOfABranchThatDies(t *testing.T) {
	x, _ := blobs(40, 4, 2, 0.2, 4)
	opt := Options{K: 2, Levels: 4, Seed: 1}
	first, err := Fit(x, constant(40, 1), opt)
	if err != nil {
		t.Fatal(err)
	}
	left, e := kernel.Matrix{Cols: x.Cols}, earlier(first, 40)
	e.Assign, e.Gone = nil, true
	for i, leaf := range first.Assign {
		if leaf == 1 {
			left.Data = append(left.Data, x.Row(i)...)
			left.Rows++
			e.Assign = append(e.Assign, leaf)
		}
	}
	second, changes, err := Refit(left, constant(left.Rows, 1), e, opt)
	if err != nil {
		t.Fatal(err)
	}
	verifyRefitTree(t, second, e, changes)
	if len(changes.Hollow) != 3 || !slices.Equal(second.Tree.Level, []int32{3, 3, 0, 1, 2}) || !slices.Equal(second.Tree.Parent, []int32{4, 4, -1, 2, 3}) {
		t.Errorf("nodes %v are gone, which leaves the levels %v and the parents %v", changes.Hollow, second.Tree.Level, second.Tree.Parent)
	}
}

// verifyRefitTree checks that the tree of a refit hangs together, has leaves
// below every node, and has lost no other node.
func verifyRefitTree(t *testing.T, c *Clustering, before Earlier, changes Changes) {
	t.Helper()
	if len(c.Tree.Level)+len(changes.Hollow) != len(before.Level) || c.Tree.Centroids.Rows != len(c.Tree.Level) {
		t.Fatalf("%d nodes became %d with %d centroids, %v are gone", len(before.Level), len(c.Tree.Level), c.Tree.Centroids.Rows, changes.Hollow)
	}
	if err := c.Tree.Centroids.Check(); err != nil {
		t.Error(err)
	}
	children := make([]int, len(c.Tree.Level))
	for node, parent := range c.Tree.Parent {
		level := c.Tree.Level[node]
		if (parent < 0) != (level == 0) || parent >= 0 && c.Tree.Level[parent] != level-1 {
			t.Errorf("node %d of level %d has the parent %d", node, level, parent)
		} else if parent >= 0 {
			children[parent]++
		}
	}
	for node := c.Centroids.Rows; node < len(children); node++ {
		if children[node] == 0 {
			t.Errorf("nothing hangs below node %d", node)
		}
	}
}

// Whatever comes and goes, every cluster keeps an item, and few items move.
func FuzzRefit(f *testing.F) {
	for seed := range uint64(30) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 11))
		n := 20 + rng.IntN(200)
		k := 2 + rng.IntN(n/4)
		all, _ := blobs(n, 1+rng.IntN(10), k, 0.3, seed)
		weight := zipf(n, 1.5*rng.Float64())
		old := k + rng.IntN(n-k)
		opt := Options{K: k, Levels: 1 + rng.IntN(4), Seed: seed}
		first, err := Fit(all.Slice(0, old), weight[:old], opt)
		if err != nil {
			t.Fatal(err)
		}
		e := earlier(first, n)
		x, w, kept := kernel.Matrix{Cols: all.Cols}, []float64{}, Earlier{Prices: e.Prices, Level: e.Level, Parent: e.Parent}
		share := rng.Float64() / 2
		for i := range n {
			if i < old && i > 0 && rng.Float64() < share {
				kept.Gone = true
				continue
			}
			x.Data = append(x.Data, all.Row(i)...)
			x.Rows++
			w, kept.Assign = append(w, weight[i]), append(kept.Assign, e.Assign[i])
		}
		if x.Rows < k {
			return
		}
		c, changes, err := Refit(x, w, kept, opt)
		if err != nil {
			t.Fatal(err)
		}
		count := make([]int, k)
		for _, leaf := range c.Assign {
			count[leaf]++
		}
		if slices.Contains(count, 0) {
			t.Errorf("clusters have %v items", count)
		}
		if changes.Moved > x.Rows/20+1 {
			t.Errorf("%d of %d items moved", changes.Moved, x.Rows)
		}
		verifyRefitTree(t, c, kept, changes)
	})
}
