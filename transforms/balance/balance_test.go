package balance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"foray/transforms/kernel"
)

// blobs returns n rows around the given number of hidden directions, and which
// direction each row is of.
func blobs(n, dims, directions int, noise float64, seed uint64) (kernel.Matrix, []int) {
	rng := rand.New(rand.NewPCG(seed, 0))
	centres := kernel.New(directions, dims)
	for i := range centres.Data {
		centres.Data[i] = float32(rng.NormFloat64())
	}
	centres.NormalizeRows()
	x, of := kernel.New(n, dims), make([]int, n)
	for i := range n {
		of[i] = rng.IntN(directions)
		for j, v := range centres.Row(of[i]) {
			x.Row(i)[j] = v + float32(noise*rng.NormFloat64())
		}
	}
	return x, of
}

func zipf(n int, exponent float64) []float64 {
	weight := make([]float64, n)
	for i := range weight {
		weight[i] = 100 * math.Pow(float64(i+1), -exponent)
	}
	return weight
}

func constant(n int, value float64) []float64 {
	return slices.Repeat([]float64{value}, n)
}

// verify checks everything that Clustering promises but the reached ε.
func verify(t *testing.T, x kernel.Matrix, weight []float64, opt Options, c *Clustering) {
	t.Helper()
	raw, clipped := make([]float64, opt.K), make([]float64, opt.K)
	items := make([]int, opt.K)
	counted := clipWeights(weight, opt.K)
	for i, leaf := range c.Assign {
		raw[leaf] += weight[i]
		clipped[leaf] += counted[i]
		items[leaf]++
		if s := c.Similarity[i]; !(s >= -1.00001 && s <= 1.00001) {
			t.Fatalf("similarity of item %d is %v", i, s)
		}
	}
	if slices.Contains(items, 0) {
		t.Fatalf("an empty cluster: %v", items)
	}
	if !slices.Equal(raw, c.RawLoad) || !slices.Equal(clipped, c.ClippedLoad) {
		t.Fatal("the loads are not those of the assignment")
	}
	reached := slices.Max(clipped)/(sum(clipped)/float64(opt.K)) - 1
	if math.Abs(reached-c.ReachedEpsilon) > 1e-9 {
		t.Fatalf("reached epsilon is %v, the result says %v", reached, c.ReachedEpsilon)
	}
	for leaf := range opt.K {
		row := c.Centroids.Row(leaf)
		if length := math.Sqrt(float64(kernel.Dot(row, row))); math.Abs(length-1) > 1e-4 && length != 0 {
			t.Fatalf("centroid %d has the length %v", leaf, length)
		}
	}
	if err := c.Tree.Centroids.Check(); err != nil {
		t.Fatal(err)
	}
	verifyTree(t, c.Tree, opt)
}

func verifyTree(t *testing.T, tree Tree, opt Options) {
	t.Helper()
	if len(tree.Sizes) != opt.Levels || tree.Sizes[opt.Levels-1] != opt.K || !slices.IsSorted(tree.Sizes) {
		t.Fatalf("level sizes %v", tree.Sizes)
	}
	nodes := 0
	for _, size := range tree.Sizes {
		nodes += size
	}
	if len(tree.Level) != nodes || len(tree.Parent) != nodes || tree.Centroids.Rows != nodes {
		t.Fatalf("%d nodes, %d levels, %d parents, %d centroids", nodes, len(tree.Level), len(tree.Parent), tree.Centroids.Rows)
	}
	sizes, children := make([]int, opt.Levels), make([]int, nodes)
	for node, level := range tree.Level {
		sizes[level]++
		if node < opt.K && int(level) != opt.Levels-1 {
			t.Fatalf("leaf %d stands at level %d", node, level)
		}
		parent := tree.Parent[node]
		if level == 0 {
			if parent != -1 {
				t.Fatalf("node %d of level 0 has the parent %d", node, parent)
			}
			continue
		}
		if tree.Level[parent] != level-1 {
			t.Fatalf("node %d of level %d has the parent %d of level %d", node, level, parent, tree.Level[parent])
		}
		children[parent]++
	}
	if !slices.Equal(sizes, tree.Sizes) {
		t.Fatalf("levels have %v nodes, want %v", sizes, tree.Sizes)
	}
	for node, level := range tree.Level {
		if int(level) < opt.Levels-1 && children[node] == 0 {
			t.Fatalf("inner node %d has no child", node)
		}
	}
}

