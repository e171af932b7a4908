package main

import (
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"foray/llm/llmtest"
	"foray/schemas"
	"foray/testdata/catalogue"
	"foray/transforms/clustering"
)

// Items that come later are assigned to the clusters that are there, and what
// was planned in their words still stands.
func TestAssignOnly(t *testing.T) {
	_, sources := curated(t)
	output := filepath.Join(t.TempDir(), "out")
	events := filepath.Join(sources, catalogue.EventsFile)
	all := filepath.Join(sources, catalogue.ItemsFile)
	most := itemsWithout(t, sources, func(i int, _ string) bool { return i%20 == 7 })
	run := func(command, items string, more ...string) ran {
		args := []string{command, "--events", events, "--max_unknown_items=0.5", "--output", output}
		if items != "" {
			args = append(args, "--items", items)
		}
		return foray(t, append(args, more...)...)
	}
	run("cluster", most, "--assign_only").want(t, 2, "clusters holds no published version", "run foray cluster first")
	run("cluster", most, "--clusters=16").want(t, 0)
	fit := current(t, output, schemas.ClustersTable)
	first, words := clusterOf(t, output), descriptionOf(t, output)
	run("curate", "").want(t, 0)
	server := llmtest.Start(t, llmtest.FromKey)
	foray(t, planArgs(output, server.URL, "--min_match_rate=0")...).want(t, 0)

	run("cluster", all, "--assign_only").want(t, 0, "items came, "+strconv.Itoa(len(first))+" kept their cluster, 0 are gone")
	now := clusterOf(t, output)
	for id, c := range first {
		if now[id] != c {
			t.Errorf("item %s went from %d to %d", id, c, now[id])
		}
	}
	for c, text := range descriptionOf(t, output) {
		if words[c] != text {
			t.Errorf("cluster %d was %q, and is %q", c, words[c], text)
		}
	}
	m := newest(t, output, schemas.ItemClustersTable)
	if m.Counts[clustering.ItemsCame] != int64(len(now)-len(first)) || len(now) == len(first) || m.Options["assign_only"] != fit {
		t.Errorf("counted are %v, of %v", m.Counts, m.Options)
	}
	run("curate", "").want(t, 0)
	foray(t, planArgs(output, server.URL, "--min_match_rate=0", "--estimate")...).want(t, 0, "calls     0")
	foray(t, planArgs(output, server.URL, "--min_match_rate=0")...).want(t, 0)

	// Some go, and the whole run follows; done again, it has nothing to do.
	run("run", most, "--assign_only").want(t, 0, "0 items came, ", " are gone")
	if again := clusterOf(t, output); len(again) != len(first) {
		t.Errorf("%d items are assigned, want %d", len(again), len(first))
	}
	run("run", most, "--assign_only").want(t, 0, "cluster: done before")

	run("cluster", all, "--assign_only", "--previous").want(t, 2, "--assign_only makes no clusters, so there is nothing for --previous to act on")
	run("cluster", all, "--assign_only", "--embedding_column=title").want(t, 2, "were made from the words of their texts, and now items come with vectors of a column: leave out --embedding_column")

	// So does what an endpoint embedded; new texts alone are asked about.
	endpoint := llmtest.Start(t, vectors)
	output = t.TempDir()
	embedded := []string{"--embeddings=openai", "--embed_endpoint=" + endpoint.URL, "--embed_model=m"}
	run("cluster", most, append(embedded, "--clusters=8")...).want(t, 0)
	first = clusterOf(t, output)
	asked := newest(t, output, schemas.ClustersTable).Counts["embed_texts"]
	run("cluster", all, append(embedded, "--assign_only")...).want(t, 0, strconv.Itoa(len(first))+" kept their cluster")
	if n := newest(t, output, schemas.ClustersTable).Counts["embed_texts"]; n == 0 || n > int64(len(now)-len(first)) {
		t.Errorf("%d texts were embedded for %d new items, after %d", n, len(now)-len(first), asked)
	}
	run("cluster", all, "--assign_only").want(t, 2, "were made from vectors of m, and now items come with the words of their texts: give --embeddings=openai --embed_model=m")
}

// Clusters made from a sample have all items, the same on one core and on two,
// and an endpoint's budget is one for the sample and the others.
func TestFitSample(t *testing.T) {
	_, sources := curated(t)
	args := func(output string, more ...string) []string {
		return append([]string{"--items", filepath.Join(sources, catalogue.ItemsFile), "--events", filepath.Join(sources, catalogue.EventsFile), "--output", output, "--clusters=8", "--fit_sample=120"}, more...)
	}
	output, other := t.TempDir(), t.TempDir()
	foray(t, append([]string{"run"}, args(output)...)...).want(t, 0, "made from a sample of 120 items, drawn by traffic, which the other 180 then joined")
	t.Setenv("GOMAXPROCS", "1")
	foray(t, append([]string{"cluster"}, args(other)...)...).want(t, 0)
	for _, table := range []string{schemas.ClustersTable, schemas.ItemClustersTable, schemas.ClusterModelTable} {
		if have, want := newest(t, other, table).Parts, newest(t, output, table).Parts; !slices.Equal(have, want) {
			t.Errorf("%s: on one core %v, on all %v", table, have, want)
		}
	}
	t.Setenv("GOMAXPROCS", "2")

	n := smallTexts(t, sources)
	endpoint := llmtest.Start(t, vectors)
	output = t.TempDir()
	embedded := []string{"--embeddings=openai", "--embed_endpoint=" + endpoint.URL, "--embed_model=m", "--embed_batch=16"}
	foray(t, append([]string{"cluster", "--embed_max_calls=9"}, args(output, embedded...)...)...).want(t, 4, "9 calls were made of the 9 allowed")
	if endpoint.Calls() != 9 {
		t.Errorf("%d calls, 9 are allowed", endpoint.Calls())
	}
	foray(t, append([]string{"cluster"}, args(output, embedded...)...)...).want(t, 0)
	if m := newest(t, output, schemas.ClustersTable); m.Counts["embed_texts"] != n || m.Counts["items"] != 300 || m.Counts[clustering.ItemsFitted] != 120 {
		t.Errorf("counted are %v, of %d texts", m.Counts, n)
	}
}
