package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"foray/llm/llmtest"
	"foray/schemas"
	"foray/testdata/catalogue"
	"foray/transforms/evaluation"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// figuresOf are the rows of a version of metrics/ by name and k, of one
// planner.
func figuresOf(t *testing.T, output, version, planner string) map[string]map[int32]schemas.Metric {
	t.Helper()
	rows, _, err := tables.Read[schemas.Metric](t.Context(), store.Local(output), schemas.MetricsTable, version)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[int32]schemas.Metric{}
	for _, m := range rows {
		if m.Planner != planner {
			continue
		}
		if all[m.Name] == nil {
			all[m.Name] = map[int32]schemas.Metric{}
		}
		all[m.Name][m.K] = m
	}
	return all
}

// With --recall_only there is the same recall, and nothing else changes.
func TestRecallOnly(t *testing.T) {
	output, sources := curated(t)
	events := filepath.Join(sources, catalogue.EventsFile)
	foray(t, "plan", "--output", output).want(t, 0)
	foray(t, "evaluate", "--events", events, "--output", output).want(t, 0, "published ")
	whole := newest(t, output, schemas.MetricsTable).Version
	page, err := os.ReadFile(filepath.Join(output, evaluation.ReportName))
	if err != nil {
		t.Fatal(err)
	}
	foray(t, "evaluate", "--recall_only", "--events", events, "--output", output).want(t, 0,
		"recall@1 of successor is ", "recall@10 of successor is ", "hit_rate@1 of successor is ", "with 95 % confidence", "is not published")
	quick := newest(t, output, schemas.MetricsTable).Version
	if current, err := store.Current(t.Context(), store.Local(output), schemas.MetricsTable); err != nil || current != whole || quick == whole {
		t.Errorf("metrics %s is published, %v; the whole evaluation made %s, the other %s", current, err, whole, quick)
	}
	if again, err := os.ReadFile(filepath.Join(output, evaluation.ReportName)); err != nil || !slices.Equal(again, page) {
		t.Errorf("the report was changed: %v", err)
	}
	all, few := figuresOf(t, output, whole, "successor"), figuresOf(t, output, quick, "successor")
	if len(few) >= len(all) {
		t.Errorf("%d names of metrics, of a whole evaluation %d", len(few), len(all))
	}
	for _, name := range []string{evaluation.Recall, evaluation.NovelRecall, evaluation.HitRate} {
		if len(few[name]) == 0 {
			t.Errorf("no %s", name)
		}
		for k, m := range few[name] {
			if m != all[name][k] {
				t.Errorf("%s@%d is %+v, of a whole evaluation %+v", name, k, m, all[name][k])
			}
		}
	}
}

// Where nothing is left to judge by, the command says which dates there are.
func TestNothingToJudgeBy(t *testing.T) {
	_, sources := curated(t)
	output := t.TempDir()
	items, events := filepath.Join(sources, catalogue.ItemsFile), filepath.Join(sources, catalogue.EventsFile)
	for _, args := range [][]string{{"cluster", "--items", items}, {"curate"}} {
		foray(t, append(args, "--events", events, "--train_until=2099-01-01", "--output", output)...).want(t, 0)
	}
	foray(t, "plan", "--output", output).want(t, 0)
	foray(t, "evaluate", "--events", events, "--output", output).want(t, 0,
		"there is nothing to recall: events are from 20", ", and it was made of them all; curate and plan with an earlier --train_until")
	foray(t, "evaluate", "--events", events, "--train_until=2020-01-01", "--seed=2", "--output", output).want(t, 0,
		"the table was made of events before 2099-01-01T00:00:00Z", "not at --train_until=2020-01-01")
	foray(t, "evaluate", "--events", events, "--train_until=0.5", "--seed=3", "--output", output).want(t, 0, "not at --train_until=0.5")
	foray(t, "curate", "--events", events, "--train_until=2001-01-01", "--output", output).want(t, 1,
		"no event that counts lies before --train_until=2001-01-01", "; events are from 20")
}

