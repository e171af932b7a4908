package clustering

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

// Items i000 … of three themes, theme = number modulo 3.
const (
	items    = 120
	logStart = 1_700_000_000
	logCut   = logStart + 700
)

var themes = [3][]string{
	{"guitar", "piano", "drums", "violin", "choir"},
	{"bread", "cheese", "soup", "cake", "salad"},
	{"tent", "mountain", "river", "canoe", "trail"},
}

func itemID(i int) string { return fmt.Sprintf("i%03d", i) }

// itemRows are the lines of a file of items with embeddings of four floats.
func itemRows(rng *rand.Rand) []string {
	rows := make([]string, items)
	for i := range rows {
		words := themes[i%3]
		v := [4]float64{.1 * rng.Float64(), .1 * rng.Float64(), .1 * rng.Float64(), .1}
		v[i%3]++
		rows[i] = fmt.Sprintf("%s,%s %s,all about %s,%.3f %.3f %.3f %.3f", itemID(i),
			words[rng.IntN(5)], words[rng.IntN(5)], words[rng.IntN(5)], v[0], v[1], v[2], v[3])
	}
	return rows
}

const itemHeader = "item_id,title,description,vector"

// event is a row of the log.
type event struct {
	user, item int
	second     int64
}

// randomEvents are of users who stay in one theme; some items are in no
// catalogue.
func randomEvents(rng *rand.Rand, n int) []event {
	log := make([]event, n)
	for i := range log {
		user := rng.IntN(60)
		log[i] = event{user, rng.IntN(items/3)*3 + user%3, logStart + rng.Int64N(1000)}
		if rng.IntN(20) == 0 {
			log[i].item = items + rng.IntN(5)
		}
	}
	return log
}

func eventLines(log []event) []string {
	lines := []string{"user_id,item_id,timestamp"}
	for _, e := range log {
		lines = append(lines, fmt.Sprintf("u%d,%s,%d", e.user, itemID(e.item), e.second))
	}
	return lines
}

// input is what a clustering is made of: files by name.
type input struct {
	items     map[string][]string
	events    []string
	embedding string
	cfg       Config
	// after, if not "", is where the tables of earlier clusterings are; number is
	// how many there were.
	after  string
	number int64
}

func write(t *testing.T, path string, lines []string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
}

// cluster runs the job, and gives its output and account.
func cluster(t *testing.T, in input) (store.Local, commit.Account) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir) // so that rejects name files by name alone
	for name, lines := range in.items {
		write(t, name, lines)
	}
	write(t, "events.csv", in.events)
	itemSource, err := read.InspectItems(t.Context(), read.ItemsSpec{Pattern: "items*.csv", ID: "item_id", Embedding: in.embedding})
	if err != nil {
		t.Fatal(err)
	}
	eventSource, err := read.InspectEvents(t.Context(), read.EventsSpec{Pattern: "events.csv", User: "user_id", Item: "item_id", Time: "timestamp"})
	if err != nil {
		t.Fatal(err)
	}
	out := store.Local(cmp.Or(in.after, filepath.Join(dir, "out")))
	cfg := in.cfg
	cfg.Stage, cfg.Output, cfg.Version = "cluster", string(out), store.NewVersion(time.UnixMilli(1+in.number))
	commits := commit.Config{Output: cfg.Output, Stage: cfg.Stage, Version: cfg.Version, Publish: true, Last: true}
	for _, table := range []string{schemas.ClustersTable, schemas.ItemClustersTable, schemas.ClusterModelTable} {
		commits.Tables = append(commits.Tables, schemas.Manifest{Table: table})
	}
	p, s := beam.NewPipelineWithRoot()
	catalogue := read.ReadItems(s, read.ItemsConfig{Stage: cfg.Stage, Output: cfg.Output, Version: cfg.Version, Source: itemSource})
	events := read.ReadEvents(s, read.EventsConfig{Stage: cfg.Stage, Source: eventSource, Key: read.ItemHash, Output: cfg.Output, Version: cfg.Version})
	baskets, gathered := Baskets(s, cfg, events.Blocks)
	commit.Commit(s, commits, catalogue.Entries, events.Entries, gathered, Fit(s, cfg, catalogue.Blocks, baskets))
	if err := ptest.Run(p); err != nil {
		t.Fatal(err)
	}
	a, err := commit.ReadAccount(t.Context(), out, cfg.Version, cfg.Stage)
	if err != nil {
		t.Fatal(err)
	}
	return out, a
}

