package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"foray/schemas"
)

// metricTable has a group of rows for each subject, and a column a planner.
type metricTable struct {
	Planners []plannerName
	Groups   []metricGroup
}

type plannerName struct {
	Name   string
	Judged bool
}

type metricGroup struct {
	Name string
	Rows []metricRow
}

// metricRow is a metric, with its meaning where one was given.
type metricRow struct {
	Name, Weighting, Meaning string
	Cells                    []cell
}

// cell is a value with its interval below.
type cell struct {
	Value, Note string
	Judged      bool
}

// The parts of metrics' names that the page understands.
const (
	byKey     = "_by_key"
	byTraffic = "_by_traffic"
	minus     = "_minus_"
	chance    = "_p"
	decile    = "recall_decile_"
	common    = "tree_common_level"
)

// weighting parts a metric's name into metric and weighting, in words.
func weighting(name string) (metric, words string) {
	if metric, ok := strings.CutSuffix(name, byKey); ok {
		return metric, "every key the same"
	}
	if metric, ok := strings.CutSuffix(name, byTraffic); ok {
		return metric, "weighted by traffic"
	}
	return name, ""
}

// otherMetrics is the group of metrics without a definition.
const otherMetrics = "Other figures"

func tabulate(d Data) (t metricTable) {
	f := figures(d.Metrics)
	planners := f.planners(d.Planner)
	for _, p := range planners {
		t.Planners = append(t.Planners, plannerName{plain(p), p == d.Planner})
	}
	for _, c := range rowsOf(d) {
		row := metricRow{Name: plain(c.metric), Weighting: c.words, Meaning: c.definition.Meaning}
		if c.definition.Name != "" {
			row.Name = plain(c.definition.Name)
		}
		if c.k > 0 || c.metric == common {
			row.Name = fmt.Sprintf("%s@%d", row.Name, c.k)
		}
		for _, p := range planners {
			one := cell{Value: "–", Judged: p == d.Planner}
			if m, ok := f.get(c.name, p, c.k); ok {
				one.Value, one.Note = shown(m, c.definition.Share)
			}
			row.Cells = append(row.Cells, one)
		}
		group := c.definition.Group
		if group == "" {
			group = otherMetrics
		}
		if n := len(t.Groups); n == 0 || t.Groups[n-1].Name != group {
			t.Groups = append(t.Groups, metricGroup{Name: group})
		}
		last := &t.Groups[len(t.Groups)-1]
		last.Rows = append(last.Rows, row)
	}
	return t
}

// metricColumn is what a row of the table shows of every planner.
type metricColumn struct {
	name, metric, words string
	k                   int32
	place               int // of the definition
	definition          Definition
}

// rowsOf lists the metrics in the order of their definitions, those without
// one last; what has a table or a plot of its own is left out.
func rowsOf(d Data) (rows []metricColumn) {
	seen := map[string]bool{}
	for _, m := range d.Metrics {
		id := fmt.Sprintf("%s %d", m.Name, m.K)
		if m.Name == "" || seen[id] || strings.Contains(m.Name, minus) || strings.HasPrefix(m.Name, decile) {
			continue
		}
		seen[id] = true
		c := metricColumn{name: m.Name, k: m.K, place: len(d.Definitions)}
		c.metric, c.words = weighting(m.Name)
		if i := slices.IndexFunc(d.Definitions, func(def Definition) bool { return def.Metric == c.metric }); i >= 0 {
			c.place, c.definition = i, d.Definitions[i]
		}
		rows = append(rows, c)
	}
	slices.SortStableFunc(rows, func(a, b metricColumn) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.metric, b.metric), cmp.Compare(a.k, b.k), cmp.Compare(a.words, b.words))
	})
	return rows
}

// shown writes a value, and its interval where it has one.
func shown(m schemas.Metric, share bool) (value, note string) {
	if share {
		value = percent(m.Value)
		if m.Low < m.High {
			note = interval(m.Low, m.High)
		}
		return value, note
	}
	if m.Value == math.Trunc(m.Value) && math.Abs(m.Value) < 1e15 && m.Low == m.High {
		return thousands(int64(m.Value)), ""
	}
	if m.Low < m.High {
		note = fmt.Sprintf("%#.3g–%#.3g", m.Low, m.High)
	}
	return fmt.Sprintf("%#.3g", m.Value), note
}

// leadTable says of each baseline how far the planner judged is ahead.
type leadTable struct {
	Columns []string
	Rows    []leadRow
}

type leadRow struct {
	Baseline string
	Cells    []leadCell
}

// leadColumn is a metric that planners are compared by.
type leadColumn struct {
	metric, name string
	k            int32
}

// leadCell is a difference of shares, in words.
type leadCell struct{ Value, Note, Class string }

func leads(d Data) (t leadTable) {
	f := figures(d.Metrics)
	columns := []leadColumn{{recallMetric, "recall@1", 1}}
	if k := d.fairTop(); k > 1 {
		columns = append(columns, leadColumn{recallMetric, fmt.Sprintf("recall@%d", k), k})
	}
	columns = append(columns, leadColumn{"hit_rate", "hit rate", 1})
	for _, c := range columns {
		t.Columns = append(t.Columns, c.name)
	}
	for _, baseline := range f.planners(d.Planner) {
		row := leadRow{Baseline: plain(baseline)}
		found := false
		for _, c := range columns {
			one := leadCell{Value: "–"}
			if m, ok := f.get(c.metric+minus+baseline, d.Planner, c.k); ok {
				found = true
				one.Value = fmt.Sprintf("%+.2f", 100*m.Value)
				one.Note = fmt.Sprintf("%+.2f to %+.2f", 100*m.Low, 100*m.High)
				if p, ok := f.get(c.metric+minus+baseline+chance, d.Planner, c.k); ok {
					one.Note += "; " + likelihood(p.Value)
				}
				switch {
				case m.Low > 0:
					one.Class = "ahead"
				case m.High < 0:
					one.Class = "behind"
				}
			}
			row.Cells = append(row.Cells, one)
		}
		if found {
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

// likelihood writes a p-value; below what the resamples can tell it is a
// bound.
func likelihood(p float64) string {
	if p < 0.005 {
		return "p < 0.005"
	}
	return fmt.Sprintf("p = %.2g", p)
}
