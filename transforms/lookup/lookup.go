// Package lookup reads the lookup table for serving: open it once, then ask for
// the planned cluster of a key in some nanoseconds, with no allocation and no
// error to handle.
//
//	b, err := store.Open(ctx, "gs://bucket/output") // import foray/transforms/store/gcs for gs://
//	live, err := lookup.OpenLive(ctx, b)
//	cluster, ok := live.Table().Plan(12, 40)
//
// It needs nothing of what made the table: no Beam, no model.
package lookup

import (
	"context"
	"fmt"
	"sort"
	"strconv"

	"foray/schemas"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// Table is one version of the lookup table, in memory. Safe for concurrent
// use; it never changes.
type Table struct {
	manifest schemas.Manifest
	k        int
	set      bool // keys are unordered, written ascending
	index    index
	status   []uint8 // of each row, which of statuses
	statuses []string
	parts    []part // for Row
	vocabulary
}

const notPlanned = -1

// The manifest's options that say how keys are made.
const (
	historyOption  = "history"
	keyOrderOption = "key_order"
	orderSequence  = "sequence"
	orderSet       = "set"
)

// Open reads the version that lookup/CURRENT of an output names. Every part is
// held against its size and hash. A table that was never published is
// store.ErrNotExist; a damaged one, or one of a newer schema, an error that
// says so.
func Open(ctx context.Context, output store.Bucket) (*Table, error) {
	version, err := store.Current(ctx, output, schemas.LookupTable)
	if err != nil {
		return nil, fmt.Errorf("open the lookup table: %w", err)
	}
	return OpenVersion(ctx, output, version)
}

// OpenVersion reads a finished version, published or not.
func OpenVersion(ctx context.Context, output store.Bucket, version string) (*Table, error) {
	m, err := store.ReadManifest(ctx, output, schemas.LookupTable, version)
	if err != nil {
		return nil, fmt.Errorf("open the lookup table: %w", err)
	}
	t, err := load(ctx, output, m)
	if err != nil {
		return nil, fmt.Errorf("open the lookup table, version %s: %w", version, err)
	}
	return t, nil
}

func load(ctx context.Context, output store.Bucket, m schemas.Manifest) (*Table, error) {
	t := &Table{manifest: m}
	switch order := m.Options[keyOrderOption]; order {
	case "", orderSequence:
	case orderSet:
		t.set = true
	default:
		return nil, fmt.Errorf("its keys are in the order %q; this program knows %s and %s", order, orderSequence, orderSet)
	}
	columns, err := t.loadParts(ctx, output)
	if err != nil {
		return nil, err
	}
	if want := m.Options[historyOption]; want != "" && t.k > 0 && want != strconv.Itoa(t.k) {
		return nil, fmt.Errorf("its keys hold %d clusters, its manifest says %s", t.k, want)
	}
	if t.index, err = newIndex(columns.keys, columns.planned, t.k, t.set); err != nil {
		return nil, err
	}
	t.status, t.statuses = columns.status, columns.statuses
	if parent := m.Parents[schemas.ClustersTable]; parent != "" {
		if t.vocabulary, err = loadVocabulary(ctx, output, parent); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Version is the name of the version.
func (t *Table) Version() string { return t.manifest.Version }

// Manifest says where the version came from. Not to be changed.
func (t *Table) Manifest() schemas.Manifest { return t.manifest }

// K is the number of clusters of a key; 0 if the table has no parts.
func (t *Table) K() int { return t.k }

// Len is the number of keys.
func (t *Table) Len() int { return len(t.status) }

// Plan gives the cluster planned for a key: the K distinct clusters that a user
// consumed last, by their last use, oldest first (in any order if the table's
// keys are sets). ok is false if the key is not in the table or has no planned
// cluster.
func (t *Table) Plan(key ...int32) (cluster int32, ok bool) {
	planned := t.find(key).planned
	if planned == notPlanned {
		return 0, false
	}
	return planned, true
}

// Status gives the status of a key's row; ok is false if the key is not in the
// table.
func (t *Table) Status(key ...int32) (status string, ok bool) {
	row := t.find(key).row
	if row < 0 {
		return "", false
	}
	return t.statuses[t.status[row]], true
}

// Row gives all that the table holds about a key; ok is false if the key is not
// in the table. It unpacks a page of the table, which takes about a
// millisecond: not for every request.
func (t *Table) Row(key ...int32) (row schemas.Lookup, ok bool, err error) {
	i := int(t.find(key).row)
	if i < 0 {
		return row, false, nil
	}
	p := t.parts[sort.Search(len(t.parts), func(p int) bool { return t.parts[p].end > i })]
	rows, err := p.file.Read(int64(i-p.start), 1)
	if err == nil && len(rows) != 1 {
		err = fmt.Errorf("there is no such row")
	}
	if err != nil {
		return row, false, fmt.Errorf("read row %d of the lookup table, version %s: %w", i, t.Version(), err)
	}
	return rows[0], true, nil
}

func (t *Table) find(key []int32) cell {
	if len(key) != t.k {
		return absent
	}
	if t.set {
		var sorted [schemas.MaxHistory]int32
		return t.index.find(ascending(key, &sorted))
	}
	return t.index.find(key)
}

// part is one file of the table, kept packed for Row; it holds the rows
// [start, end).
type part struct {
	start, end int
	file       *tables.KeyedFile[schemas.Lookup]
}
