package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"foray/schemas"
)

// sample is a run as it might be: a fine-tuned model on a shop's catalogue.
func sample() Data {
	rng := rand.New(rand.NewPCG(1, 0))
	words := []string{"white hanging heart", "t-light holder", "lunch bag", "retro spot", "jumbo bag", "vintage union jack", "cake stand", "regency", "paper chain kit",
		"50's christmas", "alarm clock", "bakelike", "garden kneeling pad", "feltcraft", "butterfly", "wooden picture frame", "enamel watering can",
		"magnetic notepad", "gingham bunting", "baking set", "ceramic storage jar", "doormat", "love birds", "bathroom metal sign"}
	description := func() string {
		return words[rng.IntN(len(words))] + ", " + words[rng.IntN(len(words))] + ", " + words[rng.IntN(len(words))] + ", " + words[rng.IntN(len(words))]
	}
	d := Data{
		Title:   "Online retail, spring catalogue",
		Planner: "openai",
		History: 2,
		Leaves:  761,
		Definitions: []Definition{
			{Metric: "recall", Name: "recall", Group: "What users did next", Share: true, Meaning: "the share of transitions foreseen"},
			{Metric: "coverage", Name: "coverage", Group: "How plans spread", Share: true, Meaning: "the share of clusters planned"},
			{Metric: "_minus_", Name: "difference", Meaning: "one less the other"}, {Metric: "_p", Name: "p", Meaning: "by luck"},
		},
		Cost: []Count{{"Tokens of prompts", 41_233_120}},
		Read: Read{
			Rows: 1_204_811, Users: 41_207, Items: 15_220,
			From:       time.Date(2025, 12, 1, 8, 26, 0, 0, time.UTC),
			To:         time.Date(2026, 11, 9, 12, 50, 0, 0, time.UTC),
			TrainUntil: time.Date(2026, 9, 1, 22, 10, 0, 0, time.UTC),
			Rejects:    []Count{{"timestamp is not a time", 12}, {"item is not in the catalogue", 4811}, {"row has 3 of 5 columns", 1}},
		},
		Training: Training{Way: "diversified", Tokens: 1_246_354, Dollars: 9.97, Ways: []Curation{
			{"diversified", 7610, 761, 9.57, 0}, {"random", 7610, 759, 9.44, 0.23}, {"popular", 7610, 558, 8.49, 0.64},
		}},
		Since:   "v=20261116T060102.120Z",
		Changes: []Count{{"Items that came", 1204}, {"Items that moved", 17}},
		Tree: []Node{
			{"kitchen, baking", .6, []Node{{"sourdough, flour", .4, nil}, {"espresso <b>", .2, nil}}},
			{"outdoors", .4, []Node{{"trail running", .4, nil}}},
		},
		Versions: []Version{
			{"clusters", "v=20261123T060102.120Z", nil},
			{"transitions", "v=20261123T060341.007Z", []string{"clusters v=20261123T060102.120Z"}},
			{"lookup", "v=20261123T061955.415Z", []string{"clusters v=20261123T060102.120Z", "transitions v=20261123T060341.007Z"}},
		},
		Links: []Link{
			{"lookup", "../lookup/v=20261123T061955.415Z/", "every key and its plans"},
			{"metrics", "../metrics/v=20261123T062100.000Z/", "the numbers of this page"},
			{"rejects", "../rejects/v=20261123T061955.415Z/", "what was not used, and why"},
		},
		Statuses: []Count{{schemas.StatusOK, 541_220}, {schemas.StatusNoMatch, 8_122}, {schemas.StatusNotNovel, 3_310}, {schemas.StatusFailed, 46}, {schemas.StatusNotPlanned, 25_662}},
	}
	recall := map[string][3]float64{
		"openai": {.0212, .0548, .0836}, "successor": {.0257, .0561, .0815}, "nearest": {.0071, .0301, .0519},
		"popular": {.0062, .0277, .0466}, "random": {.0014, .0066, .0131},
	}
	for planner, values := range recall {
		for i, k := range []int32{1, 5, 10} {
			e := 1.96 * math.Sqrt(values[i]*(1-values[i])/9211)
			d.Metrics = append(d.Metrics, schemas.Metric{Name: "recall", Planner: planner, K: k, Value: values[i], Low: values[i] - e, High: values[i] + e, N: 9211})
		}
		coverage := map[string]float64{"openai": .871, "successor": .742, "nearest": .955, "popular": .004, "random": 1}[planner]
		d.Metrics = append(d.Metrics, schemas.Metric{Name: "coverage", Planner: planner, Value: coverage, Low: coverage, High: coverage, N: 761})
	}
	d.Metrics = append(d.Metrics,
		schemas.Metric{Name: "match_rate", Planner: "openai", Value: .9793, Low: .9793, High: .9793, N: 552_698},
		schemas.Metric{Name: "novelty_rate", Planner: "openai", Value: .9939, Low: .9939, High: .9939, N: 541_220})
	for i := range 10 {
		d.Metrics = append(d.Metrics, schemas.Metric{Name: fmt.Sprint("recall_decile_", i+1), Planner: "openai", K: 10, Value: .1 - float64(i)/150, Low: .09 - float64(i)/150, High: .11 - float64(i)/150})
	}
	for level, share := range []float64{.1, .3, .4} {
		d.Metrics = append(d.Metrics, schemas.Metric{Name: "tree_common_level", Planner: "openai", K: int32(level), Value: share, Low: share, High: share})
	}
	d.Metrics = append(d.Metrics,
		schemas.Metric{Name: "recall_minus_random", Planner: "openai", K: 10, Value: .07, Low: .06, High: .08},
		schemas.Metric{Name: "recall_minus_random_p", Planner: "openai", K: 10, Value: .004, Low: .004, High: .004})
	for i := range 761 {
		d.Plans = append(d.Plans, int64(9000*math.Pow(float64(i+1), -0.72))-65+int64(rng.IntN(20)))
		d.Traffic = append(d.Traffic, 1+0.18*rng.NormFloat64())
	}
	statuses := []string{schemas.StatusOK, schemas.StatusOK, schemas.StatusOK, schemas.StatusOK, schemas.StatusNoMatch, schemas.StatusNotNovel}
	for i := range 40 {
		p := Plan{Key: []string{description(), description()}, Status: statuses[rng.IntN(len(statuses))], Traffic: 0.004 / float64(i+1)}
		if p.Status == schemas.StatusOK {
			p.Novel, p.Votes, p.Samples = description(), int32(3+rng.IntN(6)), 8
		}
		d.Samples = append(d.Samples, p)
	}
	d.Worst = []Case{
		{schemas.StatusNoMatch, []string{description(), description()}, "I would recommend kitchenware, such as mugs and plates, because the user", "", 0.0021},
		{schemas.StatusFailed, []string{description(), description()}, "", description(), 0.0011},
		{Missed(41, 57), []string{description(), description()}, description(), description(), 0.0034},
	}
	for i := range 10 {
		u := User{Name: fmt.Sprintf("User %d", i+1), Key: []string{description(), description()}, Planned: []string{description(), description()}}
		for j := range 10 {
			source := schemas.SourceExploit
			if j%5 == 2 {
				source = schemas.SourceExplore
			}
			u.Items = append(u.Items, Item{Title: "SET OF 3 " + words[rng.IntN(len(words))], Cluster: description(), Source: source})
		}
		d.Users = append(d.Users, u)
	}
	return d
}
