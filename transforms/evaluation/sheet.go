package evaluation

import (
	"context"
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"foray/schemas"
	"foray/transforms/planner"
	"foray/transforms/planning"
	"foray/transforms/tree"
)

// sheet adds up, over the table's keys, what one planner plans: once with
// every key counting the same, once with every user who stands at a key.
type sheet struct {
	columns
	// byKey and byTraffic are sums by column; boots are byTraffic in each
	// resample of users, Replicates to a column.
	byKey, byTraffic, boots []int64
}

// columns are the places of a sheet's sums.
type columns struct {
	keys, answered, matched, novel, planned int // rows of the table, by what became of them
	compared, same                          int // plans that another generation has, too; and the same
	apart, pairs                            int // tree distances between the first plans of a key
	common                                  int // plans by common level with the key, from tree.None
	clusters                                int // plans by cluster, by rank
	levels, leaves, size                    int
}

func newColumns(levels, leaves int) columns {
	c := columns{keys: 0, answered: 1, matched: 2, novel: 3, planned: 4, compared: 5, same: 6, apart: 7, pairs: 8, common: 9, levels: levels, leaves: leaves}
	c.clusters = c.common + levels + 1
	c.size = c.clusters + leaves
	return c
}

// diverse is how many plans of a key are held against each other.
const diverse = 5

// generation gives the plan of a key in another generation of the plans,
// noPlan for none; nil where there is no other.
type generation func(key []int32) uint16

