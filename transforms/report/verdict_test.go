package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"foray/schemas"
)

func recall(planner string, k int32, value, low, high float64) schemas.Metric {
	return schemas.Metric{Name: "recall", Planner: planner, K: k, Value: value, Low: low, High: high, N: 100}
}

func TestVerdict(t *testing.T) {
	tests := []struct {
		name     string
		data     Data
		headline string
		reasons  []string
	}{
		{"beats, loses, ties", Data{Planner: "openai", Leaves: 761, History: 2, Metrics: []schemas.Metric{
			recall("random", 10, .01, .008, .012), recall("popular", 10, .05, .04, .055), recall("openai", 10, .06, .056, .064),
			recall("successor", 10, .08, .07, .09), recall("nearest", 10, .058, .052, .066),
			recall("openai", 1, .006, .004, .008), recall("random", 1, .001, .0005, .002),
		}},
			"At recall@10, openai beats popular and random; it is beaten by successor; it cannot be told apart from nearest.",
			[]string{"At recall@1, where only the first plan counts, it beats random.",
				"foresees 6.0 % of the next interests within 10 plans, 6.0 times what random plans do (1.0 %)",
				"with 761 clusters a random novel one is right in 1 of 759 cases (0.13 %), and one of ten random ones in 1.3 %"}},
		{"intervals that touch are a tie", Data{Planner: "a", Metrics: []schemas.Metric{
			recall("a", 10, .5, .4, .6), recall("b", 10, .7, .6, .8)}},
			"At recall@10, a cannot be told apart from b.", nil},
		{"only recall@1", Data{Planner: "a", Leaves: 10, History: 2, Metrics: []schemas.Metric{recall("a", 1, .5, .4, .6), recall("random", 1, .1, .05, .2)}},
			"At recall@1, a beats random.", []string{"right in 1 of 8 cases (12.5 %). A user"}},
		{"one plan a key", Data{Planner: "a", Leaves: 72, History: 2, Listed: 1, Metrics: []schemas.Metric{
			recall("a", 1, .2, .15, .25), recall("a", 10, .2, .15, .25), recall("random", 1, .01, 0, .02), recall("random", 10, .3, .25, .35),
			{Name: "planned_rate_by_traffic", Planner: "a", Value: .75}}},
			"At recall@1, a beats random.", []string{"within 1 plan, 20.0 times what random plans do (1.0 %)", "Most keys list 1 plan, so planners are compared at recall@1",
				"25.0 % of users stand at keys without a plan."}},
		{"five plans a key", Data{Planner: "a", Listed: 7, Metrics: []schemas.Metric{
			recall("a", 5, .2, .15, .25), recall("a", 10, .2, .15, .25), recall("random", 5, .1, .08, .12), recall("random", 10, .3, .25, .35)}},
			"At recall@5, a beats random.", []string{"within 5 plans, 2.0 times"}},
		{"one difference measured, one not", Data{Planner: "a", Metrics: []schemas.Metric{
			recall("a", 10, .5, .4, .6), recall("successor", 10, .1, .05, .15), recall("popular", 10, .45, .42, .46),
			{Name: "recall_minus_successor", Planner: "a", K: 10, Value: .4, Low: .38, High: .42}}},
			"At recall@10, a beats successor; it cannot be told apart from popular.", nil},
		{"alone", Data{Planner: "a", Metrics: []schemas.Metric{recall("a", 10, .5, .4, .6)}},
			"At recall@10, a stands alone: no baseline was measured.", nil},
		{"random without a hit", Data{Planner: "a", Metrics: []schemas.Metric{recall("a", 10, .5, .4, .6), recall("random", 10, 0, 0, 0)}},
			"At recall@10, a beats random.", []string{"random plans foresaw none"}},
		{"the planner itself is random", Data{Planner: "random", Metrics: []schemas.Metric{recall("random", 10, .01, 0, .02), recall("popular", 10, .1, .08, .2)}},
			"At recall@10, random is beaten by popular.", nil},
		{"nothing to recall", Data{Planner: "a", Leaves: 761, Metrics: []schemas.Metric{{Name: "match_rate", Planner: "a", Value: 1}}},
			"Recall was not measured.", []string{"nothing can be said of what a foresees"}},
		{"a value that is none", Data{Planner: "a", Metrics: []schemas.Metric{recall("a", 10, math.NaN(), 0, 1)}},
			"Recall was not measured.", nil},
		{"an interval that is none shrinks", Data{Planner: "a", Metrics: []schemas.Metric{
			recall("a", 10, .5, math.NaN(), math.Inf(1)), recall("b", 10, .4, .3, .45)}},
			"At recall@10, a beats b.", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := judge(tt.data)
			if v.Headline != tt.headline {
				t.Errorf("got  %q\nwant %q", v.Headline, tt.headline)
			}
			all := strings.Join(v.Reasons, "\n")
			for _, want := range tt.reasons {
				if !strings.Contains(all, want) {
					t.Errorf("%q is not among the reasons:\n%s", want, all)
				}
			}
			if tt.reasons == nil && strings.Contains(all, "times what random") {
				t.Errorf("compared with a random that is not there: %s", all)
			}
		})
	}
}

