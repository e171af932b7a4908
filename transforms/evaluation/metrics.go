package evaluation

import (
	"math"
	"strconv"

	"foray/schemas"
	"foray/transforms/planner"
	"foray/transforms/planning"
)

// Metrics gives the rows of metrics/, planner by planner.
func (b *book) metrics(cfg Config, sheets []*sheet, s *Score) []schemas.Metric {
	var rows metrics
	for p, name := range cfg.Names() {
		if sheets != nil {
			rows.ofTable(name, sheets[p], p == 0, b.table.Manifest)
		}
		if s.sum(sumCases) > 0 { // nothing to recall is no recall of 0
			rows.ofUsers(name, p, s)
		}
		if p > 0 && s.sum(sumCases) > 0 {
			rows.leads(cfg.Names()[0], name, p, s)
		}
	}
	if n := s.sum(sumStable); n > 0 {
		rows.add(Stability, planner.Successor, stableTop, scaled(s.ratio(sumOverlap, sumStable, n)))
		rows.add(Stability+ByKey, planner.Successor, stableTop, s.ratio(sumOverlapByKey, sumStableByKey, n))
	}
	return rows
}

// scaled puts a share of parts of overlapUnit into shares of 1.
func scaled(e estimate) estimate {
	return estimate{e.value / overlapUnit, e.low / overlapUnit, e.high / overlapUnit, e.n}
}

type metrics []schemas.Metric

// add writes a row; what is a share of nothing is left out.
func (m *metrics) add(name, planner string, k int, e estimate) {
	if !math.IsNaN(e.value) {
		*m = append(*m, schemas.Metric{Name: name, Planner: planner, K: int32(k), Value: e.value, Low: e.low, High: e.high, N: e.n})
	}
}

// ofTable are the figures of the table's keys.
func (m *metrics) ofTable(planner string, s *sheet, own bool, manifest schemas.Manifest) {
	c := s.columns
	both := func(name string, k int, read figure, whole int) {
		v := read(c, s.byKey)
		m.add(name, planner, k, estimate{v, v, v, s.byKey[whole]})
		if s.byTraffic[c.keys] > 0 {
			m.add(name+ByTraffic, planner, k, s.traffic(read, s.byTraffic[whole]))
		}
	}
	given, matched := manifest.Counts[planning.AnswersGiven], manifest.Counts[planning.AnswersMatched]
	if own && given > 0 && (given != s.byKey[c.answered] || matched != s.byKey[c.matched]) {
		// The table's rows have other answers than the first ones, which were
		// mended: of those only their number is known, not their keys.
		v := over(matched, given)
		m.add(MatchRate, planner, 0, estimate{v, v, v, given})
	} else {
		both(MatchRate, 0, ratioOf(c.matched, c.answered), c.answered)
	}
	both(NoveltyRate, 0, ratioOf(c.novel, c.matched), c.matched)
	both(PlannedRate, 0, ratioOf(c.planned, c.keys), c.keys)
	both(Coverage, 0, coverage, c.planned)
	both(Entropy, 0, entropy, c.planned)
	both(Gini, 0, gini, c.planned)
	both(TopDecile, 0, topDecile, c.planned)
	both(TreeDistance, 0, treeDistance, c.planned)
	for level := range c.levels - 1 {
		both(TreeCommon, level, ratioOf(c.common+1+level, c.planned), c.planned)
	}
	both(Diversity, diverse, ratioOf(c.apart, c.pairs), c.pairs)
	both(Agreement, 0, ratioOf(c.same, c.compared), c.compared)
}

// ofUsers are the figures of the transitions after the cut.
func (m *metrics) ofUsers(planner string, p int, s *Score) {
	cases := s.sum(sumCases)
	both := func(name string, k, measure, byKey int) {
		m.add(name, planner, k, s.ratio(of(p, measure), sumCases, cases))
		m.add(name+ByKey, planner, k, s.ratio(of(p, byKey), sumCasesByKey, cases))
	}
	for i, k := range Tops {
		both(Recall, k, sumRecall+i, sumRecallByKey+i)
		if k < listed { // of all that are listed it is recall
			both(NovelRecall, k, sumNovel+i, sumNovelByKey+i)
		}
	}
	both(HitRate, 1, sumHit, sumHitByKey)
	both(NewToUser, 1, sumFresh, sumFreshByKey)
	if n := s.sum(of(p, sumUserKeys)); n > 0 {
		m.add(UserDiversity, planner, 1, s.ratio(of(p, sumUserPlans), of(p, sumUserKeys), n))
	}
	for d := range Deciles {
		if n := s.sum(sumDecileCases + d); n > 0 {
			m.add(RecallDecile+strconv.Itoa(d+1), planner, listed, s.ratio(of(p, sumDecile+d), sumDecileCases+d, n))
		}
	}
}

// leads are the differences between the planner judged and a baseline.
func (m *metrics) leads(judged, baseline string, p int, s *Score) {
	cases := s.sum(sumCases)
	lead := func(name string, k, measure, whole int) {
		difference, chance := s.lead(of(0, measure), of(p, measure), whole, cases)
		m.add(name+Minus+baseline, judged, k, difference)
		m.add(name+Minus+baseline+Chance, judged, k, estimate{chance, chance, chance, cases})
	}
	for i, k := range Tops {
		lead(Recall, k, sumRecall+i, sumCases)
		lead(Recall+ByKey, k, sumRecallByKey+i, sumCasesByKey)
		if k < listed {
			lead(NovelRecall, k, sumNovel+i, sumCases)
		}
	}
	lead(HitRate, 1, sumHit, sumCases)
	lead(HitRate+ByKey, 1, sumHitByKey, sumCasesByKey)
}
