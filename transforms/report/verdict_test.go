package report

import (
	"math"
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
	d := Data{Planner: "zeta", Metrics: []schemas.Metric{
		{Name: "n", Planner: "zeta", Value: 1234}, {Name: "extra", Planner: "random", Value: 0.12345},
		{Name: "coverage", Planner: "zeta", Value: .5, Low: .5, High: .5, N: 761}, recall("random", 10, .01, .008, .012), recall("zeta", 1, .1, .05, .2),
		recall("alpha", 1, .1, .05, .2),
	}}
	table := tabulate(d)
	if got, want := strings.Join(table.Columns, "|"), "recall@1|recall@10|coverage|extra|cases"; got != want {
		t.Errorf("columns %s, want %s", got, want)
	}
	var lines []string
	for _, r := range table.Rows {
		line := r.Planner
		if r.Judged {
			line += "*"
		}
		for _, c := range r.Cells {
			line += "|" + strings.TrimSpace(c.Value+" "+c.Note)
		}
		lines = append(lines, line)
	}
	want := "zeta*|10.0 % 5.0–20.0 %|–|50.0 % of 761|–|1,234\n" +
		"random|–|1.0 % 0.80–1.20 %|–|0.1235|–\n" +
		"alpha|10.0 % 5.0–20.0 %|–|–|–|–"
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
