package lookup

import (
	"errors"
	"fmt"
	"go/build"
	"math/rand/v2"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"foray/schemas"
	"foray/transforms/store"
	"foray/transforms/tables"
)

const version = "v=20260102T000000.000Z"

func TestPlan(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, k := range []int{1, 2, 3, 4} {
		for _, order := range []string{orderSequence, orderSet, ""} {
			for _, keys := range []string{"all", "observed", "one", "none"} {
				t.Run(fmt.Sprintf("K=%d/%s/%s", k, order, keys), func(t *testing.T) {
					ids := leaves(9)
					space := allKeys(ids, k, order)
					have := space
					switch keys {
					case "observed":
						have = nil
						for _, key := range space {
							if random.IntN(3) > 0 {
								have = append(have, key)
							}
						}
					case "one":
						have = space[5:6]
					case "none":
						have = nil
					}
					b := store.Local(t.TempDir())
					f := fixture{version: version, k: k, order: order, parts: 4, rows: rowsOf(have, k)}
					f.publish(t, b)
					table := open(t, b)
					if table.K() != k || table.Len() != len(have) || table.Version() != version || table.Manifest().Rows() != int64(len(have)) {
						t.Errorf("K %d, %d keys, version %s", table.K(), table.Len(), table.Version())
					}
					checkPlans(t, table, f.rows, ids, k, order == orderSet)
					columns, err := (&Table{manifest: table.manifest}).loadParts(t.Context(), b)
					if err != nil {
						t.Fatal(err)
					}
					if table.index.cells == nil {
						t.Error("so few clusters are hashed")
					}
					table.index = newHash(columns.keys, columns.planned, k)
					checkPlans(t, table, f.rows, ids, k, order == orderSet)
				})
			}
		}
	}
}

// checkPlans asks for every tuple of ids and some more, known or not.
func checkPlans(t *testing.T, table *Table, rows []schemas.Lookup, ids []int32, k int, set bool) {
	t.Helper()
	want := map[string]*schemas.Lookup{}
	for i := range rows {
		want[fmt.Sprint(rows[i].Key)] = &rows[i]
	}
	strange := append(slices.Clone(ids), -1, -1<<31, 0, ids[0]+3, 1<<30, 1<<31-1)
	key := make([]int32, k)
	seen := 0
	met := map[string]bool{}
	var walk func(i int)
	walk = func(i int) {
		if i < k {
			for _, c := range strange {
				key[i] = c
				walk(i + 1)
			}
			return
		}
		canonical := slices.Clone(key)
		if set {
			slices.Sort(canonical)
		}
		row := want[fmt.Sprint(canonical)]
		before := slices.Clone(key)
		cluster, ok := table.Plan(key...)
		if planned := row != nil && row.NovelCluster != nil; ok != planned || ok && cluster != *row.NovelCluster {
			t.Fatalf("%v: planned %d, %v; the row is %+v", key, cluster, ok, row)
		}
		status, ok := table.Status(key...)
		if ok != (row != nil) || ok && status != row.Status {
			t.Fatalf("%v: status %q, %v; the row is %+v", key, status, ok, row)
		}
		if row != nil {
			seen++
			met[fmt.Sprint(row.Key)] = true
		}
		if row != nil && seen%97 == 1 {
			got, ok, err := table.Row(key...)
			if err != nil || ok != (row != nil) || ok && !reflect.DeepEqual(withoutEmpty(got), *row) {
				t.Fatalf("%v: row %+v, %v, %v; want %+v", key, got, ok, err, row)
			}
		}
		if !slices.Equal(key, before) {
			t.Fatalf("the caller's key %v became %v", before, key)
		}
	}
	walk(0)
	if len(met) != len(rows) {
		t.Errorf("%d of %d rows were found", len(met), len(rows))
	}
	for _, key := range [][]int32{nil, make([]int32, k+1), make([]int32, k-1), make([]int32, 100)} {
		if _, ok := table.Plan(key...); ok {
			t.Errorf("a key of %d clusters is planned in a table of %d", len(key), k)
		}
	}
}

