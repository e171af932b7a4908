package evaluation

import (
	"cmp"
	"slices"

	"foray/schemas"
	"foray/transforms/report"
)

// missed is a key of the table whose users went elsewhere after the cut.
type missed struct {
	Row          int
	Cases, Found int64 // transitions, and those among the plans listed
	Next         int32 // where most of them went, and it was not planned
}

// missing are the keys with a plan whose plans missed most transitions; rows
// are sorted.
func (b *book) missing(rows []counted) (worst []missed) {
	for i := 0; i < len(rows); {
		j := i
		for j < len(rows) && rows[j].key == rows[i].key {
			j++
		}
		if row := b.row(rows[i].key); row >= 0 {
			if m, ok := b.missedBy(row, rows[i:j]); ok {
				worst = append(worst, m)
			}
		}
		i = j
	}
	slices.SortStableFunc(worst, func(a, b missed) int { return cmp.Compare(b.Cases-b.Found, a.Cases-a.Found) })
	return worst[:min(len(worst), pageWorst)]
}

func (b *book) missedBy(row int, rows []counted) (m missed, ok bool) {
	plans := b.plans[row*len(b.planners)*listed:][:listed]
	if plans[0] == noPlan {
		return m, false
	}
	m.Row = row
	most := int64(0)
	for _, r := range rows {
		m.Cases += r.users
		if slices.Contains(plans, uint16(r.next)) {
			m.Found += r.users
		} else if r.users > most {
			m.Next, most = b.world.Leaves[r.next].ClusterID, r.users
		}
	}
	return m, most > 0
}

// worst fills in the keys with the most users that have no plan, and those
// whose plans missed what users did.
func (b *book) worst(d *report.Data, byTraffic []int, missed []missed, successor func(key []int32) string) {
	for _, i := range byTraffic {
		if r := b.table.Rows[i]; r.Status != schemas.StatusOK && len(d.Worst) < pageWorst/2 {
			d.Worst = append(d.Worst, report.Case{Why: r.Status, Key: b.world.Words(r.Key), Successor: successor(r.Key), Traffic: r.Traffic})
		}
	}
	for _, m := range missed[:min(len(missed), pageWorst-len(d.Worst))] {
		r := b.table.Rows[m.Row]
		d.Worst = append(d.Worst, report.Case{
			Why: report.Missed(m.Cases-m.Found, m.Cases), Key: b.world.Words(r.Key),
			Answer: r.NovelDescription, Successor: b.world.Describe(m.Next), Traffic: r.Traffic,
		})
	}
}