// tabulate fills in a sheet for each planner.
func tabulate(ctx context.Context, b *book, t *tree.Tree, numbers, users []int64, others []generation) ([]*sheet, error) {
	standing := make(map[int64]int64, len(numbers))
	for i, n := range numbers {
		standing[n] = users[i]
	}
	cols := newColumns(t.Levels(), len(b.world.Leaves))
	workers := runtime.GOMAXPROCS(0)
	parts := make([][]*sheet, workers)
	group, ctx := errgroup.WithContext(ctx)
	for worker := range parts {
		parts[worker] = newSheets(cols, len(b.planners))
		group.Go(func() error {
			var w weights
			var sums []entry
			for row := worker; row < len(b.table.Rows) && ctx.Err() == nil; row += workers {
				r := &b.table.Rows[row]
				number, _ := b.numberOf(r.Key)
				n := standing[number]
				if n > 0 {
					w.draw(uint64(number), n)
				}
				for p, s := range parts[worker] {
					sums = b.entries(sums[:0], cols, t, row, p, others[p])
					s.add(sums, n, &w)
				}
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, part := range parts[1:] {
		for p, s := range part {
			addTo(parts[0][p].byKey, s.byKey)
			addTo(parts[0][p].byTraffic, s.byTraffic)
			addTo(parts[0][p].boots, s.boots)
		}
	}
	return parts[0], nil
}

func newSheets(c columns, planners int) []*sheet {
	sheets := make([]*sheet, planners)
	for p := range sheets {
		sheets[p] = &sheet{c, make([]int64, c.size), make([]int64, c.size), make([]int64, c.size*Replicates)}
	}
	return sheets
}

// entry is what one key adds to a column.
type entry struct {
	column int
	n      int64
}

func (s *sheet) add(sums []entry, users int64, w *weights) {
	for _, e := range sums {
		s.byKey[e.column] += e.n
		if users > 0 {
			s.byTraffic[e.column] += e.n * users
			addTimes((*weights)(s.boots[e.column*Replicates:]), w, e.n)
		}
	}
}

// entries tell of the plans of planner p for a row of the table.
func (b *book) entries(sums []entry, c columns, t *tree.Tree, row, p int, other generation) []entry {
	key := b.table.Rows[row].Key
	plans := b.plans[(row*len(b.planners)+p)*listed:][:listed]
	sums = append(sums, entry{c.keys, 1})
	status := schemas.StatusOK // baselines answer every key, with a novel cluster
	if p == 0 {
		status = b.table.Rows[row].Status
	}
	switch status {
	case schemas.StatusOK:
		sums = append(sums, entry{c.answered, 1}, entry{c.matched, 1}, entry{c.novel, 1})
	case schemas.StatusNotNovel:
		sums = append(sums, entry{c.answered, 1}, entry{c.matched, 1})
	case schemas.StatusNoMatch:
		sums = append(sums, entry{c.answered, 1})
	}
	if plans[0] == noPlan {
		return sums
	}
	leaf := func(rank uint16) int32 { return b.world.Leaves[rank].ClusterID }
	common := t.Levels() - 1 - t.Nearest(leaf(plans[0]), key)
	sums = append(sums, entry{c.planned, 1}, entry{c.common + common - tree.None, 1}, entry{c.clusters + int(plans[0]), 1})
	if other != nil {
		if plan := other(key); plan != noPlan {
			sums = append(sums, entry{c.compared, 1})
			if plan == plans[0] {
				sums = append(sums, entry{c.same, 1})
			}
		}
	}
	apart, pairs := int64(0), int64(0)
	for i, x := range plans[:diverse] {
		for _, y := range plans[:i] {
			if x != noPlan {
				apart += int64(t.Distance(leaf(x), leaf(y)))
				pairs++
			}
		}
	}
	if pairs > 0 {
		sums = append(sums, entry{c.apart, apart}, entry{c.pairs, pairs})
	}
	return sums
}

// generations are, for each planner, what its plans are compared with: of the
// table, an earlier version; of a baseline, the same made with the next seed,
// which only the random one heeds.
func generations(ctx context.Context, cfg Config, b *book) ([]generation, error) {
	others := make([]generation, len(b.planners))
	if cfg.Against != "" {
		earlier, err := planning.LoadTable(ctx, cfg.Output, cfg.Against)
		if err != nil {
			return nil, err
		}
		others[0] = b.first(earlier)
	}
	for p, name := range cfg.Names() {
		if p > 0 && name == planner.Random {
			w := b.world.World
			w.Seed++
			again, err := planner.New(name, &w)
			if err != nil {
				return nil, err
			}
			others[p] = b.first(again)
		} else if p > 0 {
			others[p] = b.listedFirst(p)
		}
	}
	return others, nil
}

// listedFirst is what the book has as a planner's first plan.
func (b *book) listedFirst(p int) generation {
	return func(key []int32) uint16 {
		number, _ := b.numberOf(key)
		return b.plans[(b.row(number)*len(b.planners)+p)*listed]
	}
}

// first is the first plan of a planner.
func (b *book) first(p planner.Planner) generation {
	return func(key []int32) uint16 {
		var room [1]schemas.Candidate
		if plans := p.Plan(key, 1, room[:0]); len(plans) > 0 {
			if r := b.rank(plans[0].Cluster); r >= 0 {
				return uint16(r)
			}
		}
		return noPlan
	}
}

// counts are the plans by cluster, by rank.
func (c columns) counts(sums []int64) []int64 { return sums[c.clusters:][:c.leaves] }

// figure is a way to read one number off the sums.
type figure func(c columns, sums []int64) float64

// traffic reads a figure with every user counting the same, with its interval.
func (s *sheet) traffic(read figure, n int64) estimate {
	boots, sums := make([]float64, Replicates), make([]int64, s.size)
	for r := range boots {
		for column := range sums {
			sums[column] = s.boots[column*Replicates+r]
		}
		boots[r] = read(s.columns, sums)
	}
	return between(read(s.columns, s.byTraffic), boots, n)
}

// ratioOf reads a ratio of two columns.
func ratioOf(part, whole int) figure {
	return func(_ columns, sums []int64) float64 { return over(sums[part], sums[whole]) }
}

func total(counts []int64) (sum int64) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

// coverage is the share of clusters that are planned at all.
func coverage(c columns, sums []int64) float64 {
	planned := int64(0)
	for _, n := range c.counts(sums) {
		if n > 0 {
			planned++
		}
	}
	return over(planned, int64(c.leaves))
}

// entropy is Shannon's, in bits: log₂ of the number of clusters if all are
// planned alike, 0 if always one is.
func entropy(c columns, sums []int64) float64 {
	counts := c.counts(sums)
	all := total(counts)
	if all == 0 {
		return math.NaN()
	}
	h := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(all)
			h -= p * math.Log2(p)
		}
	}
	return h
}

// gini is Gini's coefficient over all clusters: 0 if all are planned alike,
// near 1 if always one is. With counts ascending it is
// Σ (2i − n − 1)·countᵢ ÷ (n · Σ countᵢ), i from 1.
func gini(c columns, sums []int64) float64 {
	counts := slices.Sorted(slices.Values(c.counts(sums)))
	spread := int64(0)
	for i, n := range counts {
		spread += int64(2*(i+1)-c.leaves-1) * n
	}
	return over(spread, int64(c.leaves)*total(counts))
}

// topDecile is the share of plans that the most planned tenth of all clusters
// has, at least one cluster.
func topDecile(c columns, sums []int64) float64 {
	counts := slices.Sorted(slices.Values(c.counts(sums)))
	return over(total(counts[len(counts)-max(1, len(counts)/10):]), total(counts))
}

// treeDistance is the mean number of levels from a plan up to the lowest
// ancestor that it shares with a cluster of its key.
func treeDistance(c columns, sums []int64) float64 {
	distance, plans := int64(0), int64(0)
	for i, n := range sums[c.common:c.clusters] {
		distance += int64(c.levels-i) * n
		plans += n
	}
	return over(distance, plans)
}
