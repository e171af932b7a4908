package lookup

import (
	"fmt"
	"path"
	"sync"
	"sync/atomic"
	"testing"

	"foray/schemas"
	"foray/transforms/store"
)

func TestLiveSwapsUnderReaders(t *testing.T) {
	b := store.Local(t.TempDir())
	keys := allKeys(leaves(12), 2, orderSequence)
	const versions, readers = 6, 8
	var fixtures []fixture
	for i := range versions {
		have := keys
		if i%2 == 1 {
			have = keys[:len(keys)-5] // the index changes its kind, too
		}
		f := fixture{version: fmt.Sprintf("v=2026010%dT000000.000Z", i+1), k: 2, parts: 2, rows: rowsOf(have, i)}
		f.write(t, b)
		fixtures = append(fixtures, f)
	}
	byVersion := map[string]fixture{}
	for _, f := range fixtures {
		byVersion[f.version] = f
	}
	if err := store.Point(t.Context(), b, schemas.LookupTable, fixtures[0].version); err != nil {
		t.Fatal(err)
	}
	live, err := OpenLive(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	var looked [readers]int
	for r := range readers {
		wg.Go(func() {
			for i := 0; !stop.Load() || i < len(keys); i++ {
				table := live.Table()
				f := byVersion[table.Version()]
				row := f.rows[i%len(f.rows)]
				got, ok := table.Plan(row.Key...)
				if ok != (row.NovelCluster != nil) || ok && got != *row.NovelCluster {
					t.Errorf("version %s: %v gives %d, %v", f.version, row.Key, got, ok)
					return
				}
				looked[r]++
			}
		})
	}
	for round := range 3 * versions {
		f := fixtures[(round+1)%versions]
		if err := store.Point(t.Context(), b, schemas.LookupTable, f.version); err != nil {
			t.Fatal(err)
		}
		if moved, err := live.Refresh(t.Context()); err != nil || !moved {
			t.Fatalf("refresh gives %v, %v", moved, err)
		}
		if got := live.Table().Version(); got != f.version {
			t.Fatalf("after a refresh the version is %s, want %s", got, f.version)
		}
		if moved, err := live.Refresh(t.Context()); err != nil || moved {
			t.Fatalf("refresh with nothing new gives %v, %v", moved, err)
		}
	}
	stop.Store(true)
	wg.Wait()
	for r, n := range looked {
		if n < len(keys) {
			t.Errorf("reader %d did %d look-ups", r, n)
		}
	}
}

func TestLiveKeepsWhatItHas(t *testing.T) {
	b := store.Local(t.TempDir())
	keys := allKeys(leaves(5), 2, orderSequence)
	old := fixture{version: "v=1", k: 2, parts: 1, rows: rowsOf(keys, 0)}
	old.publish(t, b)
	live, err := OpenLive(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	next := fixture{version: "v=2", k: 2, parts: 1, rows: rowsOf(keys, 1)}
	next.publish(t, b)
	part := path.Join(schemas.LookupTable, "v=2", store.PartName(0, 1, ".parquet"))
	if err := store.Write(t.Context(), b, part, []byte("damaged")); err != nil {
		t.Fatal(err)
	}
	current := path.Join(schemas.LookupTable, "CURRENT")
	for _, damage := range []string{"v=2\n", "latest\n", "v=3\n"} {
		if err := store.Write(t.Context(), b, current, []byte(damage)); err != nil {
			t.Fatal(err)
		}
		if moved, err := live.Refresh(t.Context()); err == nil || moved {
			t.Errorf("CURRENT %q: refresh gives %v, %v; want an error", damage, moved, err)
		}
		if got, ok := live.Table().Plan(keys[0]...); !ok || got != *old.rows[0].NovelCluster {
			t.Errorf("CURRENT %q: a reader gets %d, %v", damage, got, ok)
		}
	}
}
