package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"foray/schemas"
	"foray/testdata/catalogue"
	"foray/transforms/clustering"
	"foray/transforms/evaluation"
	"foray/transforms/planning"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// golden is what a run on real data gave when it was last judged good.
type golden struct {
	// Clusters and Keys are exact, Transitions (distinct ones) within tolerance.
	Clusters, Keys, Transitions int64
	// Metrics hold, by "name planner k", to within tolerance.
	Metrics map[string]float64
}

// tolerance is how far another machine's floating-point sums may move a
// figure; a change of method moves it further.
func tolerance(v float64) float64 { return 0.003 + 0.05*math.Abs(v) }

// TestRealData runs everything on real data as it stands, and holds metrics
// against committed figures. FORAY_UPDATE_GOLDENS=1 writes them anew.
func TestRealData(t *testing.T) {
	root := filepath.Join("..", "..")
	data := filepath.Join(root, "..", "shared", "data")
	if _, err := os.Stat(data); errors.Is(err, fs.ErrNotExist) {
		t.Skip("the real data is not there: ../shared/data does not exist")
	}
	for _, set := range []struct {
		name string
		args []string
	}{
		{"online-retail", []string{
			"--items", filepath.Join(data, "online-retail", "items.csv"),
			"--events", filepath.Join(data, "online-retail", "interactions.csv"),
		}},
		{"movietweetings", []string{
			"--items", filepath.Join(data, "movietweetings", "items.csv"), "--text_columns", "title,genres",
			"--events", filepath.Join(data, "movietweetings", "interactions.csv"),
		}},
		{"movietweetings-100k", []string{
			"--items", filepath.Join(data, "movietweetings-100k", "movies.dat"), "--item_id_column", "1", "--text_columns", "2,3",
			"--events", filepath.Join(data, "movietweetings-100k", "ratings.dat"), "--user_id_column", "1", "--event_item_id_column", "2", "--timestamp_column", "4",
			"--delimiter", "::", "--no_header",
		}},
	} {
		t.Run(set.name, func(t *testing.T) {
			out := t.TempDir()
			foray(t, append([]string{"run", "--output", out}, set.args...)...).want(t, 0)
			got := measure(t, out)
			path := filepath.Join(root, "testdata", "goldens", set.name+".json")
			if os.Getenv("FORAY_UPDATE_GOLDENS") != "" {
				writeGolden(t, path, got)
			}
			compare(t, path, got)
		})
	}
}

// demoClusters are as many as the demo's world has interests.
const demoClusters = "72"

