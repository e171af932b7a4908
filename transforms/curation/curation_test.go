package curation

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	"foray/llm"
	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/read"
	"foray/transforms/store"
	"foray/transforms/tables"
)

func TestMain(m *testing.M) { ptest.Main(m) }

func TestTuplesAreNumberedInOrder(t *testing.T) {
	leaves := []int32{2, 3, 7, 11}
	tuples, err := NewTuples(leaves, 3)
	if err != nil {
		t.Fatal(err)
	}
	next := uint64(0)
	tuple := make([]int32, 3)
	shard := 0
	for _, a := range leaves {
		for _, b := range leaves {
			for _, c := range leaves {
				n := tuples.Number([]int32{a, b}, c)
				if n != next {
					t.Fatalf("%d %d %d has number %d, want %d", a, b, c, n, next)
				}
				next++
				if tuples.Tuple(n, tuple); !slices.Equal(tuple, []int32{a, b, c}) {
					t.Fatalf("number %d is %v, want %d %d %d", n, tuple, a, b, c)
				}
				if s := tuples.Shard(a, 3); s < shard || s > 2 {
					t.Fatalf("number %d is in shard %d after %d", n, s, shard)
				} else {
					shard = s
				}
			}
		}
	}
	many := make([]int32, 100_000)
	for i := range many {
		many[i] = int32(i)
	}
	if _, err := NewTuples(many, 4); err == nil || !strings.Contains(err.Error(), "--history") {
		t.Errorf("too many tuples gave %v", err)
	}
}

func TestSortNumbers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 100, 1 << digitBits, 10_000} {
		for _, bits := range []int{0, 1, 11, 12, 29, 63} {
			for _, base := range []uint64{0, 1 << 40} {
				numbers := make([]uint64, n)
				for i := range numbers {
					numbers[i] = base + rng.Uint64N(1<<bits)
				}
				want := slices.Clone(numbers)
				slices.Sort(want)
				sortNumbers(numbers, make([]uint64, n))
				if !slices.Equal(numbers, want) {
					t.Errorf("%d numbers of %d bits are not sorted", n, bits)
				}
				back, err := decodeNumbers(nil, encodeNumbers(numbers))
				if err != nil || !slices.Equal(back, want) {
					t.Errorf("%d numbers of %d bits do not come back, %v", n, bits, err)
				}
				total := int64(0)
				runs(numbers, func(number uint64, count int64) { total += count })
				if total != int64(n) {
					t.Errorf("%d numbers count as %d", n, total)
				}
			}
		}
	}
}

func FuzzDecodeNumbers(f *testing.F) {
	f.Add(encodeNumbers([]uint64{3, 3, 900}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, block []byte) {
		if numbers, err := decodeNumbers(nil, block); err == nil && len(numbers) > len(block) {
			t.Errorf("%d numbers of %d bytes", len(numbers), len(block))
		}
	})
}

// log is a random log of events, with ties in time.
type log struct {
	users, items []int
	seconds      []int64
}

const logStart = 1_700_000_000

func randomLog(rng *rand.Rand, n, users, items int) log {
	var l log
	for range n {
		l.users = append(l.users, rng.IntN(users))
		l.items = append(l.items, rng.IntN(items))
		l.seconds = append(l.seconds, logStart+rng.Int64N(500))
	}
	return l
}

