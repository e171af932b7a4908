package recommending

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
	"foray/transforms/read"
	"foray/transforms/store"
	"foray/transforms/tables"
)

func TestMain(m *testing.M) { ptest.Main(m) }

// Items i000 … in leaves with gaps between their ids.
const (
	items    = 42
	clusters = 7
)

func itemID(i int) string   { return fmt.Sprintf("i%03d", i) }
func clusterOf(i int) int32 { return int32(i%clusters)*5 + 1 }

// event is one row of the log.
type event struct {
	user   string
	item   int
	second int
}

// randomLog has users with many events, a user of one cluster, one who has
// seen all items, and one whose items are in no catalogue; ties in time.
func randomLog(rng *rand.Rand) []event {
	var log []event
	for range 900 {
		log = append(log, event{fmt.Sprintf("u%02d", rng.IntN(60)), rng.IntN(items - 2), rng.IntN(200)})
	}
	log = append(log, event{"single", 3, 7}, event{"single", 3 + clusters, 8}, event{"stranger", items + 5, 1})
	for i := range items {
		log = append(log, event{"sated", i, i})
	}
	rng.Shuffle(len(log), func(i, j int) { log[i], log[j] = log[j], log[i] })
	return log
}

// histories are the known events of each user in the order (time, by).
func histories(log []event, by func(item int) int) map[string][]event {
	h := map[string][]event{}
	for _, e := range log {
		if e.item < items {
			h[e.user] = append(h[e.user], e)
		}
	}
	for _, events := range h {
		slices.SortFunc(events, func(a, b event) int {
			return cmp.Or(cmp.Compare(a.second, b.second), cmp.Compare(by(a.item), by(b.item)))
		})
	}
	return h
}

