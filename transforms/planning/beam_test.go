package planning

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	"foray/llm"
	"foray/llm/llmtest"
	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/keyspace"
	"foray/transforms/planner"
	"foray/transforms/store"
	"foray/transforms/tables"
)

func TestMain(m *testing.M) { ptest.Main(m) }

// leaves have gaps between their ids.
var leaves = []int32{2, 3, 7, 11, 20}

func words(id int32) string { return fmt.Sprintf("topic%d, words%d", id, id) }

// facts are what a small world holds.
type facts struct {
	transitions []schemas.Transition
	keys        []schemas.KeyTraffic
}

// randomFacts are of keys of k clusters, some of them.
func randomFacts(rng *rand.Rand, k int, order keyspace.Order) facts {
	var f facts
	space, err := keyspace.New(leaves, k, order)
	if err != nil {
		panic(err)
	}
	for key := range space.Keys(0, space.Size()) {
		if rng.IntN(3) == 0 {
			f.keys = append(f.keys, schemas.KeyTraffic{Key: slices.Clone(key), Users: 1 + rng.Int64N(9)})
		}
		for _, next := range leaves {
			if !slices.Contains(key, next) && rng.IntN(6) == 0 {
				f.transitions = append(f.transitions, schemas.Transition{Key: slices.Clone(key), Next: next, Users: 1 + rng.Int64N(9)})
			}
		}
	}
	return f
}

// observed are the keys of the facts, sorted.
func (f facts) observed() [][]int32 {
	byText := map[string][]int32{}
	for _, k := range f.keys {
		byText[fmt.Sprint(k.Key)] = k.Key
	}
	for _, t := range f.transitions {
		byText[fmt.Sprint(t.Key)] = t.Key
	}
	return slices.SortedFunc(maps.Values(byText), slices.Compare)
}

// traffic is the share of users whose key this is.
func (f facts) traffic(key []int32) float64 {
	var own, all int64
	for _, k := range f.keys {
		all += k.Users
		if slices.Equal(k.Key, key) {
			own = k.Users
		}
	}
	return float64(own) / float64(max(all, 1))
}

func finish(t *testing.T, out store.Local, table, version string, r store.Receipt, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Commit(t.Context(), out, schemas.Manifest{Table: table, Version: version}, []store.Receipt{r}); err != nil {
		t.Fatal(err)
	}
}

// tree is the leaves below one root.
func tree() []schemas.Cluster {
	root := int32(30)
	var clusters []schemas.Cluster
	for i, id := range leaves {
		angle := float64(i)
		clusters = append(clusters, schemas.Cluster{
			ClusterID: id, Level: 1, ParentID: &root, Description: words(id), Traffic: []float64{.1, .4, .2, .2, .1}[i],
			Centroid: []float32{float32(math.Cos(angle)), float32(math.Sin(angle))},
		})
	}
	return append(clusters, schemas.Cluster{ClusterID: root, Description: "all", Traffic: 1})
}

// world writes the tables that planning starts from.
func world(t *testing.T, f facts, k int) (store.Local, Versions) {
	t.Helper()
	out := store.Local(t.TempDir())
	v := store.NewVersion(time.UnixMilli(1))
	r, err := tables.WriteShard(t.Context(), out, schemas.ClustersTable, v, 0, 1, tree())
	finish(t, out, schemas.ClustersTable, v, r, err)
	r, err = tables.WriteKeyedShard(t.Context(), out, schemas.TransitionsTable, v, 0, 1, k, f.transitions)
	finish(t, out, schemas.TransitionsTable, v, r, err)
	r, err = tables.WriteKeyedShard(t.Context(), out, schemas.KeysTable, v, 0, 1, k, f.keys)
	finish(t, out, schemas.KeysTable, v, r, err)
	return out, Versions{Clusters: v, Transitions: v, Keys: v}
}

// plan runs the job, and gives its table and account.
func plan(t *testing.T, cfg Config, gates ...commit.Gate) (*Table, commit.Account) {
	t.Helper()
	p, s := beam.NewPipelineWithRoot()
	commit.Commit(s, commit.Config{
		Output: cfg.Output, Stage: cfg.Stage, Version: cfg.Version, Publish: true, Gates: gates, Last: true,
		Tables: []schemas.Manifest{{Table: schemas.LookupTable}},
	}, Plan(s, cfg))
	if err := ptest.Run(p); err != nil {
		t.Fatal(err)
	}
	a, err := commit.ReadAccount(t.Context(), store.Local(cfg.Output), cfg.Version, cfg.Stage)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Tables) == 0 {
		return nil, a
	}
	table, err := LoadTable(t.Context(), cfg.Output, cfg.Version)
	if err != nil {
		t.Fatal(err)
	}
	return table, a
}

func TestBaselinesPlanEveryKeyOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i, tc := range []struct {
		planner  string
		k        int
		order    keyspace.Order
		observed bool
		shards   int
	}{
		{planner.Successor, 2, keyspace.Sequence, false, 3},
		{planner.Successor, 2, keyspace.Set, false, 1},
		{planner.Popular, 1, keyspace.Sequence, false, 7}, // more shards than keys
		{planner.Nearest, 3, keyspace.Sequence, false, 4},
		{planner.Random, 2, keyspace.Sequence, false, 2},
		{planner.Successor, 3, keyspace.Sequence, true, 3},
		{planner.Popular, 2, keyspace.Set, true, 50},
	} {
		t.Run(fmt.Sprintf("%s K=%d %s observed=%v", tc.planner, tc.k, tc.order, tc.observed), func(t *testing.T) {
			f := randomFacts(rng, tc.k, tc.order)
			out, from := world(t, f, tc.k)
			cfg := Config{
				Stage: "plan", Output: string(out), Version: store.NewVersion(time.UnixMilli(int64(2 + i))), From: from,
				Planner: tc.planner, K: tc.k, Order: tc.order, Observed: tc.observed, Shards: tc.shards, Seed: 5,
			}
			table, a := plan(t, cfg, FailedGate(0.01))
			if a.Exit != 0 || len(a.Published) != 1 {
				t.Fatalf("exit %d, %q, published %v", a.Exit, a.Message, a.Published)
			}
			want := f.observed()
			if !tc.observed {
				want = nil
				space, err := keyspace.New(leaves, tc.k, tc.order)
				if err != nil {
					t.Fatal(err)
				}
				for key := range space.Keys(0, space.Size()) {
					want = append(want, slices.Clone(key))
				}
			}
			if len(table.Rows) != len(want) || len(want) == 0 {
				t.Fatalf("%d rows, want %d", len(table.Rows), len(want))
			}
			p, err := planner.New(tc.planner, &planner.World{Leaves: tree()[:len(leaves)], Transitions: f.transitions, Seed: 5})
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range table.Rows {
				candidates := p.Plan(want[i], Candidates, nil)
				candidates[0].Votes = 1
				wantRow := schemas.Lookup{
					Key: want[i], Status: schemas.StatusOK, NovelCluster: &candidates[0].Cluster, NovelDescription: words(candidates[0].Cluster),
					Votes: 1, Samples: 1, Candidates: candidates, Traffic: f.traffic(want[i]), Model: tc.planner,
				}
				if !reflect.DeepEqual(r, wantRow) {
					t.Fatalf("row %d is %+v, want %+v", i, r, wantRow)
				}
				if slices.Contains(r.Key, *r.NovelCluster) {
					t.Errorf("key %v is planned its own cluster %d", r.Key, *r.NovelCluster)
				}
				if got := table.Plan(r.Key, 2, nil); !slices.Equal(got, candidates[:min(2, len(candidates))]) {
					t.Errorf("key %v is read as %v, want %v", r.Key, got, candidates)
				}
			}
			if n := int64(len(want)); a.Tally.Counts["keys"] != n || a.Tally.Counts["keys_ok"] != n {
				t.Errorf("counts %v, want %d keys", a.Tally.Counts, n)
			}
			if work, err := Count(t.Context(), cfg, 1); err != nil || work != (Work{Keys: int64(len(want))}) {
				t.Errorf("the work is %+v, %v", work, err)
			}
		})
	}
}

func TestNothingCurated(t *testing.T) {
	out, from := world(t, facts{}, 2)
	from = Versions{Clusters: from.Clusters}
	for i, observed := range []bool{false, true} {
		cfg := Config{
			Stage: "plan", Output: string(out), Version: store.NewVersion(time.UnixMilli(int64(2 + i))), From: from,
			Planner: planner.Successor, K: 2, Order: keyspace.Sequence, Observed: observed, Shards: 2,
		}
		table, a := plan(t, cfg, FailedGate(0.01))
		if want := []int{20, 0}[i]; a.Exit != 0 || len(table.Rows) != want {
			t.Errorf("observed %v: exit %d, %d rows, want %d", observed, a.Exit, len(table.Rows), want)
		}
		for _, r := range table.Rows {
			if r.Traffic != 0 || r.Status != schemas.StatusOK {
				t.Errorf("key %v: %s with traffic %v", r.Key, r.Status, r.Traffic)
			}
		}
	}
}