func TestFitKeepsItsPromises(t *testing.T) {
	plain, _ := blobs(600, 12, 20, 0.1, 1)
	duplicates := plain.Clone()
	for i := range duplicates.Rows {
		copy(duplicates.Row(i), plain.Row(i%3))
	}
	half := plain.Clone()
	for i := 0; i < half.Rows; i += 2 {
		clear(half.Row(i))
	}
	giant := constant(600, 1)
	giant[17] = 1e6
	cold := constant(600, 0)
	for i := 0; i < 200; i++ {
		cold[i] = float64(1 + i%7)
	}
	tiny := zipf(600, 0.8)
	for i := range tiny {
		tiny[i] *= 1e-300
	}
	for name, test := range map[string]struct {
		x      kernel.Matrix
		weight []float64
		opt    Options
		fits   bool // whole items allow ε
	}{
		"even":             {plain, constant(600, 1), Options{K: 20, Levels: 4}, true},
		"zipf":             {plain, zipf(600, 0.8), Options{K: 20, Levels: 3}, true},
		"steep zipf":       {plain, zipf(600, 1.5), Options{K: 20, Levels: 3}, false},
		"two":              {plain, zipf(600, 0.8), Options{K: 2, Levels: 4}, true},
		"one level":        {plain, zipf(600, 0.8), Options{K: 7, Levels: 1}, true},
		"more than levels": {plain, zipf(600, 0.8), Options{K: 5, Levels: 9}, true},
		"an item each":     {plain, constant(600, 3), Options{K: 600, Levels: 4}, true},
		"nearly each":      {plain, zipf(600, 0.5), Options{K: 599, Levels: 2}, false},
		"duplicates":       {duplicates, constant(600, 1), Options{K: 60, Levels: 3}, true},
		"zero rows":        {kernel.New(600, 5), zipf(600, 0.5), Options{K: 40, Levels: 3}, true},
		"half zero rows":   {half, zipf(600, 0.5), Options{K: 40, Levels: 3}, true},
		"no columns":       {kernel.New(600, 0), constant(600, 1), Options{K: 12, Levels: 2}, true},
		"all-zero weights": {plain, constant(600, 0), Options{K: 30, Levels: 4}, true},
		"a giant":          {plain, giant, Options{K: 30, Levels: 4}, false},
		"cold items":       {plain, cold, Options{K: 20, Levels: 4}, true},
		"tiny weights":     {plain, tiny, Options{K: 20, Levels: 4}, true},
		"tight":            {plain, zipf(600, 0.6), Options{K: 20, Levels: 2, Epsilon: 0.002}, true},
		"two items":        {plain.Slice(0, 2), []float64{1, 2}, Options{K: 2, Levels: 2}, false},
	} {
		t.Run(name, func(t *testing.T) {
			test.opt.Seed = 5
			c, err := Fit(test.x, test.weight, test.opt)
			if err != nil {
				t.Fatal(err)
			}
			verify(t, test.x, test.weight, test.opt, c)
			epsilon := test.opt.Epsilon
			if epsilon == 0 {
				epsilon = DefaultEpsilon
			}
			if test.fits && c.ReachedEpsilon > epsilon+1e-6 {
				t.Errorf("reached epsilon %v", c.ReachedEpsilon)
			}
		})
	}
}

