package main

import (
	"fmt"
	"path/filepath"

	"foray/schemas"
)

// plan measures 578,360 keys, 761 clusters, planner successor, from clusters
// and transitions to a published table.
func (b *bench) plan() error {
	out := filepath.Join(b.dir, "plan")
	if !published(out, schemas.TransitionsTable) {
		made, err := b.generate("catalogue", 200_000, 3_000_000)
		if err != nil {
			return err
		}
		for _, args := range [][]string{
			{"cluster", "--items", made.items, "--events", made.events, "--clusters", clusters, "--output", out},
			{"curate", "--events", made.events, "--output", out},
		} {
			if _, err := run(command(b.foray, args...)); err != nil {
				return err
			}
		}
	}
	var s sample
	for i := range b.runs + 1 {
		u, err := run(command(b.foray, "plan", "--planner", "successor", "--output", out))
		if err != nil {
			return err
		}
		if i > 0 {
			s = append(s, u)
		}
	}
	fmt.Printf("plan: 578,360 keys, planner successor, to a published table; %s\n", median(b.runs))
	fmt.Printf("  %-18s %9s  %s\n", "", "foray", "min–max")
	for _, m := range measures {
		low, middle, high := s.spread(m)
		fmt.Printf("  %-18s %9s  %s\n", m.name, m.text(middle), m.text(low)+"–"+m.text(high))
	}
	return nil
}