// rowsOf reads the published version of a table.
func rowsOf[T any](t *testing.T, out store.Local, table string) []T {
	t.Helper()
	v, err := store.Current(t.Context(), out, table)
	if err != nil {
		t.Fatal(err)
	}
	rows, _, err := tables.Read[T](t.Context(), out, table, v)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// checkTables holds clusters/ and item_clusters/ against their definitions;
// traffic is each item's.
func checkTables(t *testing.T, out store.Local, clusters, levels int, traffic []float64) {
	t.Helper()
	members := rowsOf[schemas.ItemCluster](t, out, schemas.ItemClustersTable)
	if len(members) != items {
		t.Fatalf("item_clusters holds %d items, want %d", len(members), items)
	}
	leafItems, leafTraffic := map[int32]int64{}, map[int32]float64{}
	for i, m := range members {
		if m.ItemID != itemID(i) || m.Similarity < -1.000001 || m.Similarity > 1.000001 {
			t.Errorf("row %d is %+v", i, m)
		}
		leafItems[m.ClusterID]++
		leafTraffic[m.ClusterID] += traffic[i]
	}
	nodes := rowsOf[schemas.Cluster](t, out, schemas.ClustersTable)
	levelOf := map[int32]int32{}
	for _, c := range nodes {
		levelOf[c.ClusterID] = c.Level
	}
	sumItems, sumTraffic := make([]int64, levels), make([]float64, levels)
	childItems, childTraffic := map[int32]int64{}, map[int32]float64{}
	words := map[string]bool{}
	leaves := 0
	for i, c := range nodes {
		if c.ClusterID != int32(i) || int(c.Level) >= levels {
			t.Fatalf("row %d is cluster %d of level %d", i, c.ClusterID, c.Level)
		}
		sumItems[c.Level] += c.Items
		sumTraffic[c.Level] += c.Traffic
		if c.ParentID == nil {
			if c.Level != 0 {
				t.Errorf("cluster %d of level %d has no parent", i, c.Level)
			}
		} else if levelOf[*c.ParentID] != c.Level-1 {
			t.Errorf("cluster %d of level %d has a parent of level %d", i, c.Level, levelOf[*c.ParentID])
		} else {
			childItems[*c.ParentID] += c.Items
			childTraffic[*c.ParentID] += c.Traffic
		}
		place := fmt.Sprintf("%d %s", c.Level, c.Description)
		if words[place] || c.Description == "" || c.Description != strings.Join(c.Phrases, ", ") {
			t.Errorf("cluster %d is described as %q, %q", i, c.Description, c.Phrases)
		}
		words[place] = true
		norm := 0.0
		for _, x := range c.Centroid {
			norm += float64(x) * float64(x)
		}
		if math.Abs(norm-1) > 1e-4 {
			t.Errorf("the centroid of cluster %d has the squared length %v", i, norm)
		}
		if int(c.Level) < levels-1 {
			continue
		}
		leaves++
		if c.Items != leafItems[c.ClusterID] || c.Items == 0 || math.Abs(c.Traffic-leafTraffic[c.ClusterID]) > 1e-9 {
			t.Errorf("leaf %d has %d items and traffic %v, want %d and %v", i, c.Items, c.Traffic, leafItems[c.ClusterID], leafTraffic[c.ClusterID])
		}
	}
	if leaves != clusters {
		t.Errorf("%d leaves, want %d", leaves, clusters)
	}
	for level := range levels {
		if sumItems[level] != items || math.Abs(sumTraffic[level]-1) > 1e-9 {
			t.Errorf("level %d has %d items and traffic %v", level, sumItems[level], sumTraffic[level])
		}
	}
	for _, c := range nodes {
		if int(c.Level) < levels-1 && (c.Items != childItems[c.ClusterID] || math.Abs(c.Traffic-childTraffic[c.ClusterID]) > 1e-9) {
			t.Errorf("cluster %d has %d items and traffic %v, its children %d and %v", c.ClusterID, c.Items, c.Traffic, childItems[c.ClusterID], childTraffic[c.ClusterID])
		}
	}
}

// trafficOf is each item's share of the events of the catalogue before the
// cut, with how many events these are, and how many are of other items.
func trafficOf(log []event) (share []float64, known, unknown int64, users map[int]bool) {
	share, users = make([]float64, items), map[int]bool{}
	for _, e := range log {
		if e.second >= logCut {
			continue
		}
		users[e.user] = true
		if e.item >= items {
			unknown++
			continue
		}
		known++
		share[e.item]++
	}
	for i := range share {
		share[i] /= float64(known)
	}
	return share, known, unknown, users
}

func TestClustersOfTextsAndEvents(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	rows, log := itemRows(rng), randomEvents(rng, 4000)
	share, known, unknown, users := trafficOf(log)
	cfg := Config{Clusters: 9, Levels: 3, Seed: 1, Until: read.Until{Fixed: true, Micros: logCut * 1e6}}
	out, a := cluster(t, input{
		items:  map[string][]string{"items.csv": append([]string{itemHeader}, rows...)},
		events: eventLines(log), cfg: cfg,
	})
	if a.Exit != 0 {
		t.Fatal(a.Message)
	}
	checkTables(t, out, 9, 3, share)
	for name, want := range map[string]int64{
		"items": items, "clusters": 9, "item_rows": items, "event_rows": 4000, "training_users": int64(len(users)),
		"training_events": known + unknown, "training_events_unknown_item": unknown,
	} {
		if got := a.Tally.Counts[name]; got != want || want == 0 {
			t.Errorf("%s counts %d, want %d", name, got, want)
		}
	}
	load := map[int32]float64{}
	heaviest := 0.0
	for i, m := range rowsOf[schemas.ItemCluster](t, out, schemas.ItemClustersTable) {
		load[m.ClusterID] += share[i]
		heaviest = max(heaviest, load[m.ClusterID])
	}
	if got := a.Tally.Figures["heaviest_cluster_raw"]; math.Abs(got-9*heaviest) > 1e-9 {
		t.Errorf("the heaviest cluster carries %v times the mean, want %v", got, 9*heaviest)
	}
	kinds := map[string]int{}
	for _, r := range rowsOf[schemas.ModelEntry](t, out, schemas.ClusterModelTable) {
		kinds[r.Kind]++
	}
	if kinds["centroid"] != 9 || kinds["term"] < 15 {
		t.Errorf("cluster_model holds %v", kinds)
	}

	// Rows shuffled over two files make the same bytes.
	rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	rng.Shuffle(len(log), func(i, j int) { log[i], log[j] = log[j], log[i] })
	_, again := cluster(t, input{
		items: map[string][]string{
			"items1.csv": append([]string{itemHeader}, rows[:50]...),
			"items2.csv": append([]string{itemHeader}, rows[50:]...),
		},
		events: eventLines(log), cfg: cfg,
	})
	for table, m := range a.Tables {
		if !slices.Equal(m.Parts, again.Tables[table].Parts) {
			t.Errorf("%s depends on the order of rows", table)
		}
	}
}

func TestGivenEmbeddings(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	log := randomEvents(rng, 1000)
	share, _, _, _ := trafficOf(log)
	out, a := cluster(t, input{
		items:  map[string][]string{"items.csv": append([]string{itemHeader}, itemRows(rng)...)},
		events: eventLines(log), embedding: "vector",
		cfg: Config{Clusters: 3, Levels: 1, Seed: 1, Until: read.Until{Fixed: true, Micros: logCut * 1e6}},
	})
	if a.Exit != 0 {
		t.Fatal(a.Message)
	}
	checkTables(t, out, 3, 1, share)
	members := rowsOf[schemas.ItemCluster](t, out, schemas.ItemClustersTable)
	astray := 0
	for i, m := range members {
		if m.ClusterID != members[i%3].ClusterID {
			astray++
		}
	}
	if astray > items/10 { // balance moves a few
		t.Errorf("%d items are not with those of their direction", astray)
	}
	for _, r := range rowsOf[schemas.ModelEntry](t, out, schemas.ClusterModelTable) {
		if r.Kind != "centroid" || len(r.Vector) != 4 {
			t.Errorf("cluster_model holds %s %q of %d floats", r.Kind, r.Name, len(r.Vector))
		}
	}
}

func TestNoEventBeforeTheCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	out, a := cluster(t, input{
		items:  map[string][]string{"items.csv": append([]string{itemHeader}, itemRows(rng)...)},
		events: eventLines(randomEvents(rng, 50)),
		cfg:    Config{Levels: 4, Seed: 1, Until: read.Until{Fixed: true, Micros: 1e6}},
	})
	if a.Exit != 0 {
		t.Fatal(a.Message)
	}
	even := make([]float64, items)
	for i := range even {
		even[i] = 1. / items
	}
	checkTables(t, out, leastClusters, 4, even)
}