// Wherever the classical heuristic, which looks at loads alone, packs the items
// within the cap, so does Fit.
func TestFitPacksAsTightAsLongestFirst(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	packed := 0
	for range 150 {
		k := 2 + rng.IntN(12)
		n := k + rng.IntN(12*k)
		x, _ := blobs(n, 6, 5, 0.3, rng.Uint64())
		weight := zipf(n, 1.2*rng.Float64())
		c, err := Fit(x, weight, Options{K: k, Levels: 2, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		verify(t, x, weight, Options{K: k, Levels: 2}, c)
		best := longestFirst(clipWeights(weight, k), k)
		if best <= DefaultEpsilon {
			packed++
			if c.ReachedEpsilon > DefaultEpsilon+1e-6 {
				t.Errorf("n = %d, k = %d: reached %.4f, %.4f is possible", n, k, c.ReachedEpsilon, best)
			}
		} else if c.ReachedEpsilon > best+0.5 {
			t.Errorf("n = %d, k = %d: reached %.4f, %.4f is possible", n, k, c.ReachedEpsilon, best)
		}
	}
	if packed < 50 {
		t.Errorf("only %d of 150 cases could be packed: the test tests nothing", packed)
	}
}

func TestFitFindsTheBlobs(t *testing.T) {
	x, of := blobs(2000, 32, 25, 0.05, 9)
	// Blobs of about equal size fit their clusters, but not exactly.
	c, err := Fit(x, constant(2000, 1), Options{K: 25, Levels: 2, Epsilon: 0.4, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	most := map[int32]map[int]int{}
	for i, leaf := range c.Assign {
		if most[leaf] == nil {
			most[leaf] = map[int]int{}
		}
		most[leaf][of[i]]++
	}
	pure := 0
	for _, counts := range most {
		largest := 0
		for _, n := range counts {
			largest = max(largest, n)
		}
		pure += largest
	}
	if pure < 1800 {
		t.Errorf("%d of 2000 items are with their own kind", pure)
	}
}

func TestFitLeavesItsInputAlone(t *testing.T) {
	x, _ := blobs(50, 4, 3, 0.1, 4)
	weight := zipf(50, 1)
	before, weightBefore := x.Clone(), slices.Clone(weight)
	if _, err := Fit(x, weight, Options{K: 5, Levels: 2}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(x, before) || !slices.Equal(weight, weightBefore) {
		t.Fatal("Fit changed its input")
	}
}

func TestFitOverwrites(t *testing.T) {
	x, _ := blobs(50, 4, 3, 0.1, 4)
	want, err := Fit(x, zipf(50, 1), Options{K: 5, Levels: 2})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Fit(x, zipf(50, 1), Options{K: 5, Levels: 2, Overwrite: true})
	if err != nil {
		t.Fatal(err)
	}
	if length := kernel.Dot(x.Row(7), x.Row(7)); !reflect.DeepEqual(got, want) || math.Abs(float64(length)-1) > 1e-6 {
		t.Fatalf("the clustering of rows that may be changed differs, or they were copied: one has the length %v", length)
	}
}

func TestFitRefuses(t *testing.T) {
	x, _ := blobs(10, 4, 3, 0.1, 4)
	broken := x.Clone()
	broken.Row(6)[2] = float32(math.Inf(1))
	unknown := x.Clone()
	unknown.Row(2)[0] = float32(math.NaN())
	bad := constant(10, 1)
	bad[3] = math.NaN()
	negative := constant(10, 1)
	negative[4] = -1
	for name, test := range map[string]struct {
		x      kernel.Matrix
		weight []float64
		opt    Options
		says   string
	}{
		"one cluster":     {x, constant(10, 1), Options{K: 1, Levels: 1}, "1 clusters of 10 items"},
		"too many":        {x, constant(10, 1), Options{K: 11, Levels: 1}, "11 clusters of 10 items"},
		"no levels":       {x, constant(10, 1), Options{K: 2}, "levels"},
		"epsilon":         {x, constant(10, 1), Options{K: 2, Levels: 1, Epsilon: -1}, "epsilon"},
		"rounds":          {x, constant(10, 1), Options{K: 2, Levels: 1, Rounds: -1}, "rounds"},
		"weights":         {x, constant(9, 1), Options{K: 2, Levels: 1}, "9 weights for 10 items"},
		"NaN value":       {unknown, constant(10, 1), Options{K: 2, Levels: 1}, "row 2"},
		"infinite value":  {broken, constant(10, 1), Options{K: 2, Levels: 1}, "row 6"},
		"NaN weight":      {x, bad, Options{K: 2, Levels: 1}, "row 3"},
		"negative weight": {x, negative, Options{K: 2, Levels: 1}, "row 4"},
		"huge weights":    {x, constant(10, math.MaxFloat64), Options{K: 2, Levels: 1}, "too large"},
	} {
		if _, err := Fit(test.x, test.weight, test.opt); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: error %v does not say %q", name, err, test.says)
		}
	}
}

func TestLevelSizes(t *testing.T) {
	for _, test := range []struct {
		k, levels int
		want      string
	}{{761, 4, "[5 28 145 761]"}, {2, 4, "[2 2 2 2]"}, {8, 3, "[2 4 8]"}, {9, 1, "[9]"}} {
		if got := fmt.Sprint(levelSizes(test.k, test.levels)); got != test.want {
			t.Errorf("levelSizes(%d, %d) = %s, want %s", test.k, test.levels, got, test.want)
		}
	}
}

func BenchmarkFit(b *testing.B) {
	for _, size := range []struct{ items, dims, k int }{{3000, 128, 64}, {50000, 128, 761}} {
		x, _ := blobs(size.items, size.dims, 600, 0.09, 1)
		weight := zipf(size.items, 0.8)
		b.Run(fmt.Sprintf("%dx%dk%d", size.items, size.dims, size.k), func(b *testing.B) {
			for b.Loop() {
				c, err := Fit(x, weight, Options{K: size.k, Levels: 4, Seed: 1})
				if err != nil {
					b.Fatal(err)
				}
				var cosine, total float64
				for i, w := range weight {
					cosine += w * float64(c.Similarity[i])
					total += w
				}
				b.ReportMetric(cosine/total, "cosine")
				b.ReportMetric(c.ReachedEpsilon, "epsilon")
			}
		})
	}
}
