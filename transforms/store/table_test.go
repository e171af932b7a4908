package store_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"foray/schemas"
	"foray/transforms/store"
	"foray/transforms/store/storetest"
)

const table = storetest.Table

func TestTable(t *testing.T) { storetest.TestTable(t, openLocal) }

func TestNewVersion(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	if got, want := store.NewVersion(time.Date(2026, 1, 2, 5, 4, 5, 678999999, zone)), "v=20260102T030405.678Z"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// attempt writes an attempt and gives it a name of the test's choice.
func attempt(t *testing.T, b store.Bucket, version string, shard, shards int, name, content string) store.Receipt {
	t.Helper()
	r, err := store.WriteAttempt(t.Context(), b, table, version, shard, shards, ".txt", func(w io.Writer) (int64, error) {
		_, err := io.WriteString(w, content)
		return 1, err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := path.Join(path.Dir(r.Attempt), name)
	if err := b.Move(t.Context(), r.Attempt, named); err != nil {
		t.Fatal(err)
	}
	r.Attempt = named
	return r
}

func TestCommitTakesTheLowestName(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}} {
		b := openLocal(t)
		all := []store.Receipt{
			attempt(t, b, storetest.New, 0, 2, "b", "zero b"),
			attempt(t, b, storetest.New, 0, 2, "a", "zero a"),
			attempt(t, b, storetest.New, 1, 2, "d", "one d"),
			attempt(t, b, storetest.New, 1, 2, "c", "one c"),
		}
		var receipts []store.Receipt
		for _, i := range order {
			receipts = append(receipts, all[i])
		}
		m, err := store.Commit(t.Context(), b, schemas.Manifest{Table: table, Version: storetest.New}, receipts)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"zero a", "one c"} {
			if data, err := store.ReadPart(t.Context(), b, table, storetest.New, m.Parts[i]); err != nil || string(data) != want {
				t.Errorf("order %v: part %d holds %q, %v; want %q", order, i, data, err, want)
			}
		}
	}
}

func TestCommitRefuses(t *testing.T) {
	b := openLocal(t)
	r := func(shard, shards int) store.Receipt {
		return attempt(t, b, storetest.New, shard, shards, fmt.Sprint("x", shard, shards), "x")
	}
	foreign := r(0, 1)
	foreign.Table = schemas.LookupTable
	for name, receipts := range map[string][]store.Receipt{
		"no receipt":       nil,
		"a shard too few":  {r(0, 3), r(2, 3)},
		"the last missing": {r(0, 3), r(1, 3)},
		"a shard too many": {r(0, 1), r(1, 1)},
		"another table":    {foreign},
	} {
		if _, err := store.Commit(t.Context(), b, schemas.Manifest{Table: table, Version: storetest.New}, receipts); err == nil {
			t.Errorf("%s: committed", name)
		}
	}
	if versions, err := store.Versions(t.Context(), b, table); err != nil || len(versions) != 0 {
		t.Errorf("refused commits left versions %q, %v", versions, err)
	}
}

func TestCommitNeverChangesAFinishedVersion(t *testing.T) {
	b := openLocal(t)
	if err := storetest.Publish(t.Context(), b, storetest.New, storetest.WriteShards(t, b, storetest.New)); err != nil {
		t.Fatal(err)
	}
	// Attempts of a run that came late, with the same bytes: fine.
	if err := storetest.Publish(t.Context(), b, storetest.New, storetest.WriteShards(t, b, storetest.New)); err != nil {
		t.Fatal(err)
	}
	storetest.WantWhole(t, b, storetest.New)
	other := attempt(t, b, storetest.New, 0, 1, "a", "other")
	if _, err := store.Commit(t.Context(), b, schemas.Manifest{Table: table, Version: storetest.New}, []store.Receipt{other}); err == nil {
		t.Error("other content went into a finished version")
	}
	storetest.WantWhole(t, b, storetest.New)
}

func TestCommitMissesAnAttempt(t *testing.T) {
	b := openLocal(t)
	receipts := storetest.WriteShards(t, b, storetest.New)
	if err := store.RemoveAttempts(t.Context(), b, table, storetest.New); err != nil {
		t.Fatal(err)
	}
	if err := storetest.Publish(t.Context(), b, storetest.New, receipts); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("got %v, want ErrNotExist", err)
	}
}

func TestConcurrentPublishers(t *testing.T) {
	b := openLocal(t)
	versions := []string{storetest.Old, storetest.New}
	for _, v := range versions {
		if err := storetest.Publish(t.Context(), b, v, storetest.WriteShards(t, b, v)); err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if v, err := store.Current(t.Context(), b, table); err != nil || !slices.Contains(versions, v) {
				t.Errorf("a reader found %q, %v", v, err)
				return
			}
		}
	})
	for range 10 {
		var publishers sync.WaitGroup
		for i := range 4 {
			publishers.Go(func() {
				if err := store.Point(t.Context(), b, table, versions[i%2]); err != nil {
					t.Error(err)
				}
			})
		}
		publishers.Wait()
		storetest.WantWhole(t, b, versions...)
	}
	close(stop)
	reader.Wait()
}