// TestDemoAgainstTheTruth holds the demo's clusters and plans against the
// world behind them: the normalised mutual information of clusters and
// interests, and recall@1 beside the best that a table can be expected to have.
func TestDemoAgainstTheTruth(t *testing.T) {
	dir := t.TempDir()
	w, err := catalogue.Generate(catalogue.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(dir); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	foray(t, "run", "--items", filepath.Join(dir, catalogue.ItemsFile), "--events", filepath.Join(dir, catalogue.EventsFile),
		"--clusters", demoClusters, "--output", out).want(t, 0)
	got := measure(t, out)
	interests := map[string]int32{}
	for i, item := range w.Items {
		interests[item.ID] = w.Truth.ItemInterest[i]
	}
	items := rows(t, out, schemas.ItemClustersTable, tables.Read[schemas.ItemCluster])
	truth, found := make([]int32, len(items)), make([]int32, len(items))
	for i, it := range items {
		truth[i], found[i] = interests[it.ItemID], it.ClusterID
	}
	round := func(v float64) float64 { return math.Round(v*1e4) / 1e4 }
	got.Metrics["nmi of clusters and interests"] = round(mutualInformation(truth, found))
	got.Metrics["recall of the best possible 1"] = round(got.Metrics["recall successor 1"] / w.BestRecall(1, w.Cut(0.8)).Realised)
	path := filepath.Join("..", "..", "testdata", "goldens", "demo.json")
	if os.Getenv("FORAY_UPDATE_GOLDENS") != "" {
		writeGolden(t, path, got)
	}
	compare(t, path, got)
}

// mutualInformation is I(a; b) ÷ √(H(a)·H(b)), in [0, 1]: 1 if each tells the
// other.
func mutualInformation(a, b []int32) float64 {
	n := float64(len(a))
	one, two, both := map[int32]float64{}, map[int32]float64{}, map[[2]int32]float64{}
	for i := range a {
		one[a[i]]++
		two[b[i]]++
		both[[2]int32{a[i], b[i]}]++
	}
	entropy := func(counts map[int32]float64) (h float64) {
		for _, c := range counts {
			h -= c / n * math.Log(c/n)
		}
		return h
	}
	information := 0.0
	for pair, c := range both {
		information += c / n * math.Log(c*n/(one[pair[0]]*two[pair[1]]))
	}
	return information / math.Sqrt(entropy(one)*entropy(two))
}

// goldenMetrics are those that a golden holds.
var goldenMetrics = []string{
	evaluation.Recall, evaluation.Recall + evaluation.ByKey, evaluation.NovelRecall, evaluation.HitRate, evaluation.MatchRate, evaluation.NoveltyRate,
	evaluation.Coverage, evaluation.Gini, evaluation.TreeDistance, evaluation.Stability,
}

// measure reads what a golden holds from the published tables.
func measure(t *testing.T, out string) golden {
	t.Helper()
	ctx, b := t.Context(), store.Local(out)
	version, err := store.Current(ctx, b, schemas.LookupTable)
	if err != nil {
		t.Fatal(err)
	}
	lookup, err := store.ReadManifest(ctx, b, schemas.LookupTable, version)
	if err != nil {
		t.Fatal(err)
	}
	clusters, _, err := tables.Read[schemas.Cluster](ctx, b, schemas.ClustersTable, lookup.Parents[schemas.ClustersTable])
	if err != nil {
		t.Fatal(err)
	}
	clustered, err := store.ReadManifest(ctx, b, schemas.ClustersTable, lookup.Parents[schemas.ClustersTable])
	if err != nil {
		t.Fatal(err)
	}
	transitions, err := store.ReadManifest(ctx, b, schemas.TransitionsTable, lookup.Parents[schemas.TransitionsTable])
	if err != nil {
		t.Fatal(err)
	}
	judged, err := store.Current(ctx, b, schemas.MetricsTable)
	if err != nil {
		t.Fatal(err)
	}
	metrics, _, err := tables.Read[schemas.Metric](ctx, b, schemas.MetricsTable, judged)
	if err != nil {
		t.Fatal(err)
	}
	g := golden{
		Clusters: int64(len(planning.Leaves(clusters))), Keys: lookup.Rows(), Transitions: transitions.Rows(),
		Metrics: map[string]float64{},
	}
	g.Metrics[clustering.SharedWords] = math.Round(clustered.Figures[clustering.SharedWords]*1e4) / 1e4
	for _, m := range metrics {
		if slices.Contains(goldenMetrics, m.Name) {
			g.Metrics[fmt.Sprintf("%s %s %d", m.Name, m.Planner, m.K)] = math.Round(m.Value*1e4) / 1e4
		}
	}
	return g
}

func writeGolden(t *testing.T, path string, g golden) {
	t.Helper()
	data, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o666); err != nil {
		t.Fatal(err)
	}
}

func compare(t *testing.T, path string, got golden) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want golden
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if got.Clusters != want.Clusters || got.Keys != want.Keys {
		t.Errorf("%d clusters and %d keys, want %d and %d", got.Clusters, got.Keys, want.Clusters, want.Keys)
	}
	if math.Abs(float64(got.Transitions-want.Transitions)) > tolerance(float64(want.Transitions)) {
		t.Errorf("%d distinct transitions, want about %d", got.Transitions, want.Transitions)
	}
	if len(got.Metrics) != len(want.Metrics) {
		t.Errorf("%d metrics, want %d", len(got.Metrics), len(want.Metrics))
	}
	for name, v := range want.Metrics {
		if math.Abs(got.Metrics[name]-v) > tolerance(v) {
			t.Errorf("%s is %v, want %v ± %.4f", name, got.Metrics[name], v, tolerance(v))
		}
	}
}
