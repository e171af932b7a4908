package main

import (
	"os"
	"path/filepath"
	"testing"

	"foray/schemas"
	"foray/transforms/store"
	"foray/transforms/store/gcs/gcstest"
)

// TestObjectStore runs everything from and to an object store.
func TestObjectStore(t *testing.T) {
	bucket := gcstest.Start(t)
	items, events := threeLogs(t, smallWorld)
	logs, err := filepath.Glob(events)
	if err != nil || len(logs) != 3 {
		t.Fatalf("the files of events are %v, %v", logs, err)
	}
	b, err := store.Open(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(logs, items) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Write(t.Context(), b, "data/"+filepath.Base(path), data); err != nil {
			t.Fatal(err)
		}
	}
	output := bucket + "/tables/out"
	args := []string{"run", "--items", bucket + "/data/items.csv", "--events", bucket + "/data/log-*.csv", "--clusters", smallClusters, "--output", output}
	foray(t, args...).want(t, 0, "table   "+output+"/lookup", "report  "+output+"/report/index.html")
	foray(t, args...).want(t, 0, "cluster: done before", "plan: done before", "evaluate: done before")
	foray(t, "lookup", "--output", output, "0,1").want(t, 0, "0,1\n", "→ ")
	foray(t, "inspect", output+"/lookup").want(t, 0, "240 in 8 parts", "(published)", "100.0 % of users")
	foray(t, "inspect", output+"/recommendations", "--rows", "1").want(t, 0, "user_id")
	foray(t, "inspect", output+"/nonsense").want(t, 2, "is no table of Foray")
	foray(t, "plan", "--planner", "random", "--publish=false", "--output", output).want(t, 0)
	foray(t, "publish", "--output", output).want(t, 0, "published "+output+"/lookup/v=")

	// The same bytes as on a disk, but for rejects, which name the files.
	remote, err := store.Open(t.Context(), output)
	if err != nil {
		t.Fatal(err)
	}
	onDisk := wholeRun(t, items, events)
	onStore := map[string][]schemas.Part{}
	for _, table := range store.Tables() {
		versions, err := store.Versions(t.Context(), remote, table)
		if err != nil || len(versions) == 0 {
			t.Fatalf("%s: versions %v, %v", table, versions, err)
		}
		m, err := store.ReadManifest(t.Context(), remote, table, versions[0])
		if err != nil {
			t.Fatal(err)
		}
		onStore[table] = m.Parts
	}
	delete(onStore, schemas.RejectsTable)
	delete(onDisk, schemas.RejectsTable)
	sameParts(t, onStore, onDisk)

	// Ranged reads of Parquet, and what is read as a stream.
	good := readInputs(t)
	for name, data := range map[string][]byte{"events.parquet": asParquet(t, good.events), "events.csv.zst": zstded(t, text(good.events))} {
		if err := store.Write(t.Context(), b, "data/"+name, data); err != nil {
			t.Fatal(err)
		}
		foray(t, "curate", "--events", bucket+"/data/"+name, "--output", output).want(t, 0, "5,000 events in")
	}
}