func TestConcurrentCommits(t *testing.T) {
	// A runner may run the commit twice, even at once.
	for range 20 {
		b := openLocal(t)
		receipts := storetest.WriteShards(t, b, storetest.New)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if err := storetest.Publish(t.Context(), b, storetest.New, receipts); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		storetest.WantWhole(t, b, storetest.New)
	}
}

func TestReadRefusesDamage(t *testing.T) {
	dir := path.Join(table, storetest.New)
	current := path.Join(table, "CURRENT")
	part := path.Join(dir, store.PartName(1, 3, ".txt"))
	manifest := path.Join(dir, "_manifest.json")
	edit := func(old, new string) func([]byte) []byte {
		return func(data []byte) []byte {
			if !bytes.Contains(data, []byte(old)) {
				t.Fatalf("%q does not stand in %s", old, data)
			}
			return bytes.Replace(data, []byte(old), []byte(new), 1)
		}
	}
	with := func(content string) func([]byte) []byte { return func([]byte) []byte { return []byte(content) } }
	for _, c := range []struct {
		what, file string
		change     func([]byte) []byte // nil removes the file
		want       string
	}{
		{"a changed part", part, edit("shard", "SHARD"), "not the file that its manifest describes"},
		{"a cut part", part, edit("\n", ""), "not the file that its manifest describes"},
		{"a missing part", part, nil, "does not exist"},
		{"a newer schema", manifest, edit(`"schema_version": 1`, `"schema_version": 2`), "newer build"},
		{"no schema", manifest, edit(`"schema_version": 1`, `"schema_version": 0`), "damaged"},
		{"another table's manifest", manifest, edit(table, "lookup"), "damaged"},
		{"another version's manifest", manifest, edit(storetest.New, storetest.Old), "damaged"},
		{"no JSON", manifest, with("{"), "damaged"},
		{"a missing manifest", manifest, nil, "does not exist"},
		{"an unfinished version", path.Join(dir, "_SUCCESS"), nil, "not a finished version"},
		{"an empty CURRENT", current, with(""), "should name a version"},
		{"a foreign CURRENT", current, with("latest\n"), "should name a version"},
		{"a CURRENT that leaves the table", current, with("v=../../x\n"), "should name a version"},
		{"a CURRENT of two lines", current, with("v=1\nv=2\n"), "should name a version"},
		{"a CURRENT of nothing", current, with("v=20200101T000000.000Z\n"), "not a finished version"},
		{"a missing CURRENT", current, nil, "no published version"},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := openLocal(t)
			if err := storetest.Publish(t.Context(), b, storetest.New, storetest.WriteShards(t, b, storetest.New)); err != nil {
				t.Fatal(err)
			}
			if c.change == nil {
				if err := b.Remove(t.Context(), c.file); err != nil {
					t.Fatal(err)
				}
			} else {
				data, err := store.Read(t.Context(), b, c.file)
				if err != nil {
					t.Fatal(err)
				}
				if err := store.Write(t.Context(), b, c.file, c.change(data)); err != nil {
					t.Fatal(err)
				}
			}
			err := readAll(t, b)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func readAll(t *testing.T, b store.Bucket) error {
	v, err := store.Current(t.Context(), b, table)
	if err != nil {
		return err
	}
	m, err := store.ReadManifest(t.Context(), b, table, v)
	if err != nil {
		return err
	}
	for _, p := range m.Parts {
		if _, err := store.ReadPart(t.Context(), b, table, v, p); err != nil {
			return err
		}
	}
	return nil
}

func FuzzReadManifest(f *testing.F) {
	good, err := json.Marshal(schemas.Manifest{SchemaVersion: schemas.Version, Table: table, Version: storetest.New, Parts: []schemas.Part{{Name: "x"}}})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(good), "{}", "null", `{"parts":null}`, "\xff"} {
		f.Add([]byte(seed), storetest.New+"\n")
	}
	b := store.Local(f.TempDir())
	f.Fuzz(func(t *testing.T, manifest []byte, current string) {
		dir := path.Join(table, storetest.New)
		for name, data := range map[string][]byte{
			path.Join(dir, "_manifest.json"): manifest, path.Join(dir, "_SUCCESS"): nil, path.Join(table, "CURRENT"): []byte(current),
		} {
			if err := store.Write(t.Context(), b, name, data); err != nil {
				t.Fatal(err)
			}
		}
		v, err := store.Current(t.Context(), b, table)
		if err != nil {
			return
		}
		if path.Clean(path.Join("x", v)) != "x/"+v {
			t.Fatalf("CURRENT led to %q", v)
		}
		if m, err := store.ReadManifest(t.Context(), b, table, v); err == nil && (m.Table != table || m.Version != v) {
			t.Fatalf("read the manifest of %s %s as that of %s %s", m.Table, m.Version, table, v)
		}
	})
}
