package report

import (
	"fmt"
	"slices"
	"strings"

	"foray/schemas"
)

// verdict is the judgement in plain words.
type verdict struct {
	// Headline is one sentence; Reasons are the sentences behind it.
	Headline string
	Reasons  []string
	Tiles    []tile
}

// tile is one number of the first screen; Metric is the one whose definition
// it leads to, "" for none.
type tile struct{ Value, Name, Note, Metric string }

// recallMetric is the name of the metric that planners are compared by.
const recallMetric = "recall"

// figures looks metrics up.
type figures []schemas.Metric

// get finds a metric whose value is a number; intervals that are none, or do
// not hold the value, shrink to it.
func (f figures) get(name, planner string, k int32) (schemas.Metric, bool) {
	for _, m := range f {
		if m.Name != name || m.Planner != planner || m.K != k || !finite(m.Value) {
			continue
		}
		if !finite(m.Low) || m.Low > m.Value {
			m.Low = m.Value
		}
		if !finite(m.High) || m.High < m.Value {
			m.High = m.Value
		}
		return m, true
	}
	return schemas.Metric{}, false
}

// planners are those with metrics: the one judged first, then the known
// baselines, strongest first, then the others by name.
func (f figures) planners(judged string) []string {
	known := []string{judged, "successor", "nearest", "popular", "random"}
	var names []string
	for _, m := range f {
		if m.Planner != "" && !slices.Contains(names, m.Planner) {
			names = append(names, m.Planner)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		i, j := slices.Index(known, a), slices.Index(known, b)
		switch {
		case i >= 0 && j >= 0:
			return i - j
		case i >= 0:
			return -1
		case j >= 0:
			return 1
		}
		return strings.Compare(a, b)
	})
	return names
}

// comparison sorts the other planners by how the judged one stands to them.
type comparison struct{ beats, loses, ties []string }

// compare calls a difference one where its interval leaves out 0; where it was
// not measured, where the intervals of the two do not meet, which is stricter.
func (f figures) compare(judged string, k int32) (c comparison, ok bool) {
	own, ok := f.get(recallMetric, judged, k)
	if !ok {
		return c, false
	}
	for _, other := range f.planners(judged) {
		m, found := f.get(recallMetric, other, k)
		shown, own := name(other, maxName), own
		if lead, ok := f.get(recallMetric+minus+other, judged, k); ok && found {
			own.Low, own.High = m.Value+lead.Low, m.Value+lead.High
			m.Low, m.High = m.Value, m.Value
		}
		switch {
		case other == judged || !found:
		case own.Low > m.High:
			c.beats = append(c.beats, shown)
		case own.High < m.Low:
			c.loses = append(c.loses, shown)
		default:
			c.ties = append(c.ties, shown)
		}
	}
	return c, true
}

// words: "beats random and popular, is beaten by successor and cannot be
// told apart from nearest".
func (c comparison) words() string {
	var parts []string
	if len(c.beats) > 0 {
		parts = append(parts, "beats "+list(c.beats, "and"))
	}
	if len(c.loses) > 0 {
		parts = append(parts, "is beaten by "+list(c.loses, "and"))
	}
	if len(c.ties) > 0 {
		parts = append(parts, "cannot be told apart from "+list(c.ties, "or"))
	}
	return strings.Join(parts, "; it ")
}

func judge(d Data) verdict {
	f := figures(d.Metrics)
	var v verdict
	planner := name(d.Planner, maxName)
	if planner == "" {
		planner = "the planner"
	}
	best := d.fairTop()
	switch c, ok := f.compare(d.Planner, best); {
	case !ok:
		v.Headline = "Recall was not measured."
		v.Reasons = append(v.Reasons, "No events after the training cut were compared with the plans, so nothing can be said of what "+
			planner+" foresees. "+dates(d.Read)+"The rest of the page describes the plans without judging them.")
	case c.words() == "":
		v.Headline = fmt.Sprintf("At recall@%d, %s stands alone: no baseline was measured.", best, planner)
	default:
		v.Headline = fmt.Sprintf("At recall@%d, %s %s.", best, planner, c.words())
	}
	if c, ok := f.compare(d.Planner, 1); ok && best != 1 && c.words() != "" {
		v.Reasons = append(v.Reasons, fmt.Sprintf("At recall@1, where only the first plan counts, it %s.", c.words()))
	}
	v.Reasons = append(v.Reasons, againstRandom(f, d, best)...)
	v.Reasons = append(v.Reasons, shortOf(f, d, best)...)
	v.Tiles = tiles(f, d, best)
	return v
}

