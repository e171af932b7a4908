package evaluation

import (
	"foray/schemas"
	"foray/transforms/planner"
	"foray/transforms/planning"
)

// The names of the metrics.
const (
	MatchRate   = "match_rate"   // answers that name a cluster of the vocabulary ÷ answers
	NoveltyRate = "novelty_rate" // answers that name a cluster outside their key ÷ answers that name one
	Coverage    = "coverage"     // distinct clusters planned ÷ clusters
	Recall      = "recall"       // transitions after the cut foreseen ÷ transitions after the cut
)

// Metrics computes the rows of metrics/, planner by planner.
func Metrics(cfg Config, w *planning.World, t *planning.Table, plans []planner.Planner, s *Score) []schemas.Metric {
	var rows []schemas.Metric
	add := func(name, planner string, k int32, value, low, high float64, n int64) {
		rows = append(rows, schemas.Metric{Name: name, Planner: planner, K: k, Value: value, Low: low, High: high, N: n})
	}
	ratio := func(name, planner string, part, whole int64) {
		v := 0.0
		if whole > 0 {
			v = float64(part) / float64(whole)
		}
		add(name, planner, 0, v, v, v, whole)
	}
	for p, name := range cfg.Names() {
		answered, matched, novel := answers(t, p == 0)
		ratio(MatchRate, name, matched, answered)
		ratio(NoveltyRate, name, novel, matched)
		ratio(Coverage, name, planned(plans[p], t), int64(len(w.Leaves)))
		if s.Cases == 0 {
			continue // nothing to recall is no recall of 0
		}
		for top, k := range Tops {
			v, low, high := s.Recall(p, top)
			add(Recall, name, int32(k), v, low, high, s.Cases)
		}
	}
	return rows
}

// answers counts the table's answers; a baseline answers every key and always
// with a novel cluster of the vocabulary.
func answers(t *planning.Table, own bool) (answered, matched, novel int64) {
	for _, r := range t.Rows {
		if !own {
			answered, matched, novel = answered+1, matched+1, novel+1
			continue
		}
		switch r.Status {
		case schemas.StatusOK:
			answered, matched, novel = answered+1, matched+1, novel+1
		case schemas.StatusNotNovel:
			answered, matched = answered+1, matched+1
		case schemas.StatusNoMatch:
			answered++
		}
	}
	if n, ok := t.Manifest.Counts[planning.AnswersMatched]; own && ok {
		// The first answers, which a later one may have mended.
		matched, answered = n, t.Manifest.Counts[planning.AnswersGiven]
	}
	return answered, matched, novel
}

// planned counts the distinct clusters that a planner plans for the table's
// keys.
func planned(p planner.Planner, t *planning.Table) int64 {
	seen := map[int32]bool{}
	var room []schemas.Candidate
	for _, r := range t.Rows {
		if room = p.Plan(r.Key, 1, room[:0]); len(room) > 0 {
			seen[room[0].Cluster] = true
		}
	}
	return int64(len(seen))
}
