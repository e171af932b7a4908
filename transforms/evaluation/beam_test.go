package evaluation

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/keyspace"
	"foray/transforms/planner"
	"foray/transforms/planning"
	"foray/transforms/read"
	"foray/transforms/store"
	"foray/transforms/tables"
)

func TestMain(m *testing.M) { ptest.Main(m) }

// Items i000 … in leaves with gaps between their ids.
const (
	items    = 40
	clusters = 16
	logStart = 1_700_000_000
)

func itemID(i int) string   { return fmt.Sprintf("i%03d", i) }
func clusterOf(i int) int32 { return int32(i%clusters)*3 + 2 }

// event is one row of the log.
type event struct {
	user, item int
	second     int64
}

// world is an output that can be judged, and what it was made from.
type world struct {
	out         store.Local
	version     string
	log         []event
	leaves      []schemas.Cluster
	transitions []schemas.Transition
	lookup      []schemas.Lookup
	events      read.EventSource
	items       read.ItemSource
}

func finish(t *testing.T, out store.Local, m schemas.Manifest, r store.Receipt, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Commit(t.Context(), out, m, []store.Receipt{r}); err != nil {
		t.Fatal(err)
	}
}

// newWorld has random plans, some of them none, and random events, with ties
// in time.
func newWorld(t *testing.T, rng *rand.Rand, order keyspace.Order) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{out: store.Local(filepath.Join(dir, "out")), version: store.NewVersion(time.UnixMilli(1))}
	var ids []int32
	for i := range clusters {
		ids = append(ids, clusterOf(i))
		w.leaves = append(w.leaves, schemas.Cluster{
			ClusterID: clusterOf(i), Description: fmt.Sprintf("words %d", clusterOf(i)), Traffic: 1. / clusters,
			Centroid: []float32{float32(rng.NormFloat64()), float32(rng.NormFloat64())},
		})
	}
	var members []schemas.ItemCluster
	itemFile := "item_id,title\n"
	for i := range items {
		members = append(members, schemas.ItemCluster{ItemID: itemID(i), ClusterID: clusterOf(i)})
		itemFile += fmt.Sprintf("%s,Title of %d\n", itemID(i), i)
	}
	space, err := keyspace.New(ids, 2, order)
	if err != nil {
		t.Fatal(err)
	}
	for key := range space.Keys(0, space.Size()) {
		row := schemas.Lookup{Key: slices.Clone(key), Status: schemas.StatusNoMatch, Samples: 1}
		for _, c := range rng.Perm(clusters)[:rng.IntN(clusters)] {
			if id := clusterOf(c); !slices.Contains(key, id) {
				row.Candidates = append(row.Candidates, schemas.Candidate{Cluster: id, Votes: 1})
			}
		}
		if len(row.Candidates) > 0 {
			row.Status, row.NovelCluster = schemas.StatusOK, &row.Candidates[0].Cluster
		}
		w.lookup = append(w.lookup, row)
		for _, next := range ids {
			if !slices.Contains(key, next) && rng.IntN(20) == 0 {
				w.transitions = append(w.transitions, schemas.Transition{Key: slices.Clone(key), Next: next, Users: 1 + rng.Int64N(5)})
			}
		}
	}
	eventFile := "user_id,item_id,timestamp\n"
	for range 1500 {
		e := event{rng.IntN(80), rng.IntN(items), logStart + rng.Int64N(400)}
		w.log = append(w.log, e)
		eventFile += fmt.Sprintf("u%02d,%s,%d\n", e.user, itemID(e.item), e.second)
	}
	for name, content := range map[string]string{"items.csv": itemFile, "events.csv": eventFile} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if w.events, err = read.InspectEvents(t.Context(), read.EventsSpec{Pattern: filepath.Join(dir, "events.csv"), User: "user_id", Item: "item_id", Time: "timestamp"}); err != nil {
		t.Fatal(err)
	}
	if w.items, err = read.InspectItems(t.Context(), read.ItemsSpec{Pattern: filepath.Join(dir, "items.csv"), ID: "item_id"}); err != nil {
		t.Fatal(err)
	}
	manifest := func(table string) schemas.Manifest { return schemas.Manifest{Table: table, Version: w.version} }
	r, err := tables.WriteShard(t.Context(), w.out, schemas.ClustersTable, w.version, 0, 1, w.leaves)
	finish(t, w.out, manifest(schemas.ClustersTable), r, err)
	r, err = tables.WriteShard(t.Context(), w.out, schemas.ItemClustersTable, w.version, 0, 1, members)
	finish(t, w.out, manifest(schemas.ItemClustersTable), r, err)
	r, err = tables.WriteKeyedShard(t.Context(), w.out, schemas.TransitionsTable, w.version, 0, 1, 2, w.transitions)
	finish(t, w.out, manifest(schemas.TransitionsTable), r, err)
	r, err = tables.WriteKeyedShard(t.Context(), w.out, schemas.LookupTable, w.version, 0, 1, 2, w.lookup)
	lookup := manifest(schemas.LookupTable)
	lookup.Parents = map[string]string{schemas.ClustersTable: w.version}
	finish(t, w.out, lookup, r, err)
	return w
}

