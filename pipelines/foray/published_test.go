package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"foray/llm/llmtest"
	"foray/schemas"
	"foray/testdata/catalogue"
	"foray/transforms/tables"
)

func TestAnUnpublishedVersionCanBeJudged(t *testing.T) {
	output, sources := curated(t)
	events := filepath.Join(sources, catalogue.EventsFile)
	foray(t, "plan", "--publish=false", "--output", output).want(t, 0)
	version := newest(t, output, schemas.LookupTable).Version
	foray(t, "evaluate", "--events", events, "--output", output).want(t, 2, "lookup")
	foray(t, "evaluate", "--lookup", version, "--events", events, "--output", output).want(t, 0, "published ")
	if parents := newest(t, output, schemas.MetricsTable).Parents; parents[schemas.LookupTable] != version {
		t.Errorf("the metrics are of %v", parents)
	}
	foray(t, "recommend", "--lookup", version, "--events", events, "--output", output).want(t, 0)
	foray(t, "evaluate", "--lookup", "nonsense", "--events", events, "--output", output).want(t, 1, `"nonsense" is no version of lookup`)
}

func TestDamagedVersionsAreNotPublished(t *testing.T) {
	output, _ := curated(t)
	foray(t, "plan", "--publish=false", "--output", output).want(t, 0)
	m := newest(t, output, schemas.LookupTable)
	part := filepath.Join(output, schemas.LookupTable, m.Version, m.Parts[3].Name)
	data, err := os.ReadFile(part)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(part, data, 0o666); err != nil {
		t.Fatal(err)
	}
	foray(t, "publish", "--output", output).want(t, 1, "is not published: "+part+" is not the file that its manifest describes")
}

// TestRefusedPlansReachNobody runs everything with a gate that does not hold:
// the page says why, and nobody's slate is made of these plans.
func TestRefusedPlansReachNobody(t *testing.T) {
	output, sources := curated(t)
	o := newOracle(t, output)
	server := llmtest.Start(t, o.varied)
	r := foray(t, append([]string{"run", "--items", filepath.Join(sources, catalogue.ItemsFile), "--events", filepath.Join(sources, catalogue.EventsFile),
		"--clusters", smallClusters, "--min_match_rate=0.99"}, planArgs(output, server.URL)[1:]...)...)
	r.want(t, 3, "the match rate is ")
	for _, table := range []string{schemas.LookupTable, schemas.RecommendationsTable} {
		if _, err := os.Stat(filepath.Join(output, table, "CURRENT")); !os.IsNotExist(err) {
			t.Errorf("%s is published: %v", table, err)
		}
		if newest(t, output, table).Version == "" {
			t.Errorf("%s has no version", table)
		}
	}
	if _, err := os.Stat(filepath.Join(output, "report", "index.html")); err != nil {
		t.Error(err)
	}
}

func TestNothingToRecall(t *testing.T) {
	_, sources := curated(t)
	output := filepath.Join(t.TempDir(), "out")
	args := smallRun(sources, output, "--train_until", "1")
	foray(t, args...).want(t, 0, "there is nothing to recall")
	page, err := os.ReadFile(filepath.Join(output, "report", "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, []byte("Recall was not measured.")) || bytes.Contains(page, []byte("recall@10")) {
		t.Error("the page tells of a recall that nothing was held against")
	}
	for _, m := range rows(t, output, schemas.MetricsTable, tables.Read[schemas.Metric]) {
		if m.Name == "recall" {
			t.Errorf("there is a metric %+v", m)
		}
	}
	// What is done already is in the closing table, too.
	again := foray(t, args...)
	again.want(t, 0, "cluster: done before", "evaluate: done before")
	if !strings.Contains(again.stderr, "\ncluster      5,300     1,387        0      0.0\n") {
		t.Error("there is no closing table")
	}
}

func TestRecallGate(t *testing.T) {
	_, sources := curated(t)
	output := filepath.Join(t.TempDir(), "out")
	args := append(smallRun(sources, output), "--clusters", smallClusters)
	foray(t, append(args, "--min_recall=0.99")...).want(t, 3, " is not published: recall@1 is 0.", "below --min_recall=0.99 (0.99)")
	if _, err := os.Stat(filepath.Join(output, schemas.LookupTable, "CURRENT")); !os.IsNotExist(err) {
		t.Errorf("it is published: %v", err)
	}
	foray(t, "publish", "--output", output, "--min_recall=100x").want(t, 3, "below --min_recall=100x (7.143)") // 100 ÷ (16 − 2)
	foray(t, "publish", "--output", output, "--min_recall=1.2x").want(t, 0, "published ")
	foray(t, append(args, "--min_recall=1.2x")...).want(t, 0)
	foray(t, "plan", "--planner", "random", "--publish=false", "--output", output).want(t, 0)
	foray(t, "publish", "--output", output, "--min_recall=0.1").want(t, 3, "it was not judged: run foray evaluate --lookup v=")
	for _, bad := range []string{"2", "-1", "x", "NaN", "two"} {
		foray(t, "publish", "--output", output, "--min_recall="+bad).want(t, 2, "--min_recall="+bad+": want a share in [0, 1]")
	}
}