func withoutEmpty(r schemas.Lookup) schemas.Lookup {
	if len(r.Candidates) == 0 {
		r.Candidates = nil
	}
	return r
}

func TestLargeClusterIDs(t *testing.T) {
	ids := []int32{0, 7, maxRanked - 1, maxRanked, 1<<31 - 1}
	for n := 3; n <= len(ids); n++ {
		b := store.Local(t.TempDir())
		f := fixture{version: version, k: 2, parts: 1, rows: rowsOf(allKeys(ids[:n], 2, orderSequence), 0)}
		f.publish(t, b)
		checkPlans(t, open(t, b), f.rows, ids[:n], 2, false)
	}
}

func TestLongestKey(t *testing.T) {
	for _, order := range []string{orderSequence, orderSet} {
		b := store.Local(t.TempDir())
		ids := leaves(schemas.MaxHistory + 1)
		keys := allKeys(ids, schemas.MaxHistory, order)
		if order == orderSequence {
			keys = keys[:5000] // of 362,880
		}
		f := fixture{version: version, k: schemas.MaxHistory, order: order, parts: 2, rows: rowsOf(keys, 0)}
		f.publish(t, b)
		table := open(t, b)
		for _, r := range f.rows {
			if got, ok := table.Plan(r.Key...); ok != (r.NovelCluster != nil) || ok && got != *r.NovelCluster {
				t.Fatalf("%s: %v gives %d, %v; the row is %+v", order, r.Key, got, ok, r)
			}
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	good := func() fixture {
		return fixture{version: version, k: 2, order: orderSequence, parts: 2, rows: rowsOf(allKeys(leaves(4), 2, orderSequence), 0)}
	}
	part := path.Join(schemas.LookupTable, version, store.PartName(1, 2, tables.Ext))
	manifest := path.Join(schemas.LookupTable, version, "_manifest.json")
	replace := func(name, old, new string) func(*testing.T, store.Bucket) {
		return func(t *testing.T, b store.Bucket) {
			data, err := store.Read(t.Context(), b, name)
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.ReplaceAll(string(data), old, new)
			if changed == string(data) {
				t.Fatalf("%s does not hold %q", name, old)
			}
			if err := store.Write(t.Context(), b, name, []byte(changed)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		what   string
		make   func(*fixture)
		damage func(*testing.T, store.Bucket)
		want   string
	}{
		{what: "a changed byte", damage: replace(part, "PAR1", "PAR2"), want: "not the file that its manifest describes"},
		{what: "a missing part", damage: func(t *testing.T, b store.Bucket) {
			if err := b.Remove(t.Context(), part); err != nil {
				t.Fatal(err)
			}
		}, want: "does not exist"},
		{what: "a newer schema", damage: replace(manifest, `"schema_version": 1`, `"schema_version": 2`), want: "newer build"},
		{what: "another number of rows", damage: replace(manifest, `"rows": 6`, `"rows": 7`), want: "manifest says 7"},
		{what: "no number of rows", damage: replace(manifest, `"rows": 6`, `"rows": 6000000000000`), want: "at most"},
		{what: "another K", damage: replace(manifest, `"history": "2"`, `"history": "3"`), want: "manifest says 3"},
		{what: "an unknown order", make: func(f *fixture) { f.order = "random" }, want: `"random"`},
		{what: "sequences called sets", make: func(f *fixture) { f.order = orderSet }, want: "which is none"},
		{what: "a key twice", make: func(f *fixture) { f.rows[3].Key = f.rows[2].Key }, want: "should come before"},
		{what: "rows not sorted", make: func(f *fixture) { f.rows[0], f.rows[1] = f.rows[1], f.rows[0] }, want: "should come before"},
		{what: "a cluster twice in a key", make: func(f *fixture) { f.rows[2].Key = []int32{5, 5} }, want: "which is none"},
		{what: "a negative cluster", make: func(f *fixture) { f.rows[0].Key = []int32{-1, 5} }, want: "want a cluster"},
		{what: "ok without a cluster", make: func(f *fixture) { f.rows[0].NovelCluster = nil }, want: `status "ok"`},
		{what: "a cluster without ok", make: func(f *fixture) { f.rows[1].NovelCluster = new(int32) }, want: `status "no_match"`},
		{what: "a planned cluster below 0", make: func(f *fixture) { *f.rows[0].NovelCluster = -3 }, want: "planned cluster -3"},
		{what: "missing clusters", make: func(f *fixture) { f.parents = map[string]string{schemas.ClustersTable: version} }, want: "clusters that it was made from"},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := store.Local(t.TempDir())
			f := good()
			if c.make != nil {
				c.make(&f)
			}
			f.publish(t, b)
			if c.damage != nil {
				c.damage(t, b)
			}
			if _, err := Open(t.Context(), b); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
	if _, err := Open(t.Context(), store.Local(t.TempDir())); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("no table: got %v, want ErrNotExist", err)
	}
}

func TestDescribe(t *testing.T) {
	b := store.Local(t.TempDir())
	root := int32(100)
	rows := []schemas.Cluster{
		{ClusterID: 3, Level: 1, ParentID: &root, Description: "Green Tea, cups"},
		{ClusterID: 9, Level: 1, ParentID: &root, Description: "tea"},
		{ClusterID: 12, Level: 1, ParentID: &root, Description: "chess, openings"},
		{ClusterID: root, Level: 0, Description: "tea and games"},
	}
	r, err := tables.WriteShard(t.Context(), b, schemas.ClustersTable, version, 0, 1, rows)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Commit(t.Context(), b, schemas.Manifest{Table: schemas.ClustersTable, Version: version}, []store.Receipt{r}); err != nil {
		t.Fatal(err)
	}
	// CURRENT of clusters has nothing to say: the table names its own parent.
	f := fixture{version: version, k: 1, parts: 1, rows: rowsOf([][]int32{{3}, {9}, {12}}, 0), parents: map[string]string{schemas.ClustersTable: version}}
	f.publish(t, b)
	table := open(t, b)
	for _, c := range rows {
		if got, ok := table.Describe(c.ClusterID); !ok || got != c.Description {
			t.Errorf("cluster %d is %q, %v; want %q", c.ClusterID, got, ok, c.Description)
		}
	}
	if got, ok := table.Describe(4); ok {
		t.Errorf("cluster 4, which there is not, is %q", got)
	}
	if got := table.Leaves(); !slices.Equal(got, []int32{3, 9, 12}) {
		t.Errorf("leaves are %v", got)
	}
	for words, want := range map[string][]int32{
		"tea": {9}, "green": {3}, "cups TEA": {3}, "chess, openings": {12}, "openings,chess": {12},
		"games": nil, "tea chess": nil, "": nil, " , ": nil, "gree": nil,
	} {
		if got := table.Find(words); !slices.Equal(got, want) {
			t.Errorf("%q means %v, want %v", words, got, want)
		}
	}
}

func TestPlanAllocatesNothing(t *testing.T) {
	for _, order := range []string{orderSequence, orderSet} {
		for _, most := range []int32{20, maxRanked} { // an array, and a hash table
			b := store.Local(t.TempDir())
			keys := allKeys([]int32{1, 2, 5, most}, 2, order)
			f := fixture{version: version, k: 2, order: order, parts: 1, rows: rowsOf(keys, 0)}
			f.publish(t, b)
			table := open(t, b)
			x, y := keys[3][0], keys[3][1]
			if n := testing.AllocsPerRun(100, func() { table.Plan(y, x); table.Status(x, y) }); n != 0 {
				t.Errorf("%s, clusters up to %d: %v allocations a look-up", order, most, n)
			}
		}
	}
}

// A serving program must not have to link a pipeline.
func TestImports(t *testing.T) {
	p, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range p.Imports {
		if strings.HasPrefix(path, "foray/") && !slices.Contains([]string{"foray/schemas", "foray/transforms/store", "foray/transforms/tables"}, path) || strings.Contains(path, "beam") {
			t.Errorf("imports %s", path)
		}
	}
}
