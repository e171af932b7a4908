package evaluation

import (
	"math"
	"testing"

	"foray/schemas"
	"foray/transforms/planner"
	"foray/transforms/planning"
	"foray/transforms/tree"
)

// fewLeaves is a book of one planner over the leaves 2, 3, 5 and 9: 2 and 3
// below 20, 5 and 9 below 21, nothing above. plans are first plans and others
// by row, by rank.
func fewLeaves(t *testing.T, keys [][]int32, plans [][]uint16) (*book, *tree.Tree) {
	t.Helper()
	var all, leaves []schemas.Cluster
	for _, top := range []int32{20, 21} {
		all = append(all, schemas.Cluster{ClusterID: top})
	}
	for i, id := range []int32{2, 3, 5, 9} {
		parent := int32(20 + i/2)
		leaves = append(leaves, schemas.Cluster{ClusterID: id, Level: 1, ParentID: &parent})
	}
	tr, err := tree.New(append(all, leaves...))
	if err != nil {
		t.Fatal(err)
	}
	b := &book{world: &planning.World{World: planner.World{Leaves: leaves}}, planners: make([]planner.Planner, 1), table: &planning.Table{}, ranks: make([]int32, 10), rows: map[int64]int32{}}
	for i := range b.ranks {
		b.ranks[i] = -1
	}
	for i, c := range leaves {
		b.ranks[c.ClusterID] = int32(i)
	}
	for row, key := range keys {
		b.table.Rows = append(b.table.Rows, schemas.Lookup{Key: key, Status: schemas.StatusOK})
		for i := range listed {
			if i < len(plans[row]) {
				b.plans = append(b.plans, plans[row][i])
			} else {
				b.plans = append(b.plans, noPlan)
			}
		}
		number, _ := b.numberOf(key)
		b.rows[number] = int32(row)
	}
	return b, tr
}

func TestFiguresOfPlans(t *testing.T) {
	b, tr := fewLeaves(t, [][]int32{{2, 5}, {2, 3}, {5, 9}, {3, 2}}, [][]uint16{
		{1, 3},    // 3 is a sibling of 2; 3 and 9 share nothing
		{2, 3},    // 5 shares nothing with 2 or 3; 5 and 9 are siblings
		{0, 1, 2}, // 2 shares nothing; its distances to 3 and 5 are 1 and 2, theirs is 2
		{},
	})
	c := newColumns(tr.Levels(), len(b.world.Leaves))
	s := newSheets(c, 1)[0]
	again := func(key []int32) uint16 { // the first key's plan stays, the second's is gone
		switch key[0] {
		case 2:
			return map[int32]uint16{5: 1, 3: noPlan}[key[1]]
		default:
			return 3
		}
	}
	for row, users := range []int64{3, 1, 0, 2} {
		w := new(weights)
		w[7] = 2 * users
		s.add(b.entries(nil, c, tr, row, 0, again), users, w)
	}
	for name, f := range map[string]struct {
		read           figure
		byKey, traffic float64
	}{
		TreeDistance:      {treeDistance, 5. / 3, 5. / 4},
		TreeCommon + " 0": {ratioOf(c.common+1, c.planned), 1. / 3, 3. / 4},
		Diversity:         {ratioOf(c.apart, c.pairs), 8. / 5, 7. / 4},
		Agreement:         {ratioOf(c.same, c.compared), 1. / 2, 1},
		PlannedRate:       {ratioOf(c.planned, c.keys), 3. / 4, 4. / 6},
		Coverage:          {coverage, 3. / 4, 2. / 4},
	} {
		if got := f.read(c, s.byKey); math.Abs(got-f.byKey) > 1e-12 {
			t.Errorf("%s is %v, want %v", name, got, f.byKey)
		}
		if got := s.traffic(f.read, 1).value; math.Abs(got-f.traffic) > 1e-12 {
			t.Errorf("%s by traffic is %v, want %v", name, got, f.traffic)
		}
		resampled := make([]int64, c.size)
		for column := range resampled {
			resampled[column] = s.boots[column*Replicates+7]
		}
		if got := f.read(c, resampled); math.Abs(got-f.traffic) > 1e-12 {
			t.Errorf("%s of users drawn twice is %v, want %v", name, got, f.traffic)
		}
	}
}

func TestMissed(t *testing.T) {
	b, _ := fewLeaves(t, [][]int32{{2, 5}, {2, 3}, {5, 9}, {3, 2}}, [][]uint16{{1}, {2, 3}, {0}, {}})
	number := func(key ...int32) int64 {
		n, _ := b.numberOf(key)
		return n
	}
	got := b.missing(sumCounted([]counted{
		{number(2, 5), 1, 9}, {number(2, 5), 3, 2}, // 9 of 11 as planned
		{number(2, 3), 2, 4}, {number(2, 3), 3, 5}, // all among the plans
		{number(5, 9), 1, 7}, {number(5, 9), 1, 1}, {number(5, 9), 0, 1}, {number(5, 9), 2, 1},
		{number(3, 2), 3, 50}, // no plan to be wrong
		{number(9, 5), 1, 60}, // not in the table
	}))
	want := []missed{{Row: 2, Cases: 10, Found: 1, Next: 3}, {Row: 0, Cases: 11, Found: 9, Next: 9}}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
