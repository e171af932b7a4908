package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"foray/schemas"
)

// print writes an inspection for people.
func (i *inspection) print(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "table\t%s\n", i.URL)
	state := "not published"
	if i.Published {
		state = "published"
	}
	fmt.Fprintf(out, "version\t%s (%s)%s\n", i.Version, state, after(": ", i.Refused))
	fmt.Fprintf(out, "created\t%s\n", i.Created)
	fmt.Fprintf(out, "rows\t%d in %d parts, %.1f MB\n", i.Rows, i.Parts, float64(i.Bytes)/1e6)
	if i.Model != "" {
		fmt.Fprintf(out, "planner\t%s\n", printable(i.Model))
	}
	for _, p := range i.Parents {
		now := ""
		switch {
		case p.Gone:
			now = " (gone: the table can be read, and not be judged or made again)"
		case p.Published != "" && i.metrics != nil && p.Table == schemas.LookupTable:
			now = " (" + p.Published + " is published now: foray evaluate judges it)"
		case p.Published != "":
			now = " (" + p.Published + " is published now)"
		}
		fmt.Fprintf(out, "made from\t%s %s%s\n", p.Table, p.Version, now)
	}
	for n, v := range i.Versions {
		name, state := "", ""
		if n == 0 {
			name = "versions"
		}
		if v.Published {
			state = " (published)"
		}
		fmt.Fprintf(out, "%s\t%s  %d rows%s%s%s\n", name, v.Version, v.Rows, after(", ", printable(v.Model)), state, after(": ", v.Refused))
	}
	for n, c := range i.Columns {
		name := ""
		if n == 0 {
			name = "columns"
		}
		fmt.Fprintf(out, "%s\t%s %s\n", name, c.Name, c.Type)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if i.Lookup != nil {
		return i.Lookup.print(w)
	}
	if i.metrics != nil {
		return i.metrics.print(w)
	}
	return i.printSample(w)
}

// after is a text behind what leads to it; nothing of nothing.
func after(lead, text string) string {
	if text == "" {
		return ""
	}
	return lead + text
}

// print writes counts by status, coverage, and plans in words.
func (f *lookupFigures) print(w io.Writer) error {
	fmt.Fprintln(w)
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, s := range f.Statuses {
		fmt.Fprintf(out, "%s\t%d keys\t%.1f %%\t%.1f %% of users\t\n", s.Status, s.Keys, 100*s.Share, 100*s.Traffic)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if f.Clusters > 0 {
		fmt.Fprintf(w, "%d of %d clusters are planned for some key; ", f.Planned, f.Clusters)
	} else {
		fmt.Fprintf(w, "%d clusters are planned for some key; ", f.Planned)
	}
	fmt.Fprintf(w, "%.1f %% of users stand at a key with a plan\n", 100*f.Covered)
	if len(f.Top) > 0 {
		fmt.Fprintln(w, "\nPlans of the keys with the most users:")
		printPlans(w, f.Top)
	}
	if len(f.Worst) > 0 {
		fmt.Fprintln(w, "\nWorst: keys with many users that have no plan, or not what most of them did next:")
		printPlans(w, f.Worst)
	} else if len(f.Top) > 0 && f.Judged {
		fmt.Fprintln(w, "\nNo key is without a plan, and each plan is what most users of its key did next, where that is known.")
	}
	return nil
}

func printPlans(w io.Writer, plans []planInWords) {
	for _, p := range plans {
		fmt.Fprintf(w, "\n%.3f %% of users · %s\n", 100*p.Traffic, keyLine(p.Key))
		for _, words := range p.Words {
			fmt.Fprintf(w, "    %s\n", words)
		}
		switch {
		case p.Plan == nil:
			fmt.Fprintf(w, "  → %s\n", p.Status)
		case p.Samples > 1:
			fmt.Fprintf(w, "  → %s (%d), %d of %d votes\n", p.Planned, *p.Plan, p.Votes, p.Samples)
		default:
			fmt.Fprintf(w, "  → %s (%d)\n", p.Planned, *p.Plan)
		}
		if p.Next != nil {
			fmt.Fprintf(w, "    most users: %s (%d)\n", p.NextWords, *p.Next)
		}
	}
}

// printSample writes rows, a column a line.
func (i *inspection) printSample(w io.Writer) error {
	for _, one := range i.Sample {
		row, ok := one.(sampleRow)
		if !ok {
			fmt.Fprintf(w, "\n  %s\n", printable(fmt.Sprintf("%s", one)))
			continue
		}
		fmt.Fprintln(w)
		out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, c := range i.Columns {
			fmt.Fprintf(out, "  %s\t%s\n", c.Name, printable(valueLine(row[c.Name])))
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// valueLine writes a value; long lists are cut.
func valueLine(value any) string {
	const most = 12
	switch v := value.(type) {
	case nil:
		return "null"
	case []any:
		var parts []string
		for _, one := range v[:min(most, len(v))] {
			parts = append(parts, valueLine(one))
		}
		if len(v) > most {
			parts = append(parts, fmt.Sprintf("… (%d)", len(v)))
		}
		return strings.Join(parts, ", ")
	}
	return fmt.Sprint(value)
}