// A table that was made from what is there no longer can be looked at, and not
// be judged.
func TestParentsThatAreGone(t *testing.T) {
	for _, parent := range []string{schemas.ClustersTable, schemas.TransitionsTable} {
		output, sources := curated(t)
		foray(t, "plan", "--output", output).want(t, 0)
		if err := os.RemoveAll(filepath.Join(output, parent)); err != nil {
			t.Fatal(err)
		}
		foray(t, "evaluate", "--events", filepath.Join(sources, catalogue.EventsFile), "--output", output).want(t, 1,
			"was made from "+parent+" v=", "which cannot be read", "does not exist; make the table again")
		foray(t, "inspect", filepath.Join(output, schemas.LookupTable)).want(t, 0,
			"made from  "+parent+" v=", "(gone: the table can be read, and not be judged or made again)")
	}
}

// Metrics say which table they are of, where another is published.
func TestMetricsOfAnotherTable(t *testing.T) {
	output, sources := curated(t)
	foray(t, "plan", "--output", output).want(t, 0)
	foray(t, "evaluate", "--events", filepath.Join(sources, catalogue.EventsFile), "--output", output).want(t, 0)
	foray(t, "plan", "--planner=popular", "--output", output).want(t, 0)
	now := newest(t, output, schemas.LookupTable).Version
	foray(t, "inspect", filepath.Join(output, schemas.MetricsTable)).want(t, 0, "("+now+" is published now: foray evaluate judges it)")
	foray(t, "publish", "--min_recall=0.001", "--output", output).want(t, 3, "it was not judged: run foray evaluate --lookup "+now)
}

// A table of no key is not made.
func TestNoKeyToPlan(t *testing.T) {
	_, sources := curated(t)
	output, folder := t.TempDir(), t.TempDir()
	items, all := filepath.Join(sources, catalogue.ItemsFile), filepath.Join(sources, catalogue.EventsFile)
	foray(t, "cluster", "--items", items, "--events", all, "--output", output).want(t, 0)
	foray(t, "plan", "--keys=observed", "--output", output).want(t, 2, "nothing was curated, so no key was observed: run foray curate first")
	text, err := os.ReadFile(all)
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.Collect(strings.Lines(string(text)))
	events := filepath.Join(folder, "events.csv")
	if err := os.WriteFile(events, []byte(lines[0]+lines[1]), 0o644); err != nil {
		t.Fatal(err)
	}
	foray(t, "curate", "--events", events, "--train_until=1", "--output", output).want(t, 0)
	foray(t, "plan", "--keys=observed", "--output", output).want(t, 2, "no user stands at a key of --history=2 clusters")
	foray(t, "plan", "--planner=successor", "--output", output).want(t, 0, "there are no transitions, so the successor of every key is the most used cluster")
}

// What was mended when asked again counts as what it became, but for the match
// rate, which is of first answers.
func TestMendedAnswersAreJudged(t *testing.T) {
	output, sources := curated(t)
	o := newOracle(t, output)
	server := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		if key, first := o.keys[c.Prompt]; first && key[0] > 0 {
			return o.good(c)
		} else if first {
			return llmtest.Text("I like everything")
		}
		for prompt, key := range o.keys {
			if strings.HasPrefix(c.Prompt, prompt+"\n") {
				return llmtest.Text(o.words[o.novel(key)])
			}
		}
		return llmtest.Failure(http.StatusBadRequest, "bad_prompt", c.Prompt)
	})
	foray(t, planArgs(output, server.URL, "--llm_reasks=1")...).want(t, 0, "93.8 % of first answers")
	foray(t, "evaluate", "--events", filepath.Join(sources, catalogue.EventsFile), "--output", output).want(t, 0)
	of := figuresOf(t, output, newest(t, output, schemas.MetricsTable).Version, "openai")
	for name, want := range map[string]float64{
		evaluation.MatchRate: .9375, evaluation.NoveltyRate: 1, evaluation.NoveltyRate + evaluation.ByTraffic: 1, evaluation.PlannedRate: 1,
	} {
		if m := of[name][0]; m.Value != want || m.N == 0 {
			t.Errorf("%s is %+v, want %v", name, m, want)
		}
	}
	if m, ok := of[evaluation.MatchRate+evaluation.ByTraffic]; ok {
		t.Errorf("of first answers the keys are not known, and yet there is %+v", m)
	}
}
