package main

import (
	"fmt"
	"strconv"
)

// print writes a line for each measure, with the ratio DuckDB ÷ Foray.
func (r result) print() {
	fmt.Printf("\n%s events, %s, %.0f MB\n", number(r.events), r.format, float64(r.bytes)/1e6)
	fmt.Printf("  %-18s %9s  %-16s %9s  %-16s %6s  %s\n", "", "foray", "min–max", "duckdb", "min–max", "ratio", "verdict")
	for _, m := range measures {
		low, ours, high := r.foray.spread(m)
		lowest, theirs, highest := r.duckdb.spread(m)
		fmt.Printf("  %-18s %9s  %-16s %9s  %-16s %6.2f  %s\n", m.name,
			m.text(ours), m.text(low)+"–"+m.text(high), m.text(theirs), m.text(lowest)+"–"+m.text(highest),
			theirs/ours, verdict(r.foray, r.duckdb, m))
	}
	_, ours, _ := r.foray.spread(measures[0])
	_, theirs, _ := r.duckdb.spread(measures[0])
	fmt.Printf("  %-18s %9.2f  %-16s %9.2f\n", "million events/s", float64(r.events)/ours/1e6, "", float64(r.events)/theirs/1e6)
	fmt.Printf("  %-18s %9.2f  %-16s %9s\n", "shuffled B/event", r.shuffled, "", "–")
	fmt.Printf("  %-18s %9s\n", "examples chosen of", number(int(r.transitions))+" transitions")
	fmt.Printf("  the same tables: %s, equal row by row\n", r.equal)
}

// verdict says who took less, if the medians and at least four of five turns
// agree: the two runs of a turn meet much the same noise.
func verdict(foray, duckdb sample, m measure) string {
	_, ours, _ := foray.spread(m)
	_, theirs, _ := duckdb.spread(m)
	won, lost := 0, 0
	for i := range foray {
		switch x, y := m.of(foray[i]), m.of(duckdb[i]); {
		case x < y:
			won++
		case x > y:
			lost++
		}
	}
	turns := len(foray)
	switch {
	case ours < theirs && 5*won >= 4*turns:
		return fmt.Sprintf("foray %s, %.2f times, in %d of %d turns", m.better, theirs/ours, won, turns)
	case theirs < ours && 5*lost >= 4*turns:
		return fmt.Sprintf("duckdb %s, %.2f times, in %d of %d turns", m.better, ours/theirs, lost, turns)
	}
	return "no clear difference"
}

// printGrowth writes how time and memory grow with the events.
func printGrowth(all []result) {
	fmt.Printf("\ngrowth\n  %12s  %-8s %9s %9s %9s %9s\n", "events", "from", "foray s", "duckdb s", "foray MiB", "duckdb MiB")
	for _, r := range all {
		fmt.Printf("  %12s  %-8s", number(r.events), r.format)
		for _, m := range []measure{measures[0], measures[2]} {
			_, ours, _ := r.foray.spread(m)
			_, theirs, _ := r.duckdb.spread(m)
			fmt.Printf(" %9s %9s", m.text(ours), m.text(theirs))
		}
		fmt.Println()
	}
}

// number writes n ≥ 0 with commas.
func number(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
