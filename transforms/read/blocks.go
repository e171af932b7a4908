package read

import (
	"bytes"
	"encoding/gob"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/cespare/xxhash/v2"

	"foray/transforms/packed"
)

// Partitions is the number of partitions that users are hashed to.
const Partitions = 64

// userBits of a user's hash travel in a block, beside the partition's six: 54
// bits in all, so that ten million users meet two of one hash with a
// probability of 0.3 %.
const userBits = 48

// userHash parts a user's hash into partition and rest.
func userHash(id []byte) (partition int, rest int64) {
	h := xxhash.Sum64(id)
	return int(h % Partitions), int64(h / Partitions & (1<<userBits - 1))
}

// FullHash joins the hash of a user within a partition with the partition.
func FullHash(partition int, rest int64) int64 { return rest*Partitions + int64(partition) }

// HashUser is the FullHash of a user id.
func HashUser(id string) int64 { return FullHash(userHash([]byte(id))) }

// Events are columns of equal length: a block of events of one partition.
type Events struct {
	// Users are the hashes of users within the partition.
	Users []int64
	// Times are in microseconds since 1970.
	Times []int64
	// Items are what ItemKey says.
	Items []int64
}

// Len is the number of events.
func (e *Events) Len() int { return len(e.Users) }

// Append unpacks a block behind what is there.
func (e *Events) Append(block []byte) error {
	return packed.Decode(block, &e.Users, &e.Times, &e.Items)
}

func (e *Events) pack() []byte { return packed.Encode(e.Users, e.Times, e.Items) }

func (e *Events) reset() {
	e.Users, e.Times, e.Items = e.Users[:0], e.Times[:0], e.Items[:0]
}

// ItemKey says what an event's item becomes in a block.
type ItemKey int

const (
	// ItemHash is 63 bits of the item id's hash: the items are not known yet.
	ItemHash ItemKey = iota
	// ItemCluster is the item's leaf; events of unknown items are dropped.
	ItemCluster
	// ItemIndex is the item's place in the ItemMap; unknown items are dropped.
	ItemIndex
)

// HashItem is what ItemHash makes of an item id.
func HashItem(id string) int64 { return int64(xxhash.Sum64String(id) >> 1) }

// Items is a block of items in the order of a file.
type Items struct {
	File  string
	Lines []int64
	IDs   []string
	// Titles are the first text column, Texts all of them.
	Titles, Texts []string
	// Vectors hold Dims floats an item; none without --embedding_column.
	Dims    int
	Vectors []float32
}

// Names are user ids, for output that names users: a block of those of one
// partition, in any order, with repeats.
type Names struct {
	Users []int64
	IDs   []string
}

func namesOf(users map[int64]string) Names {
	var n Names
	for user, id := range users {
		n.Users = append(n.Users, user)
		n.IDs = append(n.IDs, id)
	}
	return n
}

func init() {
	beam.RegisterCoder(reflect.TypeFor[Items](), encodeItems, decodeItems)
	beam.RegisterCoder(reflect.TypeFor[Names](), encodeNames, decodeNames)
	for _, t := range []reflect.Type{reflect.TypeFor[Items](), reflect.TypeFor[Names](), reflect.TypeFor[Span]()} {
		beam.RegisterType(t)
	}
}

// The coders' functions have names of their own, since workers find them by
// name.
func encodeItems(v Items) ([]byte, error) { return encodeGob(v) }
func encodeNames(v Names) ([]byte, error) { return encodeGob(v) }

func encodeGob(v any) ([]byte, error) {
	var buf bytes.Buffer
	err := gob.NewEncoder(&buf).Encode(v)
	return buf.Bytes(), err
}

func decodeItems(data []byte) (v Items, err error) {
	return v, gob.NewDecoder(bytes.NewReader(data)).Decode(&v)
}

func decodeNames(data []byte) (v Names, err error) {
	return v, gob.NewDecoder(bytes.NewReader(data)).Decode(&v)
}