// judge runs the job, and gives metrics/ by name, planner and k.
func (w *world) judge(t *testing.T, cfg Config) (map[string]schemas.Metric, commit.Account) {
	t.Helper()
	p, s := beam.NewPipelineWithRoot()
	in := read.ReadEvents(s, read.EventsConfig{Stage: cfg.Stage, Source: w.events, Key: read.ItemCluster, Output: cfg.Output, Version: cfg.Version, ItemClusters: cfg.ItemClusters})
	scores, judged := Judge(s, cfg, in.Blocks, in.Span)
	commit.Commit(s, commit.Config{
		Output: cfg.Output, Stage: cfg.Stage, Version: cfg.Version, Tables: []schemas.Manifest{{Table: schemas.MetricsTable}},
	}, in.Entries, judged, Conclude(s, cfg, scores))
	if err := ptest.Run(p); err != nil {
		t.Fatal(err)
	}
	a, err := commit.ReadAccount(t.Context(), w.out, cfg.Version, cfg.Stage)
	if err != nil || a.Exit != 0 {
		t.Fatalf("the account is %+v, %v", a, err)
	}
	rows, _, err := tables.Read[schemas.Metric](t.Context(), w.out, schemas.MetricsTable, cfg.Version)
	if err != nil {
		t.Fatal(err)
	}
	metrics := map[string]schemas.Metric{}
	for _, m := range rows {
		metrics[fmt.Sprintf("%s %s %d", m.Name, m.Planner, m.K)] = m
	}
	if len(metrics) != len(rows) {
		t.Errorf("a metric stands twice in %+v", rows)
	}
	return metrics, a
}

func (w *world) config(order keyspace.Order, version int64, until read.Until) Config {
	return Config{
		Stage: "evaluate", Output: string(w.out), Version: store.NewVersion(time.UnixMilli(version)), ItemClusters: w.version, Lookup: w.version,
		Planning: planning.Config{
			Output: string(w.out), Planner: planner.OpenAI, K: 2, Order: order, Seed: 3,
			From: planning.Versions{Clusters: w.version, Transitions: w.version},
		},
		Until: until,
	}
}

// histories are the users' clusters in the order of the glossary.
func (w *world) histories() map[int][]event {
	h := map[int][]event{}
	for _, e := range w.log {
		h[e.user] = append(h[e.user], e)
	}
	for _, events := range h {
		slices.SortFunc(events, func(a, b event) int {
			return cmp.Or(cmp.Compare(a.second, b.second), cmp.Compare(clusterOf(a.item), clusterOf(b.item)))
		})
	}
	return h
}

// keyBefore is the key of two clusters by the glossary's words; nil without.
func keyBefore(h []event, order keyspace.Order) []int32 {
	var key []int32
	for _, e := range slices.Backward(h) {
		if c := clusterOf(e.item); len(key) < 2 && !slices.Contains(key, c) {
			key = append(key, c)
		}
	}
	if len(key) < 2 {
		return nil
	}
	if slices.Reverse(key); order == keyspace.Set {
		slices.Sort(key)
	}
	return key
}

