// Package commit ends every job: whatever the workers did comes to one place
// as entries (receipts of durable parts, tallies of what was counted, rejected
// rows), and one DoFn behind a GroupByKey makes finished versions of it, and
// moves the pointers if the gates hold. So publishing is part of the graph and
// nobody has to wait at the launcher for it.
package commit

import (
	"encoding/json"
	"maps"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"foray/schemas"
	"foray/transforms/store"
)

// Entry is one thing that a worker has to tell. Exactly one field is set.
type Entry struct {
	Receipt *store.Receipt  `json:",omitempty"`
	Tally   *Tally          `json:",omitempty"`
	Reject  *schemas.Reject `json:",omitempty"`
	// Rejected tells of rows in a file of their own.
	Rejected *Rejected `json:",omitempty"`
	Failure  *Failure  `json:",omitempty"`
}

// Tally is what one bundle of work counted. Tallies merge in any order.
type Tally struct {
	// Counts add up.
	Counts map[string]int64 `json:",omitempty"`
	// Least and Most keep the smallest and largest value.
	Least map[string]int64 `json:",omitempty"`
	Most  map[string]int64 `json:",omitempty"`
	// Figures and Facts are stated by one worker only.
	Figures map[string]float64 `json:",omitempty"`
	Facts   map[string]string  `json:",omitempty"`
}

// Failure is an error that running again in the same way cannot cure, such as
// bad input or a spent quota. It is an entry and no DoFn error, since runners
// would run the bundle four times over; the launcher turns it into the exit
// code.
type Failure struct {
	// Exit is the process exit code: 1, or 4 where running the same command
	// later goes on.
	Exit    int
	Message string
}

// Error makes a Failure an error, for functions below a DoFn.
func (f *Failure) Error() string { return f.Message }

// Add merges other into t.
func (t *Tally) Add(other Tally) {
	for name, n := range other.Counts {
		put(&t.Counts, name, t.Counts[name]+n)
	}
	for name, n := range other.Least {
		if have, ok := t.Least[name]; !ok || n < have {
			put(&t.Least, name, n)
		}
	}
	for name, n := range other.Most {
		if have, ok := t.Most[name]; !ok || n > have {
			put(&t.Most, name, n)
		}
	}
	for name, v := range other.Figures {
		put(&t.Figures, name, v)
	}
	for name, v := range other.Facts {
		put(&t.Facts, name, v)
	}
}

func put[V any](m *map[string]V, name string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[name] = v
}

// Count is an entry that adds the counts; zeros are left out.
func Count(counts map[string]int64) Entry {
	counts = maps.Clone(counts)
	maps.DeleteFunc(counts, func(_ string, n int64) bool { return n == 0 })
	return Entry{Tally: &Tally{Counts: counts}}
}

// Fail is an entry that fails the command with exit code 1.
func Fail(err error) Entry { return Entry{Failure: &Failure{Exit: 1, Message: err.Error()}} }

func init() {
	beam.RegisterCoder(reflect.TypeFor[Entry](), encodeEntry, decodeEntry)
	beam.RegisterType(reflect.TypeFor[Entry]())
}

func encodeEntry(e Entry) ([]byte, error) { return json.Marshal(e) }

func decodeEntry(data []byte) (Entry, error) {
	var e Entry
	return e, json.Unmarshal(data, &e)
}
