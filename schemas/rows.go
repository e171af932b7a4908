package schemas

// Reject is a row of rejects/: input or an answer that was not used.
type Reject struct {
	// Stage is the command that met it: cluster, curate, plan, ….
	Stage string `parquet:"stage,dict"`
	// Source is file:line, or the key as "12,40".
	Source string `parquet:"source"`
	Reason string `parquet:"reason"`
	// Raw is the offending text, cut at 1 KiB on a rune boundary.
	Raw string `parquet:"raw"`
}

// The values of Recommendation.Source.
const (
	SourceExplore = "explore" // an item of a planned cluster
	SourceExploit = "exploit" // an item of the unrestricted policy
)

// Recommendation is a row of recommendations/, sorted by (user_id, rank).
type Recommendation struct {
	UserID string `parquet:"user_id"`
	// Rank counts from 1.
	Rank      int32   `parquet:"rank"`
	ItemID    string  `parquet:"item_id"`
	ClusterID int32   `parquet:"cluster_id"`
	Source    string  `parquet:"source,dict"`
	Score     float64 `parquet:"score"`
}

// ItemTransition is a row of item_policy/: how strongly users who engaged
// with Item go on to Next. Sorted by (item_id, weight descending, next_item_id).
type ItemTransition struct {
	ItemID     string `parquet:"item_id"`
	NextItemID string `parquet:"next_item_id"`
	// Weight sums decay^(distance−1) over all users; an empty NextItemID
	// holds the item's own count of events (its popularity).
	Weight float64 `parquet:"weight"`
}

// Metric is a row of metrics/.
type Metric struct {
	// Name is match_rate, novelty_rate, recall, coverage, ….
	Name    string `parquet:"name"`
	Planner string `parquet:"planner"`
	// K is the number of candidates considered, 0 where that means nothing.
	K     int32   `parquet:"k"`
	Value float64 `parquet:"value"`
	// Low and High bound the 95 % bootstrap interval over users; equal to
	// Value where the metric does not depend on users.
	Low  float64 `parquet:"low"`
	High float64 `parquet:"high"`
	// N is the number of cases behind Value.
	N int64 `parquet:"n"`
}