func TestUnknownPlannerIsAFailure(t *testing.T) {
	out, from := world(t, facts{}, 2)
	table, a := plan(t, Config{
		Stage: "plan", Output: string(out), Version: store.NewVersion(time.UnixMilli(2)), From: from,
		Planner: "oracle", K: 2, Order: keyspace.Sequence, Shards: 2,
	})
	if a.Exit != 2 || !strings.Contains(a.Message, "--planner=oracle") || table != nil {
		t.Errorf("exit %d, %q, table %v", a.Exit, a.Message, table)
	}
}

// The keys of K = 1 that the endpoint treats in its own way; it answers all
// others with leaf 2, or leaf 3 for leaf 2 itself.
const (
	talksKey  = 3  // names no cluster
	echoKey   = 7  // names the key itself
	casedKey  = 11 // names leaf 2, not to the letter
	brokenKey = 20 // is refused
)

// endpoint knows which key a prompt is about by its words.
func endpoint(c llmtest.Call) llmtest.Reply {
	asked := func(id int32) bool { return strings.Contains(c.Prompt, words(id)) }
	switch {
	case asked(talksKey):
		return llmtest.Text("New cluster: something else")
	case asked(echoKey):
		return llmtest.Text("New cluster: " + words(echoKey))
	case asked(casedKey):
		return llmtest.Text("New cluster: " + strings.ToUpper(words(2)) + ".")
	case asked(brokenKey):
		return llmtest.Failure(400, "bad_request", "too odd")
	}
	return llmtest.Text("New cluster: " + words(3))
}

func modelConfig(out store.Local, from Versions, version int64, url string) Config {
	return Config{
		Stage: "plan", Output: string(out), Version: store.NewVersion(time.UnixMilli(version)), From: from,
		Planner: planner.OpenAI, K: 1, Order: keyspace.Sequence, Shards: 2,
		Model: Model{
			Endpoint: url, Name: "fake", Concurrency: 3, Timeout: time.Minute, Decode: llm.FreeDecoding,
			MaxTokens: 20, Prompt: llm.PaperTemplate(),
		},
	}
}

func TestAnswersOfEveryKind(t *testing.T) {
	server := llmtest.Start(t, endpoint)
	out, from := world(t, facts{keys: []schemas.KeyTraffic{{Key: []int32{2}, Users: 3}, {Key: []int32{7}, Users: 1}}}, 1)
	cfg := modelConfig(out, from, 2, server.URL)
	before, err := Count(t.Context(), cfg, 1)
	if err != nil || before.Keys != 5 || before.Calls != 5 || before.Answered != 0 || before.PromptTokens < 5*100 || before.PromptTokens > 5*200 {
		t.Errorf("before there is %+v to do, %v", before, err)
	}
	table, a := plan(t, cfg, MatchGate(0.75), FailedGate(0.2))
	if a.Exit != 0 || len(table.Rows) != 5 {
		t.Fatalf("exit %d, %q, %d rows", a.Exit, a.Message, len(table.Rows))
	}
	for i, want := range []struct {
		status  string
		novel   int32 // 0 for none
		traffic float64
	}{
		{schemas.StatusOK, 3, .75}, {schemas.StatusNoMatch, 0, 0}, {schemas.StatusNotNovel, 0, .25},
		{schemas.StatusOK, 2, 0}, {schemas.StatusFailed, 0, 0},
	} {
		r := table.Rows[i]
		novel, description := int32(0), ""
		if r.NovelCluster != nil {
			novel, description = *r.NovelCluster, words(*r.NovelCluster)
		}
		if r.Key[0] != leaves[i] || r.Status != want.status || novel != want.novel || r.NovelDescription != description ||
			r.Traffic != want.traffic || r.Model != "fake" || r.PromptVersion == "" {
			t.Errorf("row %d is %+v, want %+v", i, r, want)
		}
		if planned := table.Plan(r.Key, 3, nil); len(planned) > 0 != (want.novel > 0) {
			t.Errorf("key %v is planned %v", r.Key, planned)
		}
	}
	counts := map[string]int64{
		AnswersGiven: 4, AnswersMatched: 3, AnswersExact: 2, AnswersNormalised: 1, KeysFailed: 1,
		"keys": 5, "keys_ok": 2, "keys_no_match": 1, "keys_not_novel": 1, "keys_failed": 1,
	}
	for name, want := range counts {
		if got := a.Tally.Counts[name]; got != want {
			t.Errorf("%s counts %d, want %d", name, got, want)
		}
	}
	rejects, _, err := tables.Read[schemas.Reject](t.Context(), out, schemas.RejectsTable, cfg.Version)
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{}
	for _, r := range rejects {
		sources[r.Source] = r.Raw
	}
	if want := map[string]string{"3": "New cluster: something else", "7": "New cluster: " + words(7), "20": ""}; !maps.Equal(sources, want) {
		t.Errorf("rejects are %v, want %v", sources, want)
	}

	// What was answered is not asked again, and gives the same rows.
	calls := server.Calls()
	after, err := Count(t.Context(), cfg, 1)
	if err != nil || after.Answered != 4 || after.Calls != 1 {
		t.Errorf("after it there is %+v to do, %v", after, err)
	}
	cfg.Version = store.NewVersion(time.UnixMilli(3))
	again, a := plan(t, cfg, FailedGate(0.1))
	if a.Exit != 3 || !strings.Contains(a.Message, "--max_failed=0.1") || a.Tally.Counts[AnswersRecorded] != 4 {
		t.Errorf("exit %d, %q, counts %v", a.Exit, a.Message, a.Tally.Counts)
	}
	if !reflect.DeepEqual(again.Rows, table.Rows) {
		t.Errorf("recorded answers make the rows %+v, want %+v", again.Rows, table.Rows)
	}
	if n := server.Calls() - calls; n != 1 {
		t.Errorf("%d calls, want one for the key that failed", n)
	}
}