// keyOf is a key of two clusters by the glossary's words; nil without one.
func keyOf(h []event, set bool) []int32 {
	var key []int32
	for _, e := range slices.Backward(h) {
		if c := clusterOf(e.item); len(key) < 2 && !slices.Contains(key, c) {
			key = append(key, c)
		}
	}
	if len(key) < 2 {
		return nil
	}
	slices.Reverse(key)
	if set {
		slices.Sort(key)
	}
	return key
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

// world writes the log and item_clusters/.
func world(t *testing.T, log []event) (out store.Local, source read.EventSource, version string) {
	t.Helper()
	dir := t.TempDir()
	out, version = store.Local(filepath.Join(dir, "out")), store.NewVersion(time.UnixMilli(1))
	var rows []schemas.ItemCluster
	for i := range items {
		rows = append(rows, schemas.ItemCluster{ItemID: itemID(i), ClusterID: clusterOf(i)})
	}
	r, err := tables.WriteShard(t.Context(), out, schemas.ItemClustersTable, version, 0, 1, rows)
	finish(t, out, schemas.ItemClustersTable, version, r, err)
	var b strings.Builder
	b.WriteString("user_id,item_id,timestamp\n")
	for _, e := range log {
		fmt.Fprintf(&b, "%s,%s,%d\n", e.user, itemID(e.item), 1_700_000_000+e.second)
	}
	path := filepath.Join(dir, "events.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	source, err = read.InspectEvents(t.Context(), read.EventsSpec{Pattern: path, User: "user_id", Item: "item_id", Time: "timestamp"})
	if err != nil {
		t.Fatal(err)
	}
	return out, source, version
}

// run runs a stage that writes one table, and gives its account.
func run(t *testing.T, out store.Local, stage, version, table string, build func(beam.Scope) []beam.PCollection) commit.Account {
	t.Helper()
	p, s := beam.NewPipelineWithRoot()
	commit.Commit(s, commit.Config{Output: string(out), Stage: stage, Version: version, Tables: []schemas.Manifest{{Table: table}}}, build(s)...)
	if err := ptest.Run(p); err != nil {
		t.Fatal(err)
	}
	a, err := commit.ReadAccount(t.Context(), out, version, stage)
	if err != nil || a.Exit != 0 {
		t.Fatalf("%s: %+v, %v", stage, a, err)
	}
	return a
}

// train writes item_policy/.
func train(t *testing.T, out store.Local, source read.EventSource, itemClusters, version string, shards int) {
	t.Helper()
	run(t, out, "train", version, schemas.ItemPolicyTable, func(s beam.Scope) []beam.PCollection {
		in := read.ReadEvents(s, read.EventsConfig{Stage: "train", Source: source, Key: read.ItemIndex, Output: string(out), Version: version, ItemClusters: itemClusters})
		cfg := TrainConfig{Stage: "train", Output: string(out), Version: version, ItemClusters: itemClusters, Shards: shards}
		return []beam.PCollection{in.Entries, Train(s, cfg, in.Blocks)}
	})
}

func TestTrainAgainstPlainCounting(t *testing.T) {
	log := randomLog(rand.New(rand.NewPCG(1, 2)))
	// Weights by the definition: what comes within five events, .7 a step.
	weights := map[[2]string]float64{}
	for _, h := range histories(log, func(item int) int { return item }) {
		for i, e := range h {
			weights[[2]string{itemID(e.item), ""}]++
			for j := i + 1; j < min(i+6, len(h)); j++ {
				if h[j].item != e.item {
					weights[[2]string{itemID(e.item), itemID(h[j].item)}] += math.Pow(.7, float64(j-i-1))
				}
			}
		}
	}
	out, source, from := world(t, log)
	var first []schemas.ItemTransition
	for i, shards := range []int{1, 3, 100} { // more than there are items
		version := store.NewVersion(time.UnixMilli(int64(2 + i)))
		train(t, out, source, from, version, shards)
		rows, m, err := tables.Read[schemas.ItemTransition](t.Context(), out, schemas.ItemPolicyTable, version)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != len(weights) || len(m.Parts) != shards || m.Counts["item_transitions"] != int64(len(rows)) {
			t.Errorf("%d rows in %d parts, want %d in %d", len(rows), len(m.Parts), len(weights), shards)
		}
		for _, r := range rows {
			if want := weights[[2]string{r.ItemID, r.NextItemID}]; math.Abs(r.Weight-want) > 1e-9 {
				t.Errorf("%s to %q weighs %v, want %v", r.ItemID, r.NextItemID, r.Weight, want)
			}
		}
		if first == nil {
			first = rows
		} else if !slices.Equal(rows, first) {
			t.Errorf("%d shards give other rows than one", shards)
		}
	}
}

// plans writes lookup/ with random plans for most keys, and gives them by key.
func plans(t *testing.T, rng *rand.Rand, out store.Local, version string, set bool) map[string][]int32 {
	t.Helper()
	planned := map[string][]int32{}
	var rows []schemas.Lookup
	for a := range clusters {
		for b := range clusters {
			key := []int32{clusterOf(a), clusterOf(b)}
			if a == b || set && a > b || rng.IntN(4) == 0 {
				continue
			}
			row := schemas.Lookup{Key: key, Status: schemas.StatusFailed}
			if rng.IntN(6) > 0 {
				for _, c := range rng.Perm(clusters)[:1+rng.IntN(3)] {
					if c != a && c != b {
						row.Candidates = append(row.Candidates, schemas.Candidate{Cluster: clusterOf(c), Votes: 1})
						planned[fmt.Sprint(key)] = append(planned[fmt.Sprint(key)], clusterOf(c))
					}
				}
			}
			if len(row.Candidates) > 0 {
				row.Status, row.NovelCluster = schemas.StatusOK, &row.Candidates[0].Cluster
			}
			rows = append(rows, row)
		}
	}
	r, err := tables.WriteKeyedShard(t.Context(), out, schemas.LookupTable, version, 0, 1, 2, rows)
	finish(t, out, schemas.LookupTable, version, r, err)
	return planned
}

func TestSlates(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	log := randomLog(rng)
	out, source, from := world(t, log)
	train(t, out, source, from, store.NewVersion(time.UnixMilli(2)), 2)
	for i, tc := range []struct {
		set           bool
		slots, places int // the slate's, and those for exploring
		share         float64
		shards        int
	}{
		{false, 10, 3, .3, 1},
		{true, 20, 4, .2, 5},
		{false, 5, 0, 0, 2},
		{false, 6, 6, 1, 3},
		{true, 100, 50, .5, 2}, // more than there are items
	} {
		t.Run(fmt.Sprintf("%d slots, share %v", tc.slots, tc.share), func(t *testing.T) {
			version := store.NewVersion(time.UnixMilli(int64(10 + i)))
			planned := plans(t, rng, out, version, tc.set)
			cfg := Config{
				Stage: "recommend", Output: string(out), Version: version, ItemClusters: from,
				ItemPolicy: store.NewVersion(time.UnixMilli(2)), Lookup: version, K: 2, SetKeys: tc.set,
				Slots: tc.slots, ExploreShare: tc.share, Shards: tc.shards,
			}
			a := run(t, out, cfg.Stage, version, schemas.RecommendationsTable, func(s beam.Scope) []beam.PCollection {
				in := read.ReadEvents(s, read.EventsConfig{Stage: "read", Source: source, Key: read.ItemIndex, Output: cfg.Output, Version: cfg.Version, ItemClusters: from, Names: true})
				return []beam.PCollection{in.Entries, Recommend(s, cfg, in.Blocks)}
			})
			slates := readSlates(t, out, version, tc.shards)
			byUser := histories(log, func(item int) int { return int(clusterOf(item)) })
			places := min(tc.places, int(math.Round(float64(min(tc.slots, items))*tc.share)))
			counts := map[string]int64{}
			for user, h := range byUser {
				counts["users"]++
				var clusters []int32
				if key := keyOf(h, tc.set); key != nil {
					counts["users_with_key"]++
					clusters = planned[fmt.Sprint(key)]
				}
				explore, total := checkSlate(t, slates[user], h, clusters, tc.slots, places)
				counts["recommended_explore"] += int64(explore)
				counts["recommended_exploit"] += int64(total - explore)
				counts["recommendations"] += int64(total)
				delete(slates, user)
			}
			if len(slates) > 0 {
				t.Errorf("slates of users without a known item: %v", slates)
			}
			for name, want := range counts {
				if got := a.Tally.Counts[name]; got != want {
					t.Errorf("%s counts %d, want %d", name, got, want)
				}
			}
			if n := counts["users"] - counts["users_with_key"]; n == 0 || (counts["recommended_explore"] == 0) != (tc.share == 0) {
				t.Errorf("the log tests too little: %v", counts)
			}
		})
	}
}

// readSlates reads recommendations/ by user, and holds its order and ranks.
func readSlates(t *testing.T, out store.Local, version string, shards int) map[string][]schemas.Recommendation {
	t.Helper()
	m, err := store.ReadManifest(t.Context(), out, schemas.RecommendationsTable, version)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Parts) != shards {
		t.Errorf("%d parts, want %d", len(m.Parts), shards)
	}
	slates := map[string][]schemas.Recommendation{}
	for _, part := range m.Parts {
		data, err := store.ReadPart(t.Context(), out, schemas.RecommendationsTable, version, part)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := tables.Decode[schemas.Recommendation](data)
		if err != nil {
			t.Fatal(err)
		}
		before := ""
		for _, r := range rows {
			if r.UserID < before {
				t.Errorf("%s comes after %s", r.UserID, before)
			}
			if r.UserID != before && slates[r.UserID] != nil {
				t.Errorf("%s is in two parts", r.UserID)
			}
			before = r.UserID
			slates[r.UserID] = append(slates[r.UserID], r)
			if int(r.Rank) != len(slates[r.UserID]) {
				t.Errorf("%s has rank %d in place %d", r.UserID, r.Rank, len(slates[r.UserID]))
			}
		}
	}
	return slates
}

// checkSlate holds a slate against the user's history and planned clusters.
func checkSlate(t *testing.T, slate []schemas.Recommendation, h []event, planned []int32, slots, places int) (explore, total int) {
	t.Helper()
	seen, given := map[string]bool{}, map[string]bool{}
	unseen, toExplore := items, 0
	for _, e := range h {
		seen[itemID(e.item)] = true
	}
	unseen -= len(seen)
	for i := range items {
		if !seen[itemID(i)] && slices.Contains(planned, clusterOf(i)) {
			toExplore++
		}
	}
	for _, r := range slate {
		var item int
		if _, err := fmt.Sscanf(r.ItemID, "i%d", &item); err != nil || r.ClusterID != clusterOf(item) {
			t.Errorf("%s is in cluster %d: %v", r.ItemID, r.ClusterID, err)
		}
		if seen[r.ItemID] || given[r.ItemID] {
			t.Errorf("%s gets %s, which was seen or given", r.UserID, r.ItemID)
		}
		given[r.ItemID] = true
		switch r.Source {
		case schemas.SourceExplore:
			explore++
			if !slices.Contains(planned, r.ClusterID) {
				t.Errorf("%s explores cluster %d, planned are %v", r.UserID, r.ClusterID, planned)
			}
		case schemas.SourceExploit:
		default:
			t.Errorf("%s gets %s from %q", r.UserID, r.ItemID, r.Source)
		}
	}
	if want := min(slots, unseen); len(slate) != want {
		t.Errorf("%s has %d items, want %d", h[0].user, len(slate), want)
	}
	if want := min(places, toExplore); explore != want {
		t.Errorf("%s explores %d items, want %d", h[0].user, explore, want)
	}
	return explore, len(slate)
}
