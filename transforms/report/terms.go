package report

// term is a definition at the foot of the page.
type term struct{ ID, Name, Meaning string }

// allTerms are the page's own terms and those of the metrics.
func allTerms(definitions []Definition) []term {
	all := append([]term(nil), terms...)
	for _, d := range definitions {
		all = append(all, term{"def-" + d.Metric, plain(d.Name), d.Meaning})
	}
	return all
}

var terms = []term{
	{"", "Cluster, description", "A cluster is a group of items that carries about the same traffic as any other. Its description is the few phrases that set its items apart; it is all that a model sees or says."},
	{"", "Key", "The distinct clusters that a user consumed last, oldest first. Users with the same key get the same plans."},
	{"", "Plan", "A cluster that is not in the key, and that a user with this key may like next. The table holds the plans of every key, best first."},
	{"", "Transition", "A user met a cluster for the first time: the key that the user had just before, and that cluster."},
	{"", "95 % interval", "Users are drawn again with replacement 400 times, and the metric computed each time; 95 % of the results lie in the interval. One planner beats another if the interval of their difference, on the same draws, leaves out 0."},
	{"", "Traffic", "Of a cluster: its share of the training events. Of a key: the share of users whose key it is."},
	{"", "Planned, no match, not novel, failed, not asked for", "Planned: the key has a plan. No match: the answer names no cluster. Not novel: it names a cluster of the key. Failed: no answer could be had. Not asked for: the key carries too little traffic for the coverage that was set."},
	{"", "Baselines", "Successor: the cluster that most often came next for this key. Nearest: the cluster most similar to the key. Popular: the cluster with the most traffic. Random: any cluster; each outside the key."},
	{"", "Entropy and Gini of labels", "How evenly training examples stand over the clusters that they teach. Entropy is the logarithm, base 2, of the number of labels if all are equally frequent. Gini is 0 if they are, and near 1 if few labels have nearly all examples."},
	{"", "Explore, exploit", "Explore items are the item policy’s best inside the planned clusters; exploit items are its best anywhere. Neither has been seen by the user."},
	{"", "Votes", "A model is asked several times for one key; the votes are the answers that named the plan."},
}
