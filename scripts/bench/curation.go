package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"foray/schemas"
)

// users are those of every log of curate: from 2 events each to 100.
const users = 500_000

// curate compares Foray's curate with DuckDB, at growing sizes, from CSV and
// from Parquet.
func (b *bench) curate() error {
	rival, err := b.install()
	if err != nil {
		return err
	}
	fmt.Printf("\ncurate: %s users, %s items, %s clusters, cut at 0.8 of the time span; %d threads; %s, Foray and %s in turns\n",
		number(users), number(items), clusters, b.threads, median(b.runs), rival.version)
	out := filepath.Join(b.dir, "curate")
	var all []result
	for _, events := range b.sizes() {
		made, err := b.generate(fmt.Sprintf("events-%d", events), users, events)
		if err != nil {
			return err
		}
		if !published(out, schemas.ItemClustersTable) {
			if _, err := run(command(b.foray, "cluster", "--items", made.items, "--events", made.events, "--clusters", clusters, "--output", out)); err != nil {
				return err
			}
		}
		parquet, err := rival.toParquet(made.events)
		if err != nil {
			return err
		}
		for _, file := range []string{made.events, parquet} {
			r, err := b.race(rival, out, file, events)
			if err != nil {
				return err
			}
			r.print()
			all = append(all, r)
		}
	}
	printGrowth(all)
	return nil
}

// sizes are the numbers of events to go through.
func (b *bench) sizes() []int {
	sizes := []int{1_000_000, 10_000_000, 50_000_000, b.events}
	slices.Sort(sizes)
	return slices.DeleteFunc(slices.Compact(sizes), func(n int) bool { return n > b.events })
}

// result is one file of events, curated by both.
type result struct {
	events        int
	format        string // CSV or Parquet
	bytes         int64  // of the file
	foray, duckdb sample
	shuffled      float64 // Foray's bytes an event
	transitions   int64   // that examples were chosen from
	equal         string  // how many rows were compared
}

// race runs both in turns, so that noise hits both, and compares the tables.
func (b *bench) race(rival *duckdb, out, file string, events int) (result, error) {
	info, err := os.Stat(file)
	if err != nil {
		return result{}, err
	}
	r := result{events: events, format: "CSV", bytes: info.Size()}
	if filepath.Ext(file) == ".parquet" {
		r.format = "Parquet"
	}
	for i := range b.runs + 1 {
		ours := command(b.foray, "curate", "--events", file, "--output", out)
		ours.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(b.threads))
		x, err := run(ours)
		if err != nil {
			return r, err
		}
		y, err := rival.curate(file, out)
		if err != nil {
			return r, err
		}
		if i > 0 {
			r.foray, r.duckdb = append(r.foray, x), append(r.duckdb, y)
		}
	}
	if r.shuffled, r.transitions, err = shuffled(out); err != nil {
		return r, err
	}
	r.equal, err = rival.compare(out)
	return r, err
}

// shuffled is the bytes that the last curate shuffled for an event that it
// used, and the users' transitions that it chose examples from, by its manifest.
func shuffled(out string) (bytesAnEvent float64, transitions int64, err error) {
	version, err := current(out, schemas.TransitionsTable)
	if err != nil {
		return 0, 0, err
	}
	text, err := os.ReadFile(filepath.Join(version, "_manifest.json"))
	if err != nil {
		return 0, 0, err
	}
	var m schemas.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return 0, 0, fmt.Errorf("reading the manifest of %s: %w", version, err)
	}
	bytes, used := m.Counts["event_bytes_shuffled"], m.Counts["events_used"]
	if bytes <= 0 || used <= 0 {
		return 0, 0, fmt.Errorf("the manifest of %s counts %d bytes shuffled and %d events used", version, bytes, used)
	}
	return float64(bytes) / float64(used), m.Counts["transitions"], nil
}
