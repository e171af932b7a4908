package store_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"foray/schemas"
	"foray/transforms/store"
	"foray/transforms/store/storetest"
)

func version(i int) string {
	return store.NewVersion(time.Date(2026, 1, 1, i, 0, 0, 0, time.UTC))
}

// finish writes a version of a table with the parents given.
func finish(t *testing.T, b store.Bucket, table, version string, parents map[string]string) {
	t.Helper()
	r, err := store.WriteAttempt(t.Context(), b, table, version, 0, 1, ".txt", func(w io.Writer) (int64, error) {
		_, err := io.WriteString(w, version)
		return 1, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Commit(t.Context(), b, schemas.Manifest{Table: table, Version: version, Parents: parents}, []store.Receipt{r}); err != nil {
		t.Fatal(err)
	}
}

func versions(t *testing.T, b store.Bucket, table string) string {
	t.Helper()
	vs, err := store.Versions(t.Context(), b, table)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(vs, " ")
}

func TestRetain(t *testing.T) {
	b := openLocal(t)
	clusters, keys, lookup := schemas.ClustersTable, schemas.KeysTable, schemas.LookupTable
	for i := range 8 {
		finish(t, b, clusters, version(i), nil)
	}
	// lookup 6 → keys 3 → clusters 1; CURRENT of lookup is an old version.
	finish(t, b, keys, version(3), map[string]string{clusters: version(1)})
	for i := range 8 {
		parents := map[string]string{clusters: version(i / 2)}
		if i == 6 {
			parents[keys] = version(3)
		}
		finish(t, b, lookup, version(i), parents)
	}
	if err := store.Point(t.Context(), b, lookup, version(0)); err != nil {
		t.Fatal(err)
	}
	unfinished := path.Join(clusters, "v=20250101T000000.000Z", "part")
	running := path.Join(lookup, "_attempts", version(9), "x")
	answers := "answers/v=20250101T000000.000Z/x"
	for _, name := range []string{unfinished, running, answers} {
		if err := store.Write(t.Context(), b, name, nil); err != nil {
			t.Fatal(err)
		}
	}
	gone, err := store.Retain(t.Context(), b, store.Tables(), 2)
	if err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string][]int{
		lookup:   {0, 6, 7},       // CURRENT, and the newest two
		clusters: {0, 1, 3, 6, 7}, // parents of those, 1 by way of keys, and the newest two
		keys:     {3},
	} {
		var names []string
		for _, i := range want {
			names = append(names, version(i))
		}
		if got := versions(t, b, table); got != strings.Join(names, " ") {
			t.Errorf("%s keeps %s, want %s", table, got, names)
		}
	}
	if len(gone) != 5+3+1 {
		t.Errorf("retention reports %q as gone", gone)
	}
	for name, kept := range map[string]bool{unfinished: false, running: true, answers: true} {
		if _, err := b.Stat(t.Context(), name); (err == nil) != kept {
			t.Errorf("%s: stat gives %v; want it kept: %v", name, err, kept)
		}
	}
}

func TestRetainNeverTakesAParent(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	tables := []string{schemas.ClustersTable, schemas.KeysTable, schemas.LookupTable}
	for round := range 8 {
		b := openLocal(t)
		parents := map[string]map[string]string{}
		made := map[string][]string{}
		for i := range 12 {
			table := tables[random.IntN(len(tables))]
			mine := map[string]string{}
			for _, p := range tables {
				if p != table && len(made[p]) > 0 && random.IntN(2) == 0 {
					mine[p] = made[p][random.IntN(len(made[p]))]
				}
			}
			finish(t, b, table, version(i), mine)
			made[table] = append(made[table], version(i))
			parents[path.Join(table, version(i))] = mine
			if random.IntN(3) == 0 {
				if err := store.Point(t.Context(), b, table, made[table][random.IntN(len(made[table]))]); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := store.Retain(t.Context(), b, tables, random.IntN(4)-1); err != nil {
			t.Fatal(err)
		}
		for _, table := range tables {
			for v := range strings.FieldsSeq(versions(t, b, table)) {
				for p, pv := range parents[path.Join(table, v)] {
					if _, err := store.ReadManifest(t.Context(), b, p, pv); err != nil {
						t.Errorf("round %d: %s %s is kept, its parent %s %s is not: %v", round, table, v, p, pv, err)
					}
				}
			}
			if current, err := store.Current(t.Context(), b, table); err == nil {
				if _, err := store.ReadManifest(t.Context(), b, table, current); err != nil {
					t.Errorf("round %d: CURRENT's version went: %v", round, err)
				}
			} else if !errors.Is(err, store.ErrNotExist) {
				t.Error(err)
			}
		}
	}
}

func TestRetainCrash(t *testing.T) {
	for nth := 1; ; nth++ {
		b := openLocal(t)
		for i := range 4 {
			finish(t, b, storetest.Table, version(i), nil)
		}
		if err := store.Point(t.Context(), b, storetest.Table, version(3)); err != nil {
			t.Fatal(err)
		}
		faulty := &storetest.Faulty{Bucket: b, Crash: storetest.Before, Nth: nth}
		_, err := store.Retain(t.Context(), faulty, []string{storetest.Table}, 2)
		if !faulty.Crashed() {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		// What is still listed is still whole.
		for v := range strings.FieldsSeq(versions(t, b, storetest.Table)) {
			m, err := store.ReadManifest(t.Context(), b, storetest.Table, v)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := store.ReadPart(t.Context(), b, storetest.Table, v, m.Parts[0]); err != nil {
				t.Errorf("crash in call %d: %v", nth, err)
			}
		}
		// The next run clears up.
		finish(t, b, storetest.Table, version(4), nil)
		if _, err := store.Retain(t.Context(), b, []string{storetest.Table}, 2); err != nil {
			t.Fatal(err)
		}
		infos, err := b.List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		var folders []string
		for _, info := range infos {
			if f := path.Dir(info.Name); !slices.Contains(folders, f) {
				folders = append(folders, f)
			}
		}
		if got, want := fmt.Sprint(folders), fmt.Sprint([]string{storetest.Table, path.Join(storetest.Table, version(3)), path.Join(storetest.Table, version(4))}); got != want {
			t.Errorf("crash in call %d, then again: left %s, want %s", nth, got, want)
		}
	}
}
