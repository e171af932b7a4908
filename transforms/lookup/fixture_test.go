package lookup

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"foray/schemas"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// fixture is a lookup table to write.
type fixture struct {
	version string
	k       int
	order   string
	parts   int
	rows    []schemas.Lookup
	parents map[string]string
}

// allKeys lists all keys of k of the leaves, in their order.
func allKeys(leaves []int32, k int, order string) [][]int32 {
	var keys [][]int32
	var grow func(key []int32)
	grow = func(key []int32) {
		if len(key) == k {
			keys = append(keys, slices.Clone(key))
			return
		}
		for _, c := range leaves {
			if slices.Contains(key, c) || order == orderSet && len(key) > 0 && c < key[len(key)-1] {
				continue
			}
			grow(append(key, c))
		}
	}
	grow(nil)
	return keys
}

// statuses that rows take in turn.
var turns = []string{schemas.StatusOK, schemas.StatusNoMatch, schemas.StatusOK, schemas.StatusOK, schemas.StatusNotNovel, schemas.StatusFailed, schemas.StatusNotPlanned}

// rowsOf plans something else for every key; seed makes versions differ.
func rowsOf(keys [][]int32, seed int) []schemas.Lookup {
	rows := make([]schemas.Lookup, len(keys))
	for i, key := range keys {
		r := schemas.Lookup{Key: key, Status: turns[(i+seed)%len(turns)], Model: "m", PromptVersion: "1", Samples: 1, Traffic: float64(i)}
		if r.Status == schemas.StatusOK {
			c := int32((i*31 + seed) % 10007)
			r.NovelCluster, r.NovelDescription, r.Votes = &c, fmt.Sprint("cluster ", c), 1
			r.Candidates = []schemas.Candidate{{Cluster: c, Votes: 1, Score: 1}, {Cluster: c + 1, Score: 0.5}}
		}
		rows[i] = r
	}
	return rows
}

// write commits the table, without moving CURRENT.
func (f fixture) write(t testing.TB, b store.Bucket) {
	t.Helper()
	ctx := context.Background()
	var receipts []store.Receipt
	for i := range f.parts {
		from, to := len(f.rows)*i/f.parts, len(f.rows)*(i+1)/f.parts
		r, err := tables.WriteKeyedShard(ctx, b, schemas.LookupTable, f.version, i, f.parts, f.k, f.rows[from:to])
		if err != nil {
			t.Fatal(err)
		}
		receipts = append(receipts, r)
	}
	m := schemas.Manifest{
		Table: schemas.LookupTable, Version: f.version, Parents: f.parents,
		Options: map[string]string{historyOption: strconv.Itoa(f.k), keyOrderOption: f.order},
	}
	if _, err := store.Commit(ctx, b, m, receipts); err != nil {
		t.Fatal(err)
	}
}

// publish commits the table and moves CURRENT.
func (f fixture) publish(t testing.TB, b store.Bucket) {
	t.Helper()
	f.write(t, b)
	if err := store.Point(context.Background(), b, schemas.LookupTable, f.version); err != nil {
		t.Fatal(err)
	}
}

// leaves gives n ids with gaps between them.
func leaves(n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(i + i/3*2 + 5)
	}
	return ids
}

func open(t testing.TB, b store.Bucket) *Table {
	t.Helper()
	table, err := Open(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	return table
}
