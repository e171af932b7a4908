package tree

import (
	"math/rand/v2"
	"strings"
	"testing"

	"foray/schemas"
)

func row(id, level, parent int32) schemas.Cluster {
	c := schemas.Cluster{ClusterID: id, Level: level}
	if level > 0 {
		c.ParentID = &parent
	}
	return c
}

// Two roots 10 and 11; 10 has 20 and 21, 11 has 22; leaves with gaps.
var small = []schemas.Cluster{
	row(0, 2, 20), row(2, 2, 20), row(3, 2, 21), row(5, 2, 22),
	row(10, 0, 0), row(11, 0, 0), row(20, 1, 10), row(21, 1, 10), row(22, 1, 11),
}

func TestDistances(t *testing.T) {
	tree, err := New(small)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a, b             int32
		common, distance int
	}{
		{0, 0, 2, 0}, {0, 2, 1, 1}, {2, 3, 0, 2}, {3, 5, None, 3},
		{0, 20, None, 3}, {0, 99, None, 3}, {-1, 0, None, 3}, // no leaves
	} {
		if common, distance := tree.Common(c.a, c.b), tree.Distance(c.b, c.a); common != c.common || distance != c.distance {
			t.Errorf("%d and %d meet at level %d, distance %d, want %d and %d", c.a, c.b, common, distance, c.common, c.distance)
		}
	}
	if got := tree.Nearest(0, []int32{5, 3}); got != 2 || tree.Nearest(0, nil) != 3 || tree.Levels() != 3 {
		t.Errorf("the nearest is %d away, want 2", got)
	}
}

func TestDistanceIsAnUltrametric(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var rows []schemas.Cluster
	for i := range int32(40) {
		rows = append(rows, row(i, 3, 100+rng.Int32N(15)))
	}
	for i := range int32(15) {
		rows = append(rows, row(100+i, 2, 200+rng.Int32N(6)))
	}
	for i := range int32(6) {
		rows = append(rows, row(200+i, 1, 300+rng.Int32N(2)))
	}
	rows = append(rows, row(300, 0, 0), row(301, 0, 0))
	tree, err := New(rows)
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		a, b, c := rng.Int32N(40), rng.Int32N(40), rng.Int32N(40)
		ab, bc, ac := tree.Distance(a, b), tree.Distance(b, c), tree.Distance(a, c)
		if ac > max(ab, bc) || ab != tree.Distance(b, a) || (ab == 0) != (a == b) {
			t.Fatalf("distances of %d, %d, %d: %d, %d, %d", a, b, c, ab, bc, ac)
		}
	}
}

func TestBrokenTrees(t *testing.T) {
	for name, rows := range map[string][]schemas.Cluster{
		"no parent":       {row(0, 1, 7)},
		"skips a level":   {row(0, 2, 1), row(1, 0, 0)},
		"root with above": {row(0, 1, 1), {ClusterID: 1, Level: 0, ParentID: new(int32)}},
		"twice":           {row(0, 0, 0), row(0, 0, 0)},
	} {
		if _, err := New(rows); err == nil || !strings.HasPrefix(err.Error(), "cluster tree: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if tree, err := New(nil); err != nil || tree.Levels() != 0 || tree.Distance(0, 0) != 0 {
		t.Errorf("of nothing: %v, %v", tree, err)
	}
}