func (l log) write(t *testing.T, path string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("user_id,item_id,timestamp\n")
	for i := range l.users {
		fmt.Fprintf(&b, "u%d,i%03d,%d\n", l.users[i], l.items[i], l.seconds[i])
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
}

// plain counts transitions and keys by the glossary's words, without any of
// the code under test.
func (l log) plain(k int, set bool, cluster func(item int) int32, cut int64) (transitions, keys map[string]int64) {
	type event struct {
		second  int64
		cluster int32
	}
	histories := map[int][]event{}
	for i, u := range l.users {
		if l.seconds[i] < cut {
			histories[u] = append(histories[u], event{l.seconds[i], cluster(l.items[i])})
		}
	}
	transitions, keys = map[string]int64{}, map[string]int64{}
	for _, h := range histories {
		slices.SortFunc(h, func(a, b event) int {
			if a.second != b.second {
				return int(a.second - b.second)
			}
			return int(a.cluster - b.cluster)
		})
		last := func(upTo int) []int32 {
			var key []int32
			for i := upTo - 1; i >= 0 && len(key) < k; i-- {
				if !slices.Contains(key, h[i].cluster) {
					key = append(key, h[i].cluster)
				}
			}
			slices.Reverse(key)
			if set {
				slices.Sort(key)
			}
			return key
		}
		met := map[int32]bool{}
		for i, e := range h {
			if key := last(i); len(key) == k && !met[e.cluster] {
				transitions[fmt.Sprint(key, e.cluster)]++
			}
			met[e.cluster] = true
		}
		if key := last(len(h)); len(key) == k {
			keys[fmt.Sprint(key)]++
		}
	}
	return transitions, keys
}

// world writes the tables that curation starts from: items i000 … in leaves
// with gaps between their ids.
func world(t *testing.T, out store.Local, items int, cluster func(int) int32) (version string) {
	t.Helper()
	version = store.NewVersion(time.UnixMilli(1))
	var ic []schemas.ItemCluster
	leaves := map[int32]bool{}
	for i := range items {
		ic = append(ic, schemas.ItemCluster{ItemID: fmt.Sprintf("i%03d", i), ClusterID: cluster(i)})
		leaves[cluster(i)] = true
	}
	var clusters []schemas.Cluster
	for id := range int32(100) {
		if leaves[id] {
			clusters = append(clusters, schemas.Cluster{ClusterID: id, Description: fmt.Sprintf("words %d", id)})
		}
	}
	finish(t, out, version, schemas.ItemClustersTable, ic)
	finish(t, out, version, schemas.ClustersTable, clusters)
	return version
}

func finish[T any](t *testing.T, out store.Local, version, table string, rows []T) {
	t.Helper()
	r, err := tables.WriteShard(t.Context(), out, table, version, 0, 1, rows)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Commit(t.Context(), out, schemas.Manifest{Table: table, Version: version}, []store.Receipt{r}); err != nil {
		t.Fatal(err)
	}
}

// never cuts nothing.
func never(_, _ int64) int64 { return 1 << 60 }

func TestCurationAgainstTheDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	cluster := func(item int) int32 { return int32(item%9)*3 + 1 }
	for _, tc := range []struct {
		k     int
		set   bool
		until string
		cut   func(first, last int64) int64 // in seconds
		users int64                         // the least behind an example
		way   string
	}{
		{2, false, "1", never, 1, Diversified},
		{2, true, fmt.Sprint(logStart + 300), func(_, _ int64) int64 { return logStart + 300 }, 2, Diversified},
		{1, false, "0.55", func(first, last int64) int64 { return first + (55*(last-first)+99)/100 }, 3, Random},
		{3, false, "1", never, 1, Random},
		{3, true, "0.75", func(first, last int64) int64 { return first + (75*(last-first)+99)/100 }, 1, Popular},
	} {
		t.Run(fmt.Sprintf("K=%d set=%v until=%s", tc.k, tc.set, tc.until), func(t *testing.T) {
			dir := t.TempDir()
			out := store.Local(filepath.Join(dir, "out"))
			events := filepath.Join(dir, "events.csv")
			l := randomLog(rng, 3000, 150, 30)
			l.write(t, events)
			from := world(t, out, 30, cluster)
			version := store.NewVersion(time.UnixMilli(2))
			curate(t, events, Config{
				Stage: "curate", Output: string(out), ItemClusters: from, Clusters: from, Version: version,
				K: tc.k, SetKeys: tc.set, Shards: 3, MinUsers: tc.users, Curation: tc.way, ContextsPerLabel: 4, ValidationShare: 0.2,
				AlignmentMinUsers: 1, Prompt: llm.PaperTemplate(),
			}, tc.until)
			wantTransitions, wantKeys := l.plain(tc.k, tc.set, cluster, tc.cut(slices.Min(l.seconds), slices.Max(l.seconds)))
			if len(wantTransitions) == 0 || len(wantKeys) == 0 {
				t.Fatal("the log makes no transition or no key")
			}
			transitions, _, err := tables.ReadKeyed[schemas.Transition](t.Context(), out, schemas.TransitionsTable, version)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int64{}
			for i, r := range transitions {
				got[fmt.Sprint(r.Key, r.Next)] = r.Users
				if i > 0 && slices.Compare(append(slices.Clone(transitions[i-1].Key), transitions[i-1].Next), append(slices.Clone(r.Key), r.Next)) >= 0 {
					t.Fatalf("row %d is not after row %d", i, i-1)
				}
			}
			if !reflect.DeepEqual(got, wantTransitions) {
				t.Errorf("%d transitions, want %d, or others", len(got), len(wantTransitions))
			}
			keys, m, err := tables.ReadKeyed[schemas.KeyTraffic](t.Context(), out, schemas.KeysTable, version)
			if err != nil {
				t.Fatal(err)
			}
			gotKeys := map[string]int64{}
			for _, r := range keys {
				gotKeys[fmt.Sprint(r.Key)] = r.Users
			}
			if !reflect.DeepEqual(gotKeys, wantKeys) {
				t.Errorf("%d keys, want %d, or others", len(gotKeys), len(wantKeys))
			}
			if n := m.Counts["event_rows"]; n != 3000 {
				t.Errorf("the manifest counts %d rows, want 3000", n)
			}
			checkExamples(t, out, version, tc.way, tc.users, wantTransitions)
		})
	}
}

