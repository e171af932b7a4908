package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// metricTable has a row a planner and a column a metric.
type metricTable struct {
	Columns []string
	Rows    []metricRow
}

type metricRow struct {
	Planner string
	Judged  bool
	Cells   []cell
}

// cell is a value with its interval below.
type cell struct{ Value, Note string }

// order of the metrics in the table; others follow by name.
var order = []string{recallMetric, "match_rate", "novelty_rate", "coverage"}

var columnNames = map[string]string{"match_rate": "match rate", "novelty_rate": "novelty", "n": "cases"}

func tabulate(d Data) (t metricTable) {
	type column struct {
		name string
		k    int32
	}
	f := figures(d.Metrics)
	var columns []column
	for _, m := range f {
		if c := (column{m.Name, m.K}); m.Name != "" && !slices.Contains(columns, c) {
			columns = append(columns, c)
		}
	}
	place := func(name string) int {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortFunc(columns, func(a, b column) int {
		return cmp.Or(cmp.Compare(place(a.name), place(b.name)), cmp.Compare(a.name, b.name), cmp.Compare(a.k, b.k))
	})
	for _, c := range columns {
		name := plain(c.name)
		if known, ok := columnNames[c.name]; ok {
			name = known
		}
		if c.k > 0 {
			name = fmt.Sprintf("%s@%d", name, c.k)
		}
		t.Columns = append(t.Columns, name)
	}
	for _, planner := range f.planners(d.Planner) {
		row := metricRow{Planner: plain(planner), Judged: planner == d.Planner}
		for _, c := range columns {
			m, ok := f.get(c.name, planner, c.k)
			switch {
			case !ok:
				row.Cells = append(row.Cells, cell{Value: "–"})
			case slices.Contains(order, c.name):
				row.Cells = append(row.Cells, cell{percent(m.Value), note(m)})
			case m.Value == math.Trunc(m.Value) && math.Abs(m.Value) < 1e15:
				row.Cells = append(row.Cells, cell{Value: thousands(int64(m.Value))})
			default:
				row.Cells = append(row.Cells, cell{Value: fmt.Sprintf("%.4g", m.Value)})
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