func TestSpentQuotaStops(t *testing.T) {
	server := llmtest.Start(t, llmtest.QuotaOf(2, endpoint))
	out, from := world(t, facts{}, 1)
	cfg := modelConfig(out, from, 2, server.URL)
	cfg.Model.Concurrency = 1
	table, a := plan(t, cfg)
	if a.Exit != 4 || table != nil || !strings.Contains(a.Message, "quota") {
		t.Errorf("exit %d, %q, table %v", a.Exit, a.Message, table)
	}
	if n := server.Calls(); n > 4 {
		t.Errorf("%d calls, of which two could succeed", n)
	}
	work, err := Count(t.Context(), cfg, 1)
	if err != nil || work.Answered+work.Calls != 5 || work.Answered > 2 {
		t.Errorf("%+v is left to do, %v", work, err)
	}
}

func TestATablePlansWhatIsOK(t *testing.T) {
	c := []schemas.Candidate{{Cluster: 7, Votes: 2}, {Cluster: 3, Votes: 1}}
	table := &Table{Rows: []schemas.Lookup{
		{Key: []int32{2, 3}, Status: schemas.StatusOK, NovelCluster: &c[0].Cluster, Candidates: c},
		{Key: []int32{2, 7}, Status: schemas.StatusNotNovel, Candidates: c},
	}}
	before := []schemas.Candidate{{Cluster: 11}}
	for _, tc := range []struct {
		key  []int32
		n    int
		want []schemas.Candidate
	}{
		{[]int32{2, 3}, 5, []schemas.Candidate{before[0], c[0], c[1]}},
		{[]int32{2, 3}, 1, []schemas.Candidate{before[0], c[0]}},
		{[]int32{2, 3}, 0, before},
		{[]int32{2, 7}, 5, before},
		{[]int32{3, 2}, 5, before},
	} {
		if got := table.Plan(tc.key, tc.n, slices.Clone(before)); !slices.Equal(got, tc.want) {
			t.Errorf("%d of %v: got %v, want %v", tc.n, tc.key, got, tc.want)
		}
	}
}

func TestGates(t *testing.T) {
	for _, tc := range []struct {
		gate   commit.Gate
		counts map[string]int64
		holds  bool
	}{
		{MatchGate(.9), map[string]int64{AnswersGiven: 10, AnswersMatched: 9}, true},
		{MatchGate(.9), map[string]int64{AnswersGiven: 10, AnswersMatched: 8}, false},
		{MatchGate(.9), map[string]int64{"keys": 10, "keys_failed": 10}, true}, // nothing was answered
		{FailedGate(.01), map[string]int64{KeysPlanned: 100, "keys_failed": 1}, true},
		{FailedGate(.01), map[string]int64{KeysPlanned: 100, "keys_failed": 2}, false},
		{FailedGate(.01), map[string]int64{}, true},
	} {
		if why := tc.gate.Check(commit.Tally{Counts: tc.counts}, nil); (why == "") != tc.holds || tc.gate.Exit != 3 {
			t.Errorf("%s of %v: %q", tc.gate.Flag, tc.counts, why)
		}
	}
}
