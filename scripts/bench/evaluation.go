package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"foray/schemas"
	"foray/transforms/planner"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// judgedUsers are those of the log that evaluate judges 578,360 keys by.
const judgedUsers = 1_450_000

// evaluate compares recall and hit rate of one planner by Foray, which gives
// them intervals, with the same by DuckDB, and holds the figures against each
// other; and measures all metrics of five planners, and the report.
func (b *bench) evaluate() error {
	rival, err := b.install()
	if err != nil {
		return err
	}
	made, err := b.generate("judged", judgedUsers, 12*judgedUsers)
	if err != nil {
		return err
	}
	events, err := rival.toParquet(made.events)
	if err != nil {
		return err
	}
	out := filepath.Join(b.dir, "evaluate")
	if !published(out, schemas.LookupTable) {
		for _, args := range [][]string{
			{"cluster", "--items", made.items, "--events", events, "--clusters", clusters, "--output", out},
			{"curate", "--events", events, "--output", out},
			{"plan", "--planner", "successor", "--output", out},
		} {
			if _, err := run(command(b.foray, args...)); err != nil {
				return err
			}
		}
	}
	var ours, whole, theirs sample
	var judged figures
	for i := range b.runs + 1 {
		args := []string{"evaluate", "--items", made.items, "--events", events, "--output", out, "--seed", strconv.Itoa(i + 1)} // another seed is not done yet
		all, err := run(command(b.foray, args...))
		if err != nil {
			return err
		}
		x, err := run(command(b.foray, append(args, "--recall_only")...))
		if err != nil {
			return err
		}
		y, said, err := rival.evaluate(events, out)
		if err != nil {
			return err
		}
		if judged = said; i > 0 {
			ours, whole, theirs = append(ours, x), append(whole, all), append(theirs, y)
		}
	}
	if err := judged.compare(out); err != nil {
		return err
	}
	fmt.Printf("\nevaluate: 578,360 keys, %s events, %s users with %s transitions after the cut; %s, Foray and %s in turns\n",
		number(12*judgedUsers), number(judged.Users), number(judged.Cases), median(b.runs), rival.version)
	fmt.Printf("  %-12s %12s %9s %8s %12s\n", "", "recall_only", "duckdb", "ratio", "all of it")
	for _, m := range measures {
		_, x, _ := ours.spread(m)
		_, y, _ := theirs.spread(m)
		_, z, _ := whole.spread(m)
		fmt.Printf("  %-12s %12s %9s %8.2f %12s\n", m.name, m.text(x), m.text(y), x/y, m.text(z))
	}
	fmt.Printf("  recall_only: recall@1, 5, 10 and hit rate, by case and by key, with intervals of 400 resamples. DuckDB: recall@1 and hit rate.\n")
	fmt.Printf("  all of it: all metrics of five planners, with intervals, and the report\n")
	fmt.Printf("  both: recall@1 %.6f, hit rate %.6f\n", judged.Recall, judged.HitRate)
	return nil
}

// figures are what DuckDB computes.
type figures struct {
	Cases, Users int
	Recall       float64
	HitRate      float64 `json:"hit_rate"`
}

// evaluate computes the figures of a published table.
func (d *duckdb) evaluate(events, out string) (u usage, f figures, err error) {
	versions := make([]string, 2)
	for i, table := range []string{schemas.ItemClustersTable, schemas.LookupTable} {
		if versions[i], err = current(out, table); err != nil {
			return u, f, err
		}
	}
	said := filepath.Join(d.dir, "figures.json")
	if u, err = run(d.script("evaluation.py", events, versions[0], versions[1], d.dir, strconv.Itoa(d.threads), said)); err != nil {
		return u, f, err
	}
	text, err := os.ReadFile(said)
	if err != nil {
		return u, f, err
	}
	return u, f, json.Unmarshal(text, &f)
}

// compare holds the figures against the metrics that Foray published.
func (f figures) compare(out string) error {
	ctx := context.Background()
	b := store.Local(out)
	versions, err := store.Versions(ctx, b, schemas.MetricsTable)
	if err != nil {
		return err
	}
	rows, _, err := tables.Read[schemas.Metric](ctx, b, schemas.MetricsTable, versions[len(versions)-1])
	if err != nil {
		return err
	}
	want := map[string]float64{"recall": f.Recall, "hit_rate": f.HitRate}
	for _, m := range rows {
		if value, ok := want[m.Name]; ok && m.K == 1 && m.Planner == planner.Successor {
			if math.Abs(m.Value-value) > 1e-9 {
				return fmt.Errorf("%s is %v by Foray, and %v by DuckDB", m.Name, m.Value, value)
			}
			delete(want, m.Name)
		}
	}
	if len(want) > 0 {
		return fmt.Errorf("the metrics of %s lack %v", out, want)
	}
	return nil
}

// read prints what opening a table and looking up keys take.
func (b *bench) read() error {
	cmd := command("go", "test", "-run", "^$", "-bench", "Open|Plan", "-benchmem", "foray/transforms/lookup")
	text, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, text)
	}
	fmt.Printf("\nread: 578,360 keys, opened with every part held against its hash, and looked up at random\n%s", text)
	return nil
}