// plain counts, of the transitions at or after the cut, those foreseen by the
// first k plans.
func (w *world) plain(order keyspace.Order, cut int64, plan func(key []int32) []schemas.Candidate, k int) (hits, cases, users int64) {
	for _, h := range w.histories() {
		before := cases
		for i, e := range h {
			c := clusterOf(e.item)
			key := keyBefore(h[:i], order)
			first := !slices.ContainsFunc(h[:i], func(e event) bool { return clusterOf(e.item) == c })
			if key == nil || !first || e.second < cut {
				continue
			}
			cases++
			plans := plan(key)
			if slices.ContainsFunc(plans[:min(k, len(plans))], func(p schemas.Candidate) bool { return p.Cluster == c }) {
				hits++
			}
		}
		if cases > before {
			users++
		}
	}
	return hits, cases, users
}

// plan is what lookup/ plans.
func (w *world) plan(key []int32) []schemas.Candidate {
	for _, r := range w.lookup {
		if slices.Equal(r.Key, key) {
			return r.Candidates
		}
	}
	return nil
}

func TestRecallAgainstPlainCounting(t *testing.T) {
	for i, order := range []keyspace.Order{keyspace.Sequence, keyspace.Set} {
		t.Run(string(order), func(t *testing.T) {
			w := newWorld(t, rand.New(rand.NewPCG(7, uint64(i))), order)
			const cut = logStart + 60
			metrics, a := w.judge(t, w.config(order, 2, read.Until{Fixed: true, Micros: cut * 1e6}))
			plans := map[string]func([]int32) []schemas.Candidate{planner.OpenAI: w.plan}
			for _, name := range planner.Baselines {
				p, err := planner.New(name, &planner.World{Leaves: w.leaves, Transitions: w.transitions, Seed: 3})
				if err != nil {
					t.Fatal(err)
				}
				plans[name] = func(key []int32) []schemas.Candidate { return p.Plan(key, planning.Candidates, nil) }
			}
			seen := map[float64]bool{}
			for name, plan := range plans {
				for _, k := range Tops {
					hits, cases, users := w.plain(order, cut, plan, k)
					m := metrics[fmt.Sprintf("%s %s %d", Recall, name, k)]
					if want := float64(hits) / float64(cases); m.Value != want || m.N != cases || cases < 50 {
						t.Errorf("%s has the recall@%d %v of %d, want %v of %d", name, k, m.Value, m.N, want, cases)
					}
					if m.Low > m.Value || m.Value > m.High || m.Low == m.High && m.Value > 0 {
						t.Errorf("%s has the recall@%d %v in [%v, %v]", name, k, m.Value, m.Low, m.High)
					}
					if a.Tally.Counts["test_transitions"] != cases || a.Tally.Counts["test_users"] != users {
						t.Errorf("counts %v, want %d transitions of %d users", a.Tally.Counts, cases, users)
					}
					seen[m.Value] = true
				}
				planned, answered := map[int32]bool{}, int64(0)
				for _, r := range w.lookup {
					if p := plan(r.Key); len(p) > 0 {
						planned[p[0].Cluster] = true
						answered++
					}
				}
				keys := int64(len(w.lookup))
				for metric, want := range map[string]schemas.Metric{
					MatchRate:   {Value: float64(answered) / float64(keys), N: keys},
					NoveltyRate: {Value: 1, N: answered},
					Coverage:    {Value: float64(len(planned)) / clusters, N: clusters},
				} {
					want.Name, want.Planner, want.Low, want.High = metric, name, want.Value, want.Value
					if got := metrics[fmt.Sprintf("%s %s 0", metric, name)]; got != want {
						t.Errorf("got %+v, want %+v", got, want)
					}
				}
			}
			if len(metrics) != 5*(3+len(Tops)) || len(seen) < 8 {
				t.Errorf("%d metrics, %d different recalls", len(metrics), len(seen))
			}
		})
	}
}

