package clustering

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"foray/transforms/commit"
	"foray/transforms/kernel"
	"foray/transforms/packed"
	"foray/transforms/read"
	"foray/transforms/spill"
)

// each hands values out as a runner's iterator does.
func each[T any](values ...T) func(*T) bool {
	return func(into *T) bool {
		if len(values) == 0 {
			return false
		}
		*into, values = values[0], values[1:]
		return true
	}
}

// gather lists blocks of items, of which some travel and some wait, and loads
// them all.
func gather(t *testing.T, cfg Config, rejects *commit.Rejects, blocks ...read.Items) *catalogue {
	t.Helper()
	packed := []read.ItemBlock{{}}
	for i, b := range blocks {
		folder := ""
		if i%2 == 1 {
			folder = t.TempDir()
		}
		out := spill.NewWriter(folder)
		block, err := b.Pack(out)
		if err := errors.Join(err, out.Close()); err != nil {
			t.Fatal(err)
		}
		packed = append(packed, block)
	}
	l, err := cfg.list(each(packed...), rejects)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := l.load(l.all(), heads|vectors)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGatherKeepsTheFirstOfAnID(t *testing.T) {
	cfg := Config{Stage: "cluster", ItemIDColumn: "id", EmbeddingColumn: "vector"}
	rejects := commit.NewRejects("cluster")
	c := gather(t, cfg, rejects,
		read.Items{File: "b.csv", Lines: []int64{2}, IDs: []string{"x"}, Texts: []string{"late"}},
		read.Items{File: "a.csv", Lines: []int64{3, 5}, IDs: []string{"a", "x"}, Texts: []string{"other", "first"}},
	)
	if fmt.Sprint(c.IDs, c.Texts) != "[a x] [other first]" {
		t.Errorf("got %v %v", c.IDs, c.Texts)
	}
	checkRejected(t, rejects, "1 row of b.csv, column id: line 2: the item id is that of a.csv:5")
}

func TestGatherKeepsEmbeddingsOfTheUsualLength(t *testing.T) {
	cfg := Config{Stage: "cluster", ItemIDColumn: "id", EmbeddingColumn: "vector"}
	rejects := commit.NewRejects("cluster")
	c := gather(t, cfg, rejects,
		read.Items{File: "a.csv", Lines: []int64{1}, IDs: []string{"odd"}, Texts: []string{""}, Dims: 1, Vectors: []float32{1}},
		read.Items{File: "a.csv", Lines: []int64{2, 3}, IDs: []string{"y", "x"}, Texts: []string{"", ""}, Dims: 2, Vectors: []float32{1, 2, 3, 4}},
	)
	if fmt.Sprint(c.IDs, c.Vectors.Data) != "[x y] [3 4 1 2]" {
		t.Errorf("got %v %v", c.IDs, c.Vectors)
	}
	checkRejected(t, rejects, "1 row of a.csv, column vector: line 1: the embedding has 1 floats, most have 2")
}

func checkRejected(t *testing.T, rejects *commit.Rejects, want string) {
	t.Helper()
	e, err := rejects.Close(t.Context(), t.TempDir(), "v=1", "items")
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Rejected.Faults) != 1 || !strings.HasPrefix(e.Rejected.Faults[0].String(), want) {
		t.Errorf("rejected %v, want %q", e.Rejected.Faults, want)
	}
}

func TestClustersFor(t *testing.T) {
	for _, tc := range []struct{ items, asked, want int }{
		{3000, 0, 150}, {100_000, 0, 761}, {40, 0, 8}, {8, 0, 8}, {3000, 72, 72}, {3, 3, 3}, {7, 0, -1}, {10, 11, -1}, {0, 0, -1},
	} {
		got, err := clustersFor(tc.items, tc.asked)
		if tc.want < 0 {
			if err == nil || !strings.Contains(err.Error(), "--clusters") {
				t.Errorf("%d items, %d asked: got %d, %v", tc.items, tc.asked, got, err)
			}
		} else if got != tc.want || err != nil {
			t.Errorf("%d items, %d asked: got %d, %v, want %d", tc.items, tc.asked, got, err, tc.want)
		}
	}
}

