package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"foray/schemas"
	"foray/transforms/store"
)

// Table is the table that tests write.
const Table = schemas.KeysTable

// The versions that tests write, in the order of time.
var (
	Old = "v=20260101T000000.000Z"
	New = "v=20260102T000000.000Z"
)

const shards = 3

// Content is what stands in a shard of a version that WriteShards wrote.
func Content(version string, shard int) string {
	return fmt.Sprintf("shard %d of %s\n", shard, version)
}

// WriteShards writes attempts at all shards of a version, twice each, and
// gives their receipts.
func WriteShards(t *testing.T, b store.Bucket, version string) []store.Receipt {
	t.Helper()
	var receipts []store.Receipt
	for i := range 2 * shards {
		shard := i % shards
		r, err := store.WriteAttempt(t.Context(), b, Table, version, shard, shards, ".txt", func(w io.Writer) (int64, error) {
			_, err := io.WriteString(w, Content(version, shard))
			return 1, err
		})
		if err != nil {
			t.Fatal(err)
		}
		receipts = append(receipts, r)
	}
	return receipts
}

// Publish commits receipts as a version and moves CURRENT to it.
func Publish(ctx context.Context, b store.Bucket, version string, receipts []store.Receipt) error {
	if _, err := store.Commit(ctx, b, schemas.Manifest{Table: Table, Version: version}, receipts); err != nil {
		return err
	}
	return store.Point(ctx, b, Table, version)
}

// WantWhole fails unless CURRENT names one of the versions, and that is whole.
func WantWhole(t *testing.T, b store.Bucket, versions ...string) {
	t.Helper()
	current, err := store.Current(t.Context(), b, Table)
	if err != nil || !slices.Contains(versions, current) {
		t.Fatalf("CURRENT is %q, %v; want one of %q", current, err, versions)
	}
	m, err := store.ReadManifest(t.Context(), b, Table, current)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Parts) != shards || m.Rows() != shards {
		t.Errorf("%s has %d parts and %d rows, want %d of each", current, len(m.Parts), m.Rows(), shards)
	}
	for i, p := range m.Parts {
		data, err := store.ReadPart(t.Context(), b, Table, current, p)
		if err != nil || string(data) != Content(current, i) {
			t.Errorf("%s of %s holds %q, %v", p.Name, current, data, err)
		}
	}
}

// wantFiles fails unless a version has exactly the files of a finished one, and
// no attempt at it is left.
func wantFiles(t *testing.T, b store.Bucket, version string) {
	t.Helper()
	infos, err := b.List(t.Context(), Table+"/")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, info := range infos {
		if strings.Contains(info.Name, version) {
			got = append(got, strings.TrimPrefix(info.Name, path.Join(Table, version)+"/"))
		}
	}
	want := []string{"_SUCCESS", "_manifest.json"}
	for i := range shards {
		want = append(want, store.PartName(i, shards, ".txt"))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s consists of %q, want %q", version, got, want)
	}
}

// TestTable takes a table through its life, with a crash at every step of it.
// open gives an empty bucket with each call.
func TestTable(t *testing.T, open func(t *testing.T) store.Bucket) {
	t.Run("Publish", func(t *testing.T) {
		b := open(t)
		if _, err := store.Current(t.Context(), b, Table); !errors.Is(err, store.ErrNotExist) {
			t.Errorf("CURRENT of no table gives %v, want ErrNotExist", err)
		}
		receipts := WriteShards(t, b, New)
		if err := store.Point(t.Context(), b, Table, New); !errors.Is(err, store.ErrNotExist) {
			t.Errorf("pointing at a version that is not finished gives %v, want ErrNotExist", err)
		}
		if _, err := store.Commit(t.Context(), b, schemas.Manifest{Table: Table, Version: New}, receipts); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Current(t.Context(), b, Table); !errors.Is(err, store.ErrNotExist) {
			t.Errorf("after the commit alone CURRENT gives %v, want ErrNotExist", err)
		}
		if err := store.Point(t.Context(), b, Table, New); err != nil {
			t.Fatal(err)
		}
		WantWhole(t, b, New)
		wantFiles(t, b, New)
		// Going back is pointing at an older version.
		if err := Publish(t.Context(), b, Old, WriteShards(t, b, Old)); err != nil {
			t.Fatal(err)
		}
		WantWhole(t, b, Old)
		if versions, err := store.Versions(t.Context(), b, Table); err != nil || !slices.Equal(versions, []string{Old, New}) {
			t.Errorf("versions are %q, %v", versions, err)
		}
	})
	for crash, name := range map[Crash]string{Before: "before", Midway: "midway", After: "after"} {
		t.Run("Crash/"+name, func(t *testing.T) { testCrashes(t, open, crash) })
	}
}

// testCrashes publishes a new version over an old one and crashes in the first
// call of it, in the second, and so on until it comes to its end.
func testCrashes(t *testing.T, open func(t *testing.T) store.Bucket, crash Crash) {
	for nth := 1; ; nth++ {
		b := open(t)
		if err := Publish(t.Context(), b, Old, WriteShards(t, b, Old)); err != nil {
			t.Fatal(err)
		}
		receipts := WriteShards(t, b, New)
		faulty := &Faulty{Bucket: b, Crash: crash, Nth: nth}
		err := Publish(t.Context(), faulty, New, receipts)
		if !faulty.Crashed() {
			if err != nil {
				t.Fatal(err)
			}
			if least := 3 * shards; nth < least {
				t.Errorf("publishing took %d calls, fewer than %d: the crashes missed some", nth-1, least)
			}
			return
		}
		if !errors.Is(err, ErrCrash) {
			t.Fatalf("crash in call %d: publishing gives %v, want the crash", nth, err)
		}
		WantWhole(t, b, Old, New)
		if err := Publish(t.Context(), b, New, receipts); err != nil {
			t.Fatalf("crash in call %d: running again gives %v", nth, err)
		}
		WantWhole(t, b, New)
		wantFiles(t, b, New)
		wantFiles(t, b, Old)
	}
}
