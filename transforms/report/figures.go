package report

import (
	"fmt"

	"foray/schemas"
)

// draws returns the plots for which there is data.
func draws(d Data) ([]figure, error) {
	var drawn []figure
	for _, draw := range []func(Data) (figure, bool, error){recallFigure, decileFigure, plansFigure, treeFigure, statusFigure, trafficFigure} {
		f, ok, err := draw(d)
		if err != nil {
			return nil, err
		}
		if ok {
			drawn = append(drawn, f)
		}
	}
	return drawn, nil
}

// maxPlanners is how many planners a plot has room for.
const maxPlanners = 8

func recallFigure(d Data) (f figure, ok bool, err error) {
	metrics := figures(d.Metrics)
	k := d.fairTop()
	var bars []bar
	for _, planner := range metrics.planners(d.Planner) {
		if m, found := metrics.get(recallMetric, planner, k); found && len(bars) < maxPlanners {
			bars = append(bars, bar{short(planner), percent(m.Value), clip(m.Value), clip(m.Low), clip(m.High), planner == d.Planner})
		}
	}
	if len(bars) == 0 {
		return f, false, nil
	}
	f.Question = "Which planner foresees what users do next?"
	f.Answer = fmt.Sprintf("Recall@%d: the share of the next interests that are in the first %s of their key. Lines are 95 %% intervals.", k, some(int64(k), "plan"))
	f.SVG, err = inline(barChart(bars, true), f.Question)
	return f, true, err
}

// decileFigure shows where the recall comes from: keys of many users, or of
// few.
func decileFigure(d Data) (f figure, ok bool, err error) {
	metrics := figures(d.Metrics)
	var bars []bar
	var randoms float64
	for n := range 10 {
		name := fmt.Sprintf("%s%d", decile, n+1)
		m, found := metrics.get(name, d.Planner, 10)
		if !found {
			continue
		}
		label := fmt.Sprintf("tenth %d", n+1)
		switch n {
		case 0:
			label = "most users"
		case 9:
			label = "fewest users"
		}
		bars = append(bars, bar{label, percent(m.Value), clip(m.Value), clip(m.Low), clip(m.High), true})
		if r, found := metrics.get(name, "random", 10); found {
			randoms = max(randoms, r.Value)
		}
	}
	if len(bars) < 2 {
		return f, false, nil
	}
	f.Question = "Does it work for rare interests, too?"
	f.Answer = "Recall of all plans listed, at most ten, by the traffic of keys: each line is a tenth of all users, from those at the best-travelled keys to those at the rarest. Lines are 95 % intervals."
	if randoms > 0 && d.fairTop() == 10 {
		f.Answer += fmt.Sprintf(" Ten random plans reach %s at best.", percent(randoms))
	}
	f.SVG, err = inline(barChart(bars, true), f.Question)
	return f, true, err
}

// treeFigure shows how far plans go from what users had.
func treeFigure(d Data) (f figure, ok bool, err error) {
	metrics := figures(d.Metrics)
	var bars []bar
	shared := 0.0
	for level := int32(0); ; level++ {
		m, found := metrics.get(common, d.Planner, level)
		if !found {
			break
		}
		shared += m.Value
		bars = append(bars, bar{fmt.Sprintf("level %d", level), percent(m.Value), clip(m.Value), clip(m.Low), clip(m.High), false})
	}
	if len(bars) == 0 {
		return f, false, nil
	}
	bars[len(bars)-1].name = "siblings"
	apart := clip(1 - shared)
	bars = append([]bar{{"no ancestor", percent(apart), apart, apart, apart, false}}, bars...)
	for i := range bars {
		bars[i].strong = i > 0
	}
	f.Question = "How far from the familiar do plans go?"
	f.Answer = fmt.Sprintf("%s of the plans share an ancestor in the cluster tree with their key, and differ below it; the level is that of the closest one, 0 the coarsest.", percent(clip(shared)))
	f.SVG, err = inline(barChart(bars, false), f.Question)
	return f, true, err
}

func statusFigure(d Data) (f figure, ok bool, err error) {
	var all int64
	counts := map[string]int64{}
	for _, s := range d.Statuses {
		counts[s.Name] += max(0, s.N)
		all += max(0, s.N)
	}
	if all == 0 {
		return f, false, nil
	}
	var bars []bar
	var known int64
	for _, s := range []string{schemas.StatusOK, schemas.StatusNoMatch, schemas.StatusNotNovel, schemas.StatusFailed, schemas.StatusNotPlanned} {
		share := float64(counts[s]) / float64(all)
		bars = append(bars, bar{statusWords(s), thousands(counts[s]), share, share, share, s == schemas.StatusOK})
		known += counts[s]
	}
	if rest := all - known; rest > 0 {
		share := float64(rest) / float64(all)
		bars = append(bars, bar{"other", thousands(rest), share, share, share, false})
	}
	f.Question = "What became of the keys?"
	f.Answer = fmt.Sprintf("%s of %s have a plan.", percent(float64(counts[schemas.StatusOK])/float64(all)), some(all, "key"))
	f.SVG, err = inline(barChart(bars, false), f.Question)
	return f, true, err
}

func plansFigure(d Data) (f figure, ok bool, err error) {
	weights := make([]float64, len(d.Plans))
	for i, n := range d.Plans {
		weights[i] = float64(n)
	}
	shares := descending(weights, d.Leaves)
	if shares == nil {
		return f, false, nil
	}
	never := 0
	for _, s := range shares {
		if s == 0 {
			never++
		}
	}
	f.Question = "Do the plans reach the long tail?"
	f.Answer = fmt.Sprintf("The most planned tenth of the clusters takes %s of all plans. ", percent(head(shares)))
	if never > 0 {
		f.Answer += fmt.Sprintf("Never planned: %s of %s.", thousands(int64(never)), some(int64(len(shares)), "cluster"))
	} else {
		f.Answer += "Every cluster is planned for some key."
	}
	p, err := tailChart(shares, "clusters, most planned first")
	if err != nil {
		return f, false, err
	}
	f.SVG, err = inline(p, f.Question)
	return f, true, err
}

func trafficFigure(d Data) (f figure, ok bool, err error) {
	shares := descending(d.Traffic, d.Leaves)
	if shares == nil {
		return f, false, nil
	}
	f.Question = "Is the traffic balanced over the clusters?"
	f.Answer = fmt.Sprintf("The busiest cluster has %s of the events, %s times an even split; the busiest tenth has %s.",
		percent(shares[0]), times(shares[0]*float64(len(shares))), percent(head(shares)))
	p, err := tailChart(shares, "clusters, busiest first")
	if err != nil {
		return f, false, err
	}
	f.SVG, err = inline(p, f.Question)
	return f, true, err
}

// head is the part of the first tenth (at least one).
func head(shares []float64) (sum float64) {
	for _, s := range shares[:max(1, len(shares)/10)] {
		sum += s
	}
	return sum
}

// clip keeps a share inside the plot.
func clip(x float64) float64 { return min(max(x, 0), 1) }

// short makes a name fit beside a plot.
func short(text string) string { return name(text, 14) }

// statusWords says a status as a reader would; one that is not known is cut.
func statusWords(status string) string {
	switch status {
	case schemas.StatusOK:
		return "planned"
	case schemas.StatusNoMatch:
		return "no match"
	case schemas.StatusNotNovel:
		return "not novel"
	case schemas.StatusFailed:
		return "failed"
	case schemas.StatusNotPlanned:
		return "not asked for"
	}
	return short(status)
}