// fairTop is the number of plans that planners are compared by: the most at
// which recall was measured and that the judged planner lists, since one plan
// against ten of a baseline's tells nothing; 0 if none was.
func (d Data) fairTop() int32 {
	for _, k := range []int32{10, 5, 1} {
		if _, ok := figures(d.Metrics).get(recallMetric, d.Planner, k); ok && (d.Listed == 0 || k <= int32(d.Listed) || k == 1) {
			return k
		}
	}
	return 0
}

// shortOf says what keeps recall low without being the planner's choice:
// plans that were not asked for.
func shortOf(f figures, d Data, k int32) (reasons []string) {
	if k == 0 {
		return nil
	}
	if d.Listed > 0 && k < 10 {
		reasons = append(reasons, fmt.Sprintf("Most keys list %s, so planners are compared at recall@%d: at more, the baselines would have more plans to be right with.", some(int64(d.Listed), "plan"), k))
	}
	if m, ok := f.get("planned_rate_by_traffic", d.Planner, 0); ok && m.Value < .99 {
		reasons = append(reasons, fmt.Sprintf("%s of users stand at keys without a plan. What users of such keys did next counts as missed, where the baselines have a plan for every key.", percent(1-m.Value)))
	}
	return reasons
}

// dates say which events there are, where that is known.
func dates(r Read) string {
	from, to, cut := day(r.From), day(r.To), day(r.TrainUntil)
	switch {
	case from == "" || to == "":
		return ""
	case cut == "":
		return fmt.Sprintf("Events run from %s to %s (UTC), and all of them trained. ", from, to)
	}
	return fmt.Sprintf("Events run from %s to %s (UTC), and those before %s trained. ", from, to, cut)
}

// againstRandom says by how much random is beaten, and what random is.
func againstRandom(f figures, d Data, k int32) (reasons []string) {
	own, ok := f.get(recallMetric, d.Planner, k)
	random, measured := f.get(recallMetric, "random", k)
	if ok && measured && d.Planner != "random" {
		if random.Value > 0 {
			reasons = append(reasons, fmt.Sprintf("It foresees %s of the next interests within %s, %s times what random plans do (%s).",
				percent(own.Value), some(int64(k), "plan"), times(own.Value/random.Value), percent(random.Value)))
		} else {
			reasons = append(reasons, fmt.Sprintf("It foresees %s of the next interests within %s; random plans foresaw none.", percent(own.Value), some(int64(k), "plan")))
		}
	}
	if n := d.Leaves - d.History; ok && n > 1 {
		reason := fmt.Sprintf("A low recall is normal here: with %s clusters a random novel one is right in 1 of %s cases (%s)",
			thousands(int64(d.Leaves)), thousands(int64(n)), percent(1/float64(n)))
		if n > 10 && k == 10 {
			reason += fmt.Sprintf(", and one of ten random ones in %s", percent(10/float64(n)))
		}
		reasons = append(reasons, reason+". A user has many interests to come, and the log shows the one that came first.")
	}
	return reasons
}

// maxTiles is how many numbers fit the first screen.
const maxTiles = 5

func tiles(f figures, d Data, k int32) (tiles []tile) {
	if m, ok := f.get(recallMetric, d.Planner, k); ok {
		tiles = append(tiles, tile{percent(m.Value), fmt.Sprintf("recall@%d", k), note(m), recallMetric})
		if r, ok := f.get(recallMetric, "random", k); ok && r.Value > 0 && d.Planner != "random" {
			tiles = append(tiles, tile{"× " + times(m.Value/r.Value), "times random", "random: " + percent(r.Value), recallMetric})
		}
	}
	for _, t := range []struct {
		metric, name, note string
		k                  int32
	}{
		{"hit_rate", "hit rate", "", 1},
		{"match_rate", "match rate", "of the answers name a cluster", 0},
		{"novelty_rate", "novelty", "of the matches leave the key", 0},
		{"coverage", "coverage", "of the clusters are planned", 0},
	} {
		m, ok := f.get(t.metric, d.Planner, t.k)
		if !ok || len(tiles) == maxTiles || t.metric != "coverage" && m.Value == 1 { // that all is well needs no tile
			continue
		}
		if t.note == "" {
			t.note = note(m)
		}
		tiles = append(tiles, tile{percent(m.Value), t.name, t.note, t.metric})
	}
	for i := range tiles { // without its definition a number leads nowhere
		if !slices.ContainsFunc(d.Definitions, func(def Definition) bool { return def.Metric == tiles[i].Metric }) {
			tiles[i].Metric = ""
		}
	}
	return tiles
}

// note is the 95 % interval where there is one, else the number of cases.
func note(m schemas.Metric) string {
	if m.Low < m.High {
		return interval(m.Low, m.High)
	}
	if m.N > 0 {
		return "of " + thousands(m.N)
	}
	return ""
}