func curate(t *testing.T, events string, cfg Config, until string) {
	t.Helper()
	source, err := read.InspectEvents(t.Context(), read.EventsSpec{Pattern: events, User: "user_id", Item: "item_id", Time: "timestamp"})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Until, err = read.ParseUntil(until); err != nil {
		t.Fatal(err)
	}
	p, s := beam.NewPipelineWithRoot()
	in := read.ReadEvents(s, read.EventsConfig{Stage: cfg.Stage, Source: source, Key: read.ItemCluster, Output: cfg.Output, Version: cfg.Version, ItemClusters: cfg.ItemClusters})
	tuples, followed := Histories(s, cfg, in.Blocks)
	samples, counted := Tables(s, cfg, tuples)
	commits := commit.Config{Output: cfg.Output, Stage: cfg.Stage, Version: cfg.Version}
	for _, table := range []string{schemas.TransitionsTable, schemas.KeysTable, schemas.TrainingTable, schemas.ValidationTable, schemas.AlignmentTable} {
		commits.Tables = append(commits.Tables, schemas.Manifest{Table: table})
	}
	commit.Commit(s, commits, in.Entries, followed, counted, Training(s, cfg, samples))
	if err := ptest.Run(p); err != nil {
		t.Fatal(err)
	}
}

func TestTooManyTuplesIsAFailure(t *testing.T) {
	dir := t.TempDir()
	out := store.Local(filepath.Join(dir, "out"))
	events := filepath.Join(dir, "events.csv")
	randomLog(rand.New(rand.NewPCG(3, 4)), 10, 2, 5).write(t, events)
	cluster := func(item int) int32 { return int32(item % 97) }
	from := world(t, out, 97, cluster)
	version := store.NewVersion(time.UnixMilli(2))
	curate(t, events, Config{
		Stage: "curate", Output: string(out), ItemClusters: from, Clusters: from, Version: version,
		K: 9, Shards: 2, MinUsers: 1, Curation: Diversified, ContextsPerLabel: 4, Prompt: llm.PaperTemplate(),
	}, "1")
	a, err := commit.ReadAccount(t.Context(), out, version, "curate")
	if err != nil || a.Exit != 1 || !strings.Contains(a.Message, "--history") || len(a.Tables) != 0 {
		t.Errorf("the account is %+v, %v", a, err)
	}
}

func FuzzTuples(f *testing.F) {
	f.Add([]byte{1, 5, 9}, uint8(3), int64(17), uint8(4))
	f.Add([]byte{0}, uint8(9), int64(0), uint8(1))
	f.Fuzz(func(t *testing.T, ids []byte, size uint8, seed int64, shards uint8) {
		slices.Sort(ids)
		var leaves []int32
		for _, id := range slices.Compact(ids) {
			leaves = append(leaves, int32(id)*3)
		}
		n, parts := int(size%10), int(shards)+1
		tuples, err := NewTuples(leaves, n)
		if err != nil || len(leaves) == 0 || n == 0 {
			return
		}
		rng := rand.New(rand.NewPCG(uint64(seed), 0))
		a, b := make([]int32, n), make([]int32, n)
		for i := range n {
			a[i], b[i] = leaves[rng.IntN(len(leaves))], leaves[rng.IntN(len(leaves))]
		}
		x, y := tuples.Number(a), tuples.Number(b[:n-1], b[n-1])
		if cmp.Compare(x, y) != slices.Compare(a, b) {
			t.Errorf("%v and %v have the numbers %d and %d", a, b, x, y)
		}
		back := make([]int32, n)
		if tuples.Tuple(x, back); !slices.Equal(back, a) {
			t.Errorf("%v came back as %v", a, back)
		}
		s := tuples.Shard(a[0], parts)
		if s < 0 || s >= parts || a[0] == b[0] && s != tuples.Shard(b[0], parts) || x < y && s > tuples.Shard(b[0], parts) {
			t.Errorf("%v is in shard %d of %d, %v in %d", a, s, parts, b, tuples.Shard(b[0], parts))
		}
	})
}
