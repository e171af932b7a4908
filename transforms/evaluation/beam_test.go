package evaluation

import (
	"cmp"
	"fmt"
	"math"
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
	"foray/transforms/tree"
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
	scores, judged := Judge(s, cfg, in.Blocks)
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

// plainly are the figures of one planner, counted by the definitions' words.
type plainly struct {
	cases, users, hit, fresh int64
	recall, novel            map[int]float64
	byKey, novelByKey        map[int]float64
	hitByKey                 float64
	diversity                float64
}

// plain judges the transitions at or after the cut.
func (w *world) plain(order keyspace.Order, cut int64, plan func(key []int32) []schemas.Candidate) plainly {
	out := plainly{recall: map[int]float64{}, novel: map[int]float64{}, byKey: map[int]float64{}, novelByKey: map[int]float64{}}
	type foreseen struct {
		metric string
		k      int
		key    string
	}
	casesOf, hitsOf := map[string]float64{}, map[foreseen]float64{}
	plans, keys := 0, 0
	for _, h := range w.histories() {
		first, userKeys, userPlans := map[int32]int{}, map[string]bool{}, map[int32]bool{}
		before := out.cases
		for i, e := range h {
			c := clusterOf(e.item)
			key := keyBefore(h[:i], order)
			_, had := first[c]
			if !had {
				first[c] = i
			}
			if key == nil || had || e.second < cut {
				continue
			}
			out.cases++
			name := fmt.Sprint(key)
			casesOf[name]++
			listed := plan(key)
			listed = listed[:min(len(listed), 10)]
			var fresh []int32
			for _, p := range listed {
				if at, ok := first[p.Cluster]; !ok || at == i {
					fresh = append(fresh, p.Cluster)
				}
			}
			for _, k := range Tops {
				if slices.ContainsFunc(listed[:min(k, len(listed))], func(p schemas.Candidate) bool { return p.Cluster == c }) {
					out.recall[k]++
					hitsOf[foreseen{Recall, k, name}]++
				}
				if slices.Contains(fresh[:min(k, len(fresh))], c) {
					out.novel[k]++
					hitsOf[foreseen{NovelRecall, k, name}]++
				}
			}
			if len(listed) == 0 {
				continue
			}
			best := listed[0].Cluster
			if slices.ContainsFunc(h[i:], func(e event) bool { return clusterOf(e.item) == best }) {
				out.hit++
				hitsOf[foreseen{HitRate, 1, name}]++
			}
			if slices.Contains(fresh, best) {
				out.fresh++
			}
			userKeys[name], userPlans[best] = true, true
		}
		if out.cases > before {
			out.users++
		}
		if len(userKeys) > 1 {
			keys += len(userKeys)
			plans += len(userPlans)
		}
	}
	for _, k := range Tops {
		out.recall[k] /= float64(out.cases)
		out.novel[k] /= float64(out.cases)
		for name, n := range casesOf {
			out.byKey[k] += hitsOf[foreseen{Recall, k, name}] / n / float64(len(casesOf))
			out.novelByKey[k] += hitsOf[foreseen{NovelRecall, k, name}] / n / float64(len(casesOf))
		}
	}
	for name, n := range casesOf {
		out.hitByKey += hitsOf[foreseen{HitRate, 1, name}] / n / float64(len(casesOf))
	}
	out.diversity = float64(plans) / float64(keys)
	return out
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
				want := w.plain(order, cut, plan)
				near := func(metric string, k int, value float64) {
					t.Helper()
					m, ok := metrics[fmt.Sprintf("%s %s %d", metric, name, k)]
					if !ok || math.Abs(m.Value-value) > 1e-9 {
						t.Errorf("%s has the %s@%d %v, want %v", name, metric, k, m, value)
					}
					if m.Low > m.Value || m.Value > m.High || m.Low == m.High && m.Value > 0 && m.Value < 1 {
						t.Errorf("%s has the %s@%d %v in [%v, %v]", name, metric, k, m.Value, m.Low, m.High)
					}
				}
				for _, k := range Tops {
					near(Recall, k, want.recall[k])
					near(Recall+ByKey, k, want.byKey[k])
					if k < listed {
						near(NovelRecall, k, want.novel[k])
						near(NovelRecall+ByKey, k, want.novelByKey[k])
					}
					if m := metrics[fmt.Sprintf("%s %s %d", Recall, name, k)]; m.N != want.cases || want.cases < 50 {
						t.Errorf("%s was judged on %d transitions, want %d", name, m.N, want.cases)
					}
					seen[want.recall[k]] = true
				}
				near(HitRate, 1, float64(want.hit)/float64(want.cases))
				near(HitRate+ByKey, 1, want.hitByKey)
				near(NewToUser, 1, float64(want.fresh)/float64(want.cases))
				near(UserDiversity, 1, want.diversity)
				if a.Tally.Counts["test_transitions"] != want.cases || a.Tally.Counts["test_users"] != want.users {
					t.Errorf("counts %v, want %d transitions of %d users", a.Tally.Counts, want.cases, want.users)
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
					PlannedRate: {Value: float64(answered) / float64(keys), N: keys},
					Coverage:    {Value: float64(len(planned)) / clusters, N: answered},
				} {
					want.Name, want.Planner, want.Low, want.High = metric, name, want.Value, want.Value
					if got := metrics[fmt.Sprintf("%s %s 0", metric, name)]; got != want {
						t.Errorf("got %+v, want %+v", got, want)
					}
				}
				if name == planner.OpenAI {
					continue
				}
				own := w.plain(order, cut, w.plan)
				for metric, difference := range map[string]float64{
					Recall + Minus + name + " openai 10":         own.recall[10] - want.recall[10],
					Recall + ByKey + Minus + name + " openai 1":  own.byKey[1] - want.byKey[1],
					NovelRecall + Minus + name + " openai 5":     own.novel[5] - want.novel[5],
					HitRate + Minus + name + " openai 1":         float64(own.hit-want.hit) / float64(want.cases),
					HitRate + ByKey + Minus + name + " openai 1": own.hitByKey - want.hitByKey,
				} {
					if m, ok := metrics[metric]; !ok || math.Abs(m.Value-difference) > 1e-9 {
						t.Errorf("%s is %v, want %v", metric, m, difference)
					}
				}
			}
			if len(seen) < 8 {
				t.Errorf("%d different recalls", len(seen))
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
		if strings.HasPrefix(m.Name, Recall) && (m.Value != 0 || m.Low != 0 || m.High != 0 || m.N != 0) {
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

func TestRowsByStatus(t *testing.T) {
	leaves := []schemas.Cluster{{ClusterID: 1}, {ClusterID: 4}, {ClusterID: 6}}
	tr, err := tree.New(leaves)
	if err != nil {
		t.Fatal(err)
	}
	b := &book{world: &planning.World{World: planner.World{Leaves: leaves}}, planners: make([]planner.Planner, 2), table: &planning.Table{}}
	for _, s := range []string{schemas.StatusOK, schemas.StatusOK, schemas.StatusNoMatch, schemas.StatusNotNovel, schemas.StatusFailed, schemas.StatusNotPlanned} {
		b.table.Rows = append(b.table.Rows, schemas.Lookup{Key: []int32{1, 4}, Status: s})
		plans := slices.Repeat([]uint16{noPlan}, 2*listed)
		if plans[listed] = 2; s == schemas.StatusOK {
			plans[0] = 2
		}
		b.plans = append(b.plans, plans...)
	}
	c := newColumns(tr.Levels(), len(leaves))
	for p, want := range [][]int64{{6, 4, 3, 2, 2}, {6, 6, 6, 6, 6}} {
		s := newSheets(c, 1)[0]
		for row := range b.table.Rows {
			s.add(b.entries(nil, c, tr, row, p, nil), int64(row), new(weights))
		}
		if got := s.byKey[:5]; !slices.Equal(got, want) {
			t.Errorf("planner %d: %v rows, answered, matched, novel, planned; want %v", p, got, want)
		}
		if s.byTraffic[c.keys] != 15 || s.byKey[c.clusters+2] != want[4] {
			t.Errorf("planner %d: %d users, plans %v", p, s.byTraffic[c.keys], c.counts(s.byKey))
		}
	}
}

func TestScoresTravelWhole(t *testing.T) {
	s := &Score{Keys: map[int64][]int32{7: {4, 5}}}
	s.Add(7, []int64{3, 0, 2})
	for _, s := range []*Score{s, {}} {
		data, err := encodeScore(*s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeScore(data)
		if err != nil {
			t.Fatal(err)
		}
		total := new(Score)
		total.Merge(&got)
		if fmt.Sprint(total.Users, total.Groups, total.Keys) != fmt.Sprint(s.Users, s.Groups, s.Keys) {
			t.Errorf("got %+v, want %+v", total, s)
		}
	}
}
