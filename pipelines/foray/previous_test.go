package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"foray/llm/llmtest"
	"foray/schemas"
	"foray/testdata/catalogue"
	"foray/transforms/clustering"
	"foray/transforms/tables"
)

// itemsWithout writes the small catalogue's items, without some.
func itemsWithout(t *testing.T, sources string, without func(i int, id string) bool) string {
	t.Helper()
	in, err := os.Open(filepath.Join(sources, catalogue.ItemsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	all, err := csv.NewReader(in).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	kept := all[:1:1]
	for i, row := range all[1:] {
		if !without(i, row[0]) {
			kept = append(kept, row)
		}
	}
	path := filepath.Join(t.TempDir(), "items.csv")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := csv.NewWriter(out).WriteAll(kept); err != nil {
		t.Fatal(err)
	}
	return path
}

func clusterOf(t *testing.T, output string) map[string]int32 {
	t.Helper()
	of := map[string]int32{}
	for _, r := range rows(t, output, schemas.ItemClustersTable, tables.Read[schemas.ItemCluster]) {
		of[r.ItemID] = r.ClusterID
	}
	return of
}

func descriptionOf(t *testing.T, output string) map[int32]string {
	t.Helper()
	of := map[int32]string{}
	for _, r := range rows(t, output, schemas.ClustersTable, tables.Read[schemas.Cluster]) {
		of[r.ClusterID] = r.Description
	}
	return of
}

// A clustering goes on from the one before: what is the same stays the same,
// down to the prompts that were paid for.
func TestClustersKeepTheirIDs(t *testing.T) {
	_, sources := curated(t)
	output := filepath.Join(t.TempDir(), "out")
	events := filepath.Join(sources, catalogue.EventsFile)
	most := itemsWithout(t, sources, func(i int, _ string) bool { return i%20 == 7 })
	args := func(items string, more ...string) []string {
		return append([]string{"--items", items, "--events", events, "--max_unknown_items=0.5", "--output", output}, more...)
	}
	foray(t, append([]string{"cluster", "--previous", "--clusters=16"}, args(most)...)...).want(t, 0, "no clustering is published yet")
	first, words := clusterOf(t, output), descriptionOf(t, output)

	foray(t, append([]string{"cluster", "--previous"}, args(most)...)...).want(t, 0, " 0 items came, 0 went and 0 moved; 0 clusters died, 0 were split and 0 born; 0 descriptions changed")
	for id, c := range clusterOf(t, output) {
		if first[id] != c {
			t.Fatalf("item %s went from %d to %d, and nothing had changed", id, first[id], c)
		}
	}
	for c, text := range descriptionOf(t, output) {
		if words[c] != text {
			t.Fatalf("cluster %d was %q, and is %q", c, words[c], text)
		}
	}

	// Answers to the prompts of before are asked for once more only where the
	// words have changed.
	foray(t, append([]string{"curate"}, "--events", events, "--max_unknown_items=0.5", "--output", output)...).want(t, 0)
	server := llmtest.Start(t, llmtest.FromKey)
	foray(t, planArgs(output, server.URL, "--min_match_rate=0")...).want(t, 0)
	foray(t, append([]string{"cluster", "--previous"}, args(filepath.Join(sources, catalogue.ItemsFile))...)...).want(t, 0, " 0 went and ")
	m := newest(t, output, schemas.ClustersTable)
	stayed, now := 0, clusterOf(t, output)
	for id, c := range first {
		if now[id] == c {
			stayed++
		}
	}
	if float64(stayed) < 0.95*float64(len(first)) || m.Counts[clustering.ItemsMoved] != int64(len(first)-stayed) || m.Counts[clustering.ItemsCame] != int64(len(now)-len(first)) {
		t.Errorf("%d of %d items stayed; counted are %v", stayed, len(first), m.Counts)
	}
	changed, leaves := 0, 0
	for _, r := range rows(t, output, schemas.ClustersTable, tables.Read[schemas.Cluster]) {
		if r.Level == 3 {
			leaves++
			if words[r.ClusterID] != r.Description {
				changed++
			}
		}
	}
	keys := leaves * (leaves - 1)
	again := keys - (leaves-changed)*(leaves-changed-1)
	foray(t, append([]string{"curate"}, "--events", events, "--max_unknown_items=0.5", "--output", output)...).want(t, 0)
	want := "calls     " + strconv.Itoa(again)
	if again > 0 {
		want += ", " + strconv.Itoa(again) + " of them about keys that the model was asked about before"
	}
	foray(t, planArgs(output, server.URL, "--estimate")...).want(t, 0, want)

	// All items of a cluster go: it dies, and another is split, whose part has
	// an id that nobody had.
	gone := now[slices.Sorted(func(yield func(string) bool) {
		for id := range now {
			if !yield(id) {
				return
			}
		}
	})[0]]
	fewer := itemsWithout(t, sources, func(_ int, id string) bool { return now[id] == gone })
	foray(t, append([]string{"cluster", "--previous"}, args(fewer)...)...).want(t, 0, " 1 clusters died, 1 were split and 1 born")
	last := descriptionOf(t, output)
	if _, ok := last[gone]; ok {
		t.Errorf("cluster %d is empty, and still there", gone)
	}
	born := int32(-1)
	for c := range last {
		if _, ok := words[c]; !ok {
			born = c
		}
	}
	if born <= slices.Max(slices.Collect(func(yield func(int32) bool) {
		for c := range words {
			if !yield(c) {
				return
			}
		}
	})) {
		t.Errorf("the new cluster has the id %d", born)
	}
	// What follows works with ids that have gaps.
	foray(t, append([]string{"run", "--previous"}, args(fewer)...)...).want(t, 0)
	if v := current(t, output, schemas.LookupTable); v == "" {
		t.Error("no table")
	}
	foray(t, append([]string{"cluster", "--previous", "--clusters=17"}, args(fewer)...)...).want(t, 1, "--previous goes on from 16 clusters", "and --clusters asks for 17")
}

// Where all leaves of a branch die, so does the branch, and what hangs together
// goes on.
func TestABranchDies(t *testing.T) {
	_, sources := curated(t)
	output := filepath.Join(t.TempDir(), "out")
	args := func(items string) []string {
		return []string{"cluster", "--items", items, "--events", filepath.Join(sources, catalogue.EventsFile), "--max_unknown_items=1", "--output", output}
	}
	foray(t, append(args(filepath.Join(sources, catalogue.ItemsFile)), "--clusters=2")...).want(t, 0)
	first := clusterOf(t, output)
	fewer := itemsWithout(t, sources, func(_ int, id string) bool { return first[id] == 0 })
	foray(t, append(args(fewer), "--previous")...).want(t, 0, " 1 clusters died, 1 were split and 1 born")
	nodes := rows(t, output, schemas.ClustersTable, tables.Read[schemas.Cluster])
	hanging := map[int32]int32{}
	for _, r := range nodes {
		if r.ParentID != nil {
			hanging[*r.ParentID]++
		}
	}
	// Two leaves, below one chain.
	if len(nodes) != 5 || len(hanging) != 3 {
		t.Errorf("the tree is %+v", nodes)
	}
	// It is one to go on from.
	foray(t, append(args(fewer), "--previous")...).want(t, 0, "0 descriptions changed")
}
