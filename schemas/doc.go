// Package schemas holds the row type of every table and the JSON of every
// manifest that Foray writes. It imports nothing else of Foray.
//
// The words used in names and columns are these:
//
//   - item: something a user can engage with. event: a user engaged with an
//     item at a time.
//   - cluster (interest cluster): a traffic-balanced group of items.
//     description: a cluster's keyword phrases, unique in a vocabulary, and
//     the only thing a model sees or says. vocabulary: all leaf descriptions
//     of one clustering.
//   - history: one user's positive events in the order (time, cluster), as
//     clusters. key: the K distinct clusters that a user consumed last, by
//     their last use, oldest first. transition: the key a user had just
//     before meeting a cluster for the first time, and that cluster.
//     successor: a key's most frequent next cluster.
//   - planner: key → novel cluster. answer: raw text that a planner returned.
//     match: answer → cluster of the vocabulary. novel: not in the key.
//     lookup table: every key → its planned clusters.
//   - item policy: picks items inside planned clusters.
package schemas

// Version is the schema version that this build writes and the newest that
// it reads.
const Version = 1

// The names of the tables, each a directory of versions below the output.
const (
	ClustersTable        = "clusters"
	ItemClustersTable    = "item_clusters"
	ClusterModelTable    = "cluster_model"
	TransitionsTable     = "transitions"
	KeysTable            = "keys"
	TrainingTable        = "training"
	ValidationTable      = "validation"
	AlignmentTable       = "alignment"
	LookupTable          = "lookup"
	RejectsTable         = "rejects"
	ItemPolicyTable      = "item_policy"
	RecommendationsTable = "recommendations"
	MetricsTable         = "metrics"
)