func TestTable(t *testing.T) {
	d := Data{Planner: "zeta", Definitions: []Definition{
		{Metric: "recall", Name: "recall", Group: "next", Share: true, Meaning: "means"}, {Metric: "plan_gini", Name: "Gini", Group: "spread"},
		{Metric: "coverage", Name: "coverage", Group: "spread", Share: true},
	}, Metrics: []schemas.Metric{
		{Name: "n", Planner: "zeta", Value: 1234, Low: 1234, High: 1234}, {Name: "extra", Planner: "random", Value: 0.12345, Low: 0.12345, High: 0.12345},
		{Name: "coverage", Planner: "zeta", Value: .5, Low: .5, High: .5, N: 761}, recall("random", 10, .01, .008, .012), recall("zeta", 1, .1, .05, .2),
		recall("alpha", 1, .1, .05, .2), {Name: "recall_by_key", K: 1, Planner: "zeta", Value: .2, Low: .1, High: .3},
		{Name: "plan_gini_by_traffic", Planner: "zeta", Value: .25, Low: .2, High: .3},
		{Name: "recall_minus_random", Planner: "zeta", K: 1}, {Name: "recall_decile_3", Planner: "zeta", K: 10},
	}}
	table := tabulate(d)
	var lines []string
	for _, p := range table.Planners {
		lines = append(lines, fmt.Sprint(p))
	}
	for _, g := range table.Groups {
		lines = append(lines, g.Name)
		for _, r := range g.Rows {
			line := strings.TrimSpace(r.Name + " " + r.Weighting)
			for _, c := range r.Cells {
				line += "|" + strings.TrimSpace(c.Value+" "+c.Note)
			}
			lines = append(lines, line)
		}
	}
	want := []string{"{zeta true}", "{random false}", "{alpha false}",
		"next", "recall@1|10.0 % 5.0–20.0 %|–|10.0 % 5.0–20.0 %", "recall@1 every key the same|20.0 % 10.0–30.0 %|–|–", "recall@10|–|1.0 % 0.80–1.20 %|–",
		"spread", "Gini weighted by traffic|0.250 0.200–0.300|–|–", "coverage|50.0 %|–|–",
		otherMetrics, "extra|–|0.123|–", "n|1,234|–|–"}
	if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestLeads(t *testing.T) {
	lead := func(baseline string, k int32, value, low, high, p float64) []schemas.Metric {
		name := "recall_minus_" + baseline
		return []schemas.Metric{{Name: name, Planner: "zeta", K: k, Value: value, Low: low, High: high}, {Name: name + "_p", Planner: "zeta", K: k, Value: p}}
	}
	d := Data{Planner: "zeta", Metrics: slices.Concat([]schemas.Metric{recall("zeta", 10, .1, .05, .15), recall("random", 10, .09, .04, .14), recall("popular", 10, .11, .06, .16), recall("nearest", 10, .1, .06, .16)},
		lead("random", 10, .01, .004, .016, .004), lead("popular", 10, -.01, -.02, -.003, .01), lead("nearest", 10, 0, -.01, .01, 1))}
	var lines []string
	for _, r := range leads(d).Rows {
		lines = append(lines, strings.TrimSpace(fmt.Sprint(r.Baseline, r.Cells)))
	}
	want := []string{"nearest[{–  } {+0.00 -1.00 to +1.00; p = 1 } {–  }]", "popular[{–  } {-1.00 -2.00 to -0.30; p = 0.01 behind} {–  }]", "random[{–  } {+1.00 +0.40 to +1.60; p < 0.005 ahead} {–  }]"}
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	// The intervals of the planners meet, those of their differences tell them apart.
	if got, want := judge(d).Headline, "At recall@10, zeta beats random; it is beaten by popular; it cannot be told apart from nearest."; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