func TestDuplicatesAreRejected(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	rows := itemRows(rng)
	_, a := cluster(t, input{
		items: map[string][]string{
			"items1.csv": append([]string{itemHeader}, append(rows, "i005,again,the same id,1 1 1 1")...),
			"items2.csv": {itemHeader, "i007,again,in another file,1 1 1 1"},
		},
		events: eventLines(randomEvents(rng, 50)),
		cfg:    Config{Levels: 2, Seed: 1, Until: read.Until{Fraction: 1}, ItemIDColumn: "item_id"},
	})
	if a.Exit != 0 || a.Rejects != 2 || a.Tally.Counts["items"] != items {
		t.Errorf("exit %d (%s), %d rejects, %d items", a.Exit, a.Message, a.Rejects, a.Tally.Counts["items"])
	}
	rejects := rowsOf[schemas.Reject](t, "out", schemas.RejectsTable)
	for i, want := range []schemas.Reject{
		{Stage: "cluster", Source: "items1.csv:122", Reason: "column item_id: the item id is that of items1.csv:7: give every item an id of its own; the first one stays", Raw: "i005 again\nthe same id"},
		{Stage: "cluster", Source: "items2.csv:2", Reason: "column item_id: the item id is that of items1.csv:9: give every item an id of its own; the first one stays", Raw: "i007 again\nin another file"},
	} {
		if i >= len(rejects) || rejects[i] != want {
			t.Errorf("rejects are %+v, want %+v in place %d", rejects, want, i)
		}
	}
}