func TestEngageJoinsByID(t *testing.T) {
	a, b, gone := read.HashItem("a"), read.HashItem("b"), read.HashItem("gone")
	e, err := engage([]string{"a", "b"}, each(
		inline(t, packed.Encode([]int64{9, 9, 4}, []int64{b, a, gone}, []int64{1, 2, 5})),
		inline(t, packed.Encode([]int64{4}, []int64{b}, []int64{3})),
	), true)
	if err != nil {
		t.Fatal(err)
	}
	if e.Known != 6 || e.Unknown != 5 || fmt.Sprint(e.Events) != "[2 4]" || fmt.Sprint(e.Baskets) != "[[1] [0 1]]" {
		t.Errorf("got %+v", e)
	}
}

// shop has items of three kinds, whose words and users keep to themselves.
func shop(n int) (*catalogue, *engagement) {
	kinds := []string{"tea kettle pot", "chess board clock", "tent sleeping bag"}
	c, e := &catalogue{}, &engagement{}
	for i := range n {
		c.IDs = append(c.IDs, fmt.Sprintf("i%03d", i))
		c.Texts = append(c.Texts, fmt.Sprintf("%s number%d", kinds[i%3], i%7))
		e.Events = append(e.Events, float64(1+i%4))
		e.Known += int64(1 + i%4)
	}
	for u := range 60 {
		e.Baskets = append(e.Baskets, []int32{int32(u % 3), int32(u%3 + 3), int32(u%3 + 6)})
	}
	return c, e
}

// checkTree holds a clustering against what clusters/ promises.
func checkTree(t *testing.T, f *fitted, levels int32) {
	t.Helper()
	traffic := make([]float64, levels)
	items := make([]int64, levels)
	texts := map[string]bool{}
	for node, level := range f.Tree.Level {
		traffic[level] += f.traffic[node]
		items[level] += f.items[node]
		if parent := f.Tree.Parent[node]; (parent < 0) != (level == 0) || parent >= 0 && f.Tree.Level[parent] != level-1 {
			t.Errorf("node %d of level %d has parent %d", node, level, parent)
		}
		if node < f.Centroids.Rows {
			if level != levels-1 || f.items[node] == 0 || texts[f.descriptions[node].Text] || f.descriptions[node].Text == "" {
				t.Errorf("leaf %d: level %d, %d items, %q", node, level, f.items[node], f.descriptions[node].Text)
			}
			texts[f.descriptions[node].Text] = true
		}
	}
	for level := range levels {
		if math.Abs(traffic[level]-1) > 1e-9 || items[level] != int64(len(f.Assign)) {
			t.Errorf("level %d: traffic %v of %d items", level, traffic[level], items[level])
		}
	}
}

func TestFit(t *testing.T) {
	for _, events := range []bool{true, false} {
		c, e := shop(60)
		if !events {
			e = &engagement{Events: make([]float64, 60)}
		}
		f, err := Config{Clusters: 6, Levels: 3, Seed: 1}.fit(c, e, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.describe(Config{}); err != nil {
			t.Fatal(err)
		}
		f.sum()
		checkTree(t, f, 3)
		mixed := 0
		for i, leaf := range f.Assign {
			for j, other := range f.Assign[:i] {
				if leaf == other && i%3 != j%3 {
					mixed++
				}
			}
		}
		if mixed > 60 { // of some 270 pairs, of which two thirds would be mixed by chance
			t.Errorf("events %v: %d pairs of different kinds share a cluster", events, mixed)
		}
	}
}

func TestFitOnGivenVectorsJoinsNothingIn(t *testing.T) {
	c, e := shop(60)
	c.Vectors = kernel.New(60, 2)
	for i := range 60 {
		c.Vectors.Row(i)[i/30] = 1 // halves, across the kinds
	}
	f, err := Config{Clusters: 2, Levels: 1, Seed: 1}.fit(c, e, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, leaf := range f.Assign {
		if leaf != f.Assign[i/30*30] {
			t.Errorf("item %d is in cluster %d, its half in %d", i, leaf, f.Assign[i/30*30])
		}
	}
	if f.Centroids.Cols != 2 || f.model != nil {
		t.Errorf("centroids of %d columns, model %v", f.Centroids.Cols, f.model)
	}
}

func TestFitRefuses(t *testing.T) {
	c, e := shop(5)
	if _, err := (Config{Clusters: 6, Levels: 1}).fit(c, e, nil); err == nil || !strings.Contains(err.Error(), "5 items cannot fill 6 clusters") {
		t.Errorf("got %v", err)
	}
}

// inline is a block that travels itself.
func inline(t *testing.T, block []byte) []byte {
	t.Helper()
	element, err := spill.NewWriter("").Put(block)
	if err != nil {
		t.Fatal(err)
	}
	return element
}
