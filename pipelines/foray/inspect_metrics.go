package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"foray/schemas"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// metricFigures are a figure a line, a planner a column: the table's own
// planner first, with its interval.
type metricFigures struct {
	planners []string
	lines    []metricLine
}

// metricLine has one figure of each planner, nil where a planner has none.
type metricLine struct {
	name string
	of   []*schemas.Metric
}

func inspectMetrics(ctx context.Context, b store.Bucket, m schemas.Manifest) (*metricFigures, error) {
	rows, _, err := tables.Read[schemas.Metric](ctx, b, m.Table, m.Version)
	if err != nil {
		return nil, err
	}
	f, lines := &metricFigures{}, map[string]int{}
	for i := range rows {
		r := &rows[i]
		name := r.Name
		if r.K > 0 {
			name = fmt.Sprintf("%s@%d", r.Name, r.K)
		}
		column := slices.Index(f.planners, r.Planner)
		if column < 0 {
			column, f.planners = len(f.planners), append(f.planners, r.Planner)
		}
		line, ok := lines[name]
		if !ok {
			line, lines[name] = len(f.lines), len(f.lines)
			f.lines = append(f.lines, metricLine{name: name})
		}
		of := &f.lines[line].of
		for len(*of) <= column {
			*of = append(*of, nil)
		}
		(*of)[column] = r
	}
	return f, nil
}

func (f *metricFigures) print(w io.Writer) error {
	if len(f.planners) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "metric\t%s\t95 %% interval\tcases", printable(f.planners[0]))
	for _, planner := range f.planners[1:] {
		fmt.Fprintf(out, "\t%s", planner)
	}
	fmt.Fprintln(out)
	for _, line := range f.lines {
		cells := []string{line.name, "", "", ""}
		for column := range f.planners {
			var m *schemas.Metric
			if column < len(line.of) {
				m = line.of[column]
			}
			value := ""
			if m != nil {
				value = fmt.Sprintf("%.4g", m.Value)
			}
			if column > 0 {
				cells = append(cells, value)
			} else if m != nil {
				cells[1], cells[3] = value, fmt.Sprint(m.N)
				if m.Low != m.Value || m.High != m.Value {
					cells[2] = fmt.Sprintf("%.4g to %.4g", m.Low, m.High)
				}
			}
		}
		fmt.Fprintln(out, strings.Join(cells, "\t"))
	}
	return out.Flush()
}
