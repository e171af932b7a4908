// Package report writes one HTML page that says, to somebody who has not
// followed the run, how good the plans are, what they look like and where
// they fail. The page is a single file without any reference to the network:
// it can be mailed, printed, archived, and opened from a bucket.
//
// Everything in Data is data, also descriptions and answers that a model
// wrote: it is escaped, control characters are made visible, long texts are
// cut. The same Data gives the same bytes.
package report

import (
	"time"

	"foray/schemas"
)

// Data is what the page is made of. Every field may be left empty: what is
// not known is not shown.
type Data struct {
	// Title heads the page, "Interest exploration" if empty.
	Title string
	// Planner names the planner judged, as in Metrics.
	Planner string
	// History is K, the number of clusters in a key.
	History int
	// Leaves is the number of leaf clusters, the size of the vocabulary.
	Leaves int
	// Listed is how many plans most keys with a plan list, where it is known:
	// the page compares planners by no more than these.
	Listed int

	Read Read
	// Cost are figures of what asking took, by what they count; none if no
	// model was asked.
	Cost []Count
	// Dollars is what asking took by the prices given, 0 where none are known.
	Dollars  float64
	Training Training
	// Since is the version of clusters/ that the clustering goes on from, and
	// Changes count what it changed; "" of a clustering anew.
	Since   string
	Changes []Count
	// Tree are the clusters of the top level.
	Tree     []Node
	Versions []Version
	Links    []Link

	// Metrics are rows of metrics/, in any order.
	Metrics []schemas.Metric
	// Definitions say what the metrics are, in the order to show them in.
	Definitions []Definition
	// Statuses count the keys of the lookup table by schemas.Status….
	Statuses []Count
	// Plans holds for each leaf, in any order, how many keys it is the novel
	// cluster of. Leaves that are missing count as never planned.
	Plans []int64
	// Traffic holds each leaf's share of the training events, in any order.
	Traffic []float64

	// Samples are shown in the order given: best-travelled first.
	Samples []Plan
	Worst   []Case
	Users   []User
}

// Node is a cluster of the tree, with its share of the training events.
type Node struct {
	Description string
	Traffic     float64
	Children    []Node
}

// Definition says what a metric is, by its name in Metrics less what says how
// it is weighted, or that part itself.
type Definition struct {
	Metric, Name, Meaning string
	// Group is the heading that the metric stands under; metrics of one group
	// stand together.
	Group string
	// Share says that it is a share, shown in percent.
	Share bool
}

// Read says what went in.
type Read struct {
	Rows, Users, Items int64
	// ItemFormats and EventFormats are how files were found to be written,
	// each once.
	ItemFormats, EventFormats []string
	// From and To are the times of the first and the last event, TrainUntil
	// the cut between training and judging; shown in UTC.
	From, To, TrainUntil time.Time
	// TestUsers met TestTransitions new clusters after TrainUntil.
	TestUsers, TestTransitions int64
	// Rejects count the rows that were not used, by reason.
	Rejects []Count
}

// Training says what a model can be fine-tuned with.
type Training struct {
	// Way is the one that was used, Tokens and Dollars are of its examples,
	// Dollars 0 where no price is known.
	Way     string
	Tokens  int64
	Dollars float64
	// Ways are all ways to choose examples.
	Ways []Curation
}

// Curation is one way to choose examples. A label is the cluster that an
// example teaches.
type Curation struct {
	Way               string
	Examples, Labels  int64
	EntropyBits, Gini float64
}

// Count is a number of something.
type Count struct {
	Name string
	N    int64
}

// Version names a version of a table that the figures rest on.
type Version struct {
	Table, Version string
	// Parents are the versions that it was made from, "clusters v=…".
	Parents []string
}

// Link leads to a file, by a path relative to the page.
type Link struct {
	Name, Path string
	// Note says in a few words what is there.
	Note string
}

// Plan is one row of the lookup table in words.
type Plan struct {
	// Key holds the descriptions of the key's clusters, oldest first.
	Key []string
	// Novel is the description of the planned cluster, empty unless Status
	// is schemas.StatusOK.
	Novel  string
	Status string
	// Votes of Samples answers named Novel; not shown if Samples is 0.
	Votes, Samples int32
	// Traffic is the share of users whose key this is, in [0, 1].
	Traffic float64
}

// Case is a plan that went wrong, or may have.
type Case struct {
	// Why is a status, or why the case is shown, such as what Missed says.
	Why string
	Key []string
	// Answer is the model's text, or the planned description.
	Answer string
	// Successor is what most users with this key did next, empty if no one is
	// known.
	Successor string
	Traffic   float64
}

// User is one user's plans and recommendations in words.
type User struct {
	Name    string
	Key     []string
	Planned []string
	Items   []Item
}

// Item is one recommended item, in the order of its rank.
type Item struct {
	Title   string
	Cluster string
	// Source is schemas.SourceExplore or schemas.SourceExploit.
	Source string
}