func TestWhatCannotBeClustered(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	rows, log := itemRows(rng), eventLines(randomEvents(rng, 50))
	until := read.Until{Fraction: 1}
	tests := []struct {
		name string
		in   input
		want string
	}{
		{"fewer items than clusters", input{
			items:  map[string][]string{"items.csv": append([]string{itemHeader}, rows...)},
			events: log, cfg: Config{Clusters: items + 1, Levels: 2, Until: until},
		}, "120 items cannot fill 121 clusters: give more items, or fewer --clusters"},
		{"a sample of fewer items than clusters", input{
			items:  map[string][]string{"items.csv": append([]string{itemHeader}, rows...)},
			events: log, cfg: Config{Clusters: 20, FitSample: 19, Levels: 2, Until: until},
		}, "--fit_sample=19 items cannot fill 20 clusters: fit on more items, or give fewer --clusters"},
		{"other ids", input{
			items:  map[string][]string{"items.csv": append([]string{itemHeader}, rows...)},
			events: []string{"user_id,item_id,timestamp", "u,1,1700000000"}, cfg: Config{Levels: 2, Until: until},
		}, "none of the 1 events before the cut is of an item in the catalogue"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			out, a := cluster(t, tc.in)
			if a.Exit != 1 || !strings.Contains(a.Message, tc.want) || len(a.Tables) != 0 {
				t.Errorf("exit %d, %q, tables %v; want %q", a.Exit, a.Message, a.Tables, tc.want)
			}
			if v, err := store.Current(t.Context(), out, schemas.ClustersTable); err == nil {
				t.Errorf("clusters %s was published", v)
			}
		})
	}
}