func TestNothingAfterTheCut(t *testing.T) {
	w := newWorld(t, rand.New(rand.NewPCG(9, 9)), keyspace.Sequence)
	metrics, a := w.judge(t, w.config(keyspace.Sequence, 2, read.Until{Fraction: 1}))
	if a.Tally.Counts["test_transitions"] != 0 || a.Tally.Counts["event_rows"] != 1500 {
		t.Errorf("counts %v", a.Tally.Counts)
	}
	for name, m := range metrics {
		if m.Name == Recall && (m.Value != 0 || m.Low != 0 || m.High != 0 || m.N != 0) {
			t.Errorf("%s is %+v", name, m)
		}
	}
	if _, err := w.out.Stat(t.Context(), ReportName); err != nil {
		t.Errorf("the report: %v", err)
	}
}

func TestReportShowsUsers(t *testing.T) {
	w := newWorld(t, rand.New(rand.NewPCG(11, 12)), keyspace.Sequence)
	var rows []schemas.Recommendation
	for user := range 80 {
		source := schemas.SourceExploit
		if user >= 5 { // users of whom there is something to show
			source = schemas.SourceExplore
		}
		rows = append(rows, schemas.Recommendation{
			UserID: fmt.Sprintf("u%02d", user), Rank: 1, ItemID: itemID(user % items), ClusterID: clusterOf(user % items), Source: source,
		})
	}
	r, err := tables.WriteShard(t.Context(), w.out, schemas.RecommendationsTable, w.version, 0, 1, rows)
	finish(t, w.out, schemas.Manifest{Table: schemas.RecommendationsTable, Version: w.version}, r, err)
	cfg := w.config(keyspace.Sequence, 2, read.Until{Fraction: .8})
	cfg.Report = ReportConfig{Recommendations: w.version, Items: w.items}
	w.judge(t, cfg)
	page, err := store.Read(t.Context(), w.out, ReportName)
	if err != nil {
		t.Fatal(err)
	}
	h := w.histories()
	for user := range 80 {
		name, title := fmt.Sprintf("u%02d", user), fmt.Sprintf("Title of %d<", user%items)
		shown := user >= 5 && user < 5+pageUsers
		if strings.Contains(string(page), name+"<") != shown || user < items && strings.Contains(string(page), title) != shown {
			t.Errorf("%s is shown: %v, want %v", name, !shown, shown)
		}
		key := keyBefore(h[user], keyspace.Sequence)
		if shown && (key == nil || !strings.Contains(string(page), fmt.Sprintf("words %d", key[0]))) {
			t.Errorf("the key %v of %s is not shown", key, name)
		}
	}
}

func TestAnswersOfStatuses(t *testing.T) {
	rows := func(statuses ...string) (rows []schemas.Lookup) {
		for _, s := range statuses {
			rows = append(rows, schemas.Lookup{Status: s})
		}
		return rows
	}
	all := rows(schemas.StatusOK, schemas.StatusOK, schemas.StatusNoMatch, schemas.StatusNotNovel, schemas.StatusFailed, schemas.StatusNotPlanned)
	for _, tc := range []struct {
		name                     string
		table                    planning.Table
		own                      bool
		answered, matched, novel int64
	}{
		{"by status", planning.Table{Rows: all}, true, 4, 3, 2},
		{"a baseline", planning.Table{Rows: all}, false, 6, 6, 6},
		{"counted", planning.Table{Rows: all, Manifest: schemas.Manifest{Counts: map[string]int64{planning.AnswersGiven: 5, planning.AnswersMatched: 2}}}, true, 5, 2, 2},
		{"none", planning.Table{}, true, 0, 0, 0},
	} {
		answered, matched, novel := answers(&tc.table, tc.own)
		if answered != tc.answered || matched != tc.matched || novel != tc.novel {
			t.Errorf("%s: %d answered, %d matched, %d novel", tc.name, answered, matched, novel)
		}
	}
}

func TestScoresTravelWhole(t *testing.T) {
	s := NewScore(2)
	s.Add(7, 3, [][len(Tops)]int64{{1, 2, 3}, {}})
	s.keep(7, []int32{4, 5})
	for _, s := range []*Score{s, NewScore(1)} {
		data, err := encodeScore(*s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeScore(data)
		if err != nil {
			t.Fatal(err)
		}
		total := NewScore(len(s.Hits))
		total.Merge(&got)
		if fmt.Sprint(*total) != fmt.Sprint(*s) {
			t.Errorf("got %+v, want %+v", total, s)
		}
	}
}
