package evaluation

import "foray/transforms/report"

// The names of the metrics. Shares of keys count every key of the table the
// same and, with ByTraffic, every user who stands at one before the cut;
// shares of transitions count every transition after the cut the same, and,
// with ByKey, every key that has one.
const (
	MatchRate    = "match_rate"
	NoveltyRate  = "novelty_rate"
	PlannedRate  = "planned_rate"
	Coverage     = "coverage"
	Entropy      = "plan_entropy"
	Gini         = "plan_gini"
	TopDecile    = "plan_top_decile"
	TreeDistance = "tree_distance"
	TreeCommon   = "tree_common_level"
	Diversity    = "plan_diversity"
	Agreement    = "agreement"

	Recall        = "recall"
	NovelRecall   = "novel_recall"
	HitRate       = "hit_rate"
	NewToUser     = "new_to_user"
	RecallDecile  = "recall_decile_" // and 1 to 10
	UserDiversity = "user_diversity"
	Stability     = "successor_stability"

	// ByTraffic and ByKey end the names of the other weighting.
	ByTraffic = "_by_traffic"
	ByKey     = "_by_key"
	// Minus stands between a metric and the baseline whose value is taken off;
	// Chance ends the name of the p-value of that difference.
	Minus  = "_minus_"
	Chance = "_p"
)

// Definitions say what each metric is, in the order of the page.
var Definitions = []report.Definition{
	{Metric: Recall, Group: "What users did next", Name: "recall", Share: true, Meaning: "Of all transitions after the training cut (a user met a cluster for the first time): the share whose new cluster is among the first k plans of the key that the user had just before. Every planner is judged on the same transitions. A user can go many ways and goes one, so recall is low even for good plans; what tells is the distance to random."},
	{Metric: NovelRecall, Group: "What users did next", Name: "novel recall", Share: true, Meaning: "As recall, but plans that this user already had before are passed over: the first k of the ten plans listed that are new to the user."},
	{Metric: HitRate, Group: "What users did next", Name: "hit rate", Share: true, Meaning: "Of the same transitions: the share where the first plan of the key is met at that moment or anywhere later in the user's history. Never below recall@1."},
	{Metric: NewToUser, Group: "What users did next", Name: "new to the user", Share: true, Meaning: "Of the same transitions: the share where this user had never met the first plan before. The rest would be shown what they know."},
	{Metric: UserDiversity, Group: "What users did next", Name: "diversity for a user", Share: true, Meaning: "Of users with two or more distinct keys with a plan after the cut: their distinct first plans ÷ these keys. Low where a user is planned the same again and again."},
	{Metric: MatchRate, Group: "What the planner answered", Name: "match rate", Share: true, Meaning: "Rows whose first answer names a cluster of the vocabulary ÷ rows answered; not told by traffic where first answers were asked again. The baselines name clusters directly and always match."},
	{Metric: NoveltyRate, Group: "What the planner answered", Name: "novelty", Share: true, Meaning: "Of the answers in the table that name a cluster, be it when asked again: the share that names one outside the key."},
	{Metric: PlannedRate, Group: "What the planner answered", Name: "keys with a plan", Share: true, Meaning: "Of all keys of the table: the share that has a plan."},
	{Metric: Coverage, Group: "How plans spread over the clusters", Name: "coverage", Share: true, Meaning: "The share of all clusters that at least one key has as its plan. A planner that repeats itself covers little."},
	{Metric: Entropy, Group: "How plans spread over the clusters", Name: "entropy (bits)", Meaning: "Shannon's entropy of the plans over all clusters: log₂ of the number of clusters if all are planned alike, 0 if it is always the same."},
	{Metric: Gini, Group: "How plans spread over the clusters", Name: "Gini", Meaning: "Gini's coefficient of the plans over all clusters, those never planned included: 0 if all are planned alike, near 1 if it is always the same."},
	{Metric: TopDecile, Group: "How plans spread over the clusters", Name: "top tenth", Share: true, Meaning: "The share of all plans that go to the most planned tenth of all clusters."},
	{Metric: TreeDistance, Group: "How far plans go", Name: "tree distance", Meaning: "Mean number of levels from the plan up to the lowest ancestor that it shares with a cluster of its key: 1 for siblings, the number of levels where they share none. Plans that share an ancestor and differ below it are new, and not out of the blue."},
	{Metric: TreeCommon, Group: "How far plans go", Name: "common level", Share: true, Meaning: "The share of plans whose lowest common ancestor with their key stands at level k of the tree (0 is the coarsest). What is missing to 100 % shares no ancestor."},
	{Metric: Diversity, Group: "How far plans go", Name: "diversity of a key's plans", Meaning: "Mean tree distance between the first five plans of a key, two by two."},
	{Metric: Agreement, Group: "How steady it is", Name: "agreement", Share: true, Meaning: "Of the keys with a plan in two generations: the share with the same plan. The table is compared with the version before it that was made in the same way from the same clusters, if there is one; a baseline with itself under the next seed."},
	{Metric: Stability, Group: "How steady it is", Name: "successor stability", Share: true, Meaning: "How much of what most users of a key did next stays the same: the overlap (Jaccard) of the five most frequent next clusters before and after the training cut, over the keys that have both."},
	{Metric: RecallDecile, Name: "recall by traffic", Share: true, Meaning: "Recall@10 of the transitions from keys of one group by traffic: keys are sorted by their users, and decile 1 are the keys at the top that carry the first tenth of users. Keys that no user stood at before the cut are in none."},
	{Metric: ByTraffic, Name: "weighted by traffic", Meaning: "Shares of keys count every key of the table the same; weighted by traffic, a key counts as often as users stand at it before the cut."},
	{Metric: ByKey, Name: "every key the same", Meaning: "Shares of transitions count every transition the same, so well-travelled keys count most; with every key the same, a transition counts 1 ÷ the number of transitions of its key."},
	{Metric: Minus, Name: "difference to a baseline", Meaning: "The planner's value less the baseline's, on the same transitions."},
	{Metric: Chance, Name: "p", Meaning: "Chance of a difference as large as this one if there were none: a paired bootstrap over users, two-sided. Both planners are judged on the same resamples."},
}
