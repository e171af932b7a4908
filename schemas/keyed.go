package schemas

import (
	"fmt"
	"reflect"

	"github.com/parquet-go/parquet-go"
)

// MaxHistory is the longest key, K, that tables hold.
const MaxHistory = 8

// Transition is a row of transitions/: Key is what Users distinct users had
// just before they met Next for the first time. Sorted by (key, next).
type Transition struct {
	Key   []int32 `parquet:"-"`
	Next  int32   `parquet:"next_cluster"`
	Users int64   `parquet:"users"`
}

// KeyTraffic is a row of keys/: Users users had this key at --train_until.
// Sorted by key.
type KeyTraffic struct {
	Key   []int32 `parquet:"-"`
	Users int64   `parquet:"users"`
}

// The values of Lookup.Status.
const (
	StatusOK         = "ok"          // a novel cluster is planned
	StatusNoMatch    = "no_match"    // the answer names no cluster of the vocabulary
	StatusNotNovel   = "not_novel"   // the answer names a cluster of the key
	StatusFailed     = "failed"      // no answer could be had
	StatusNotPlanned = "not_planned" // outside the traffic coverage asked for
)

// Lookup is a row of lookup/. Every key of the key space stands in the table
// exactly once. Sorted by key.
type Lookup struct {
	Key    []int32 `parquet:"-"`
	Status string  `parquet:"status,dict"`
	// NovelCluster is null unless Status is ok; it is never in Key.
	NovelCluster *int32 `parquet:"novel_cluster,optional"`
	// NovelDescription is the cluster's description, empty unless Status is ok.
	NovelDescription string `parquet:"novel_description,dict"`
	// Votes of Samples answers named NovelCluster.
	Votes   int32 `parquet:"votes"`
	Samples int32 `parquet:"samples"`
	// Candidates are all novel clusters that were named, best first.
	Candidates []Candidate `parquet:"candidates,list"`
	// Traffic is the share of users whose key this is, in [0, 1].
	Traffic       float64 `parquet:"traffic"`
	Model         string  `parquet:"model,dict"`
	PromptVersion string  `parquet:"prompt_version,dict"`
}

// Candidate is one cluster that a planner named for a key.
type Candidate struct {
	Cluster int32 `parquet:"cluster"`
	Votes   int32 `parquet:"votes"`
	// Score is the planner's own: larger is better, comparable within a key.
	Score float64 `parquet:"score"`
}

// Keyed is a row type with the key's columns cluster_1 … cluster_K in front.
type Keyed interface {
	Transition | KeyTraffic | Lookup
}

// KeyColumn names the i-th column of a key, counted from 0: cluster_1, ….
func KeyColumn(i int) string { return fmt.Sprintf("cluster_%d", i+1) }

// KeyedSchema is T's Parquet schema for keys of k clusters: k INT32 columns
// in front, then T's own.
func KeyedSchema[T Keyed](k int) *parquet.Schema {
	if k < 1 || k > MaxHistory {
		panic(fmt.Sprintf("schemas: a key of %d clusters, want 1 to %d", k, MaxHistory))
	}
	row := reflect.TypeFor[T]()
	fields := make([]reflect.StructField, 0, k+row.NumField()-1)
	for i := range k {
		fields = append(fields, reflect.StructField{
			Name: fmt.Sprintf("Cluster%d", i+1),
			Type: reflect.TypeFor[int32](),
			Tag:  reflect.StructTag(fmt.Sprintf(`parquet:"%s"`, KeyColumn(i))),
		})
	}
	for i := range row.NumField() {
		if f := row.Field(i); f.Name != "Key" {
			fields = append(fields, f)
		}
	}
	return parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface())
}
