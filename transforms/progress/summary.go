package progress

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// StageRow is one stage of the closing table.
type StageRow struct {
	Stage                    string
	RowsIn, RowsOut, Rejects int64
	Took                     time.Duration
}

// Summary writes the closing table, numbers aligned on the right:
//
//	stage    rows in  rows out  rejects  seconds
//	cluster   12,000     1,761        3      1.9
func Summary(w io.Writer, rows []StageRow) error {
	table := [][]string{{"stage", "rows in", "rows out", "rejects", "seconds"}}
	for _, r := range rows {
		table = append(table, []string{r.Stage, thousands(r.RowsIn), thousands(r.RowsOut), thousands(r.Rejects),
			fmt.Sprintf("%.1f", r.Took.Seconds())})
	}
	widths := make([]int, len(table[0]))
	for _, row := range table {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	for _, row := range table {
		fmt.Fprintf(&text, "%-*s", widths[0], row[0])
		for i, cell := range row[1:] {
			fmt.Fprintf(&text, "  %*s", widths[i+1], cell)
		}
		text.WriteByte('\n')
	}
	_, err := io.WriteString(w, text.String())
	return err
}
