package clustering

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"foray/schemas"
	"foray/transforms/read"
	"foray/transforms/store"
)

// Later items join a clustering, by their vectors or their words.
func TestLaterItemsAreAssigned(t *testing.T) {
	for _, embedding := range []string{"vector", ""} {
		t.Run("by "+embedding, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(11, 12))
			rows, log := itemRows(rng), randomEvents(rng, 3000)
			share, _, _, _ := trafficOf(log)
			until := read.Until{Fixed: true, Micros: logCut * 1e6}
			first := input{
				items:  map[string][]string{"items.csv": append([]string{itemHeader}, append(rows[:90:90], "z,soup bread,cheese,0 1 0 0")...)},
				events: eventLines(log), embedding: embedding, cfg: Config{Clusters: 6, Levels: 2, Seed: 1, Until: until},
			}
			out, fit := cluster(t, first)
			if fit.Exit != 0 {
				t.Fatal(fit.Message)
			}
			before, nodes := rowsOf[schemas.ItemCluster](t, out, schemas.ItemClustersTable), rowsOf[schemas.Cluster](t, out, schemas.ClustersTable)

			// One went, thirty came, of which one comes twice.
			shuffled := append(slices.Clone(rows), rows[100])
			rng.Shuffle(items, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			second := input{
				items:  map[string][]string{"items1.csv": append([]string{itemHeader}, shuffled[:70]...), "items2.csv": append([]string{itemHeader}, shuffled[70:]...)},
				events: eventLines(log), embedding: embedding, after: string(out), number: 1,
				cfg: Config{AssignOnly: fit.Version, Epsilon: .05, Until: until, ItemIDColumn: "item_id"},
			}
			_, a := cluster(t, second)
			if a.Exit != 0 {
				t.Fatal(a.Message)
			}
			for name, want := range map[string]int64{"items": items, ItemsCame: items - 90, ItemsKept: 90, ItemsGone: 1, ClustersEmpty: 0} {
				if got := a.Tally.Counts[name]; got != want {
					t.Errorf("%s counts %d, want %d", name, got, want)
				}
			}
			if a.Rejects != 1 || !strings.Contains(a.Faults[0].String(), "give every item an id of its own; the first one stays") {
				t.Errorf("%d rows are rejected, %v", a.Rejects, a.Faults)
			}
			checkTables(t, out, 6, 2, share)
			now := rowsOf[schemas.ItemCluster](t, out, schemas.ItemClustersTable)
			for i := range 90 {
				if now[i] != before[i] {
					t.Errorf("%+v became %+v", before[i], now[i])
				}
			}
			theme := map[int32][3]int{} // of the clusters' items
			for i, m := range now {
				n := theme[m.ClusterID]
				n[i%3]++
				theme[m.ClusterID] = n
			}
			astray := 0
			for i, m := range now[90:] {
				if n := theme[m.ClusterID]; n[i%3] != max(n[0], n[1], n[2]) {
					astray++
				}
			}
			if astray > 6 { // balance moves some
				t.Errorf("%d of 30 later items are not with those of their theme", astray)
			}
			for i, c := range rowsOf[schemas.Cluster](t, out, schemas.ClustersTable) {
				was := nodes[i]
				if c.ClusterID != was.ClusterID || c.Description != was.Description || !slices.Equal(c.Phrases, was.Phrases) || !slices.Equal(c.Centroid, was.Centroid) {
					t.Errorf("cluster %+v became %+v", was, c)
				}
			}
			if !slices.Equal(a.Tables[schemas.ClusterModelTable].Parts, fit.Tables[schemas.ClusterModelTable].Parts) {
				t.Error("cluster_model changed")
			}
			load := make([]float64, 6)
			for i, m := range now {
				load[m.ClusterID] += share[i]
			}
			if got := a.Tally.Figures["heaviest_cluster_raw"]; math.Abs(got-6*slices.Max(load)) > 1e-9 {
				t.Errorf("the heaviest cluster carries %v times the mean, want %v", got, 6*slices.Max(load))
			}
		})
	}
}

func TestWhatCannotBeAssigned(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	rows, log := itemRows(rng), eventLines(randomEvents(rng, 300))
	until := read.Until{Fraction: 1}
	out, fit := cluster(t, input{
		items:  map[string][]string{"items.csv": append([]string{itemHeader}, rows[:90]...)},
		events: log, embedding: "vector", cfg: Config{Clusters: 6, Levels: 2, Seed: 1, Until: until},
	})
	for i, tc := range []struct {
		name string
		rows []string
		want string
	}{
		{"another length", []string{"i000,a,b,1 2", "i001,a,b,1 2"}, "the items' embeddings have 2 floats, and those that cluster_model v="},
		{"only later items", rows[90:], "none of the 90 items of item_clusters v=19700101T000000.001Z is among --items: give the whole catalogue"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, a := cluster(t, input{
				items:  map[string][]string{"items.csv": append([]string{itemHeader}, tc.rows...)},
				events: log, embedding: "vector", after: string(out), number: int64(i + 1),
				cfg: Config{AssignOnly: fit.Version, Until: until},
			})
			if a.Exit != 1 || !strings.Contains(a.Message, tc.want) || len(a.Tables) != 0 {
				t.Errorf("exit %d, %q, tables %v; want %q", a.Exit, a.Message, a.Tables, tc.want)
			}
			if v, err := store.Current(t.Context(), out, schemas.ClustersTable); err != nil || v != fit.Version {
				t.Errorf("clusters %s is published, %v", v, err)
			}
		})
	}
}

// Texts may hold no word at all; then engagement alone makes the clusters, and
// later items join the lightest.
func TestLaterItemsWithoutAWord(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	rows := make([]string, items)
	for i := range rows {
		rows[i] = itemID(i) + ",!!!"
	}
	log, until := eventLines(randomEvents(rng, 2000)), read.Until{Fraction: 1}
	in := input{items: map[string][]string{"items.csv": append([]string{"item_id,title"}, rows[:90]...)}, events: log, cfg: Config{Clusters: 6, Levels: 1, Until: until}}
	out, fit := cluster(t, in)
	in.items["items.csv"] = append([]string{"item_id,title"}, rows...)
	in.cfg, in.after, in.number = Config{AssignOnly: fit.Version, Until: until}, string(out), 1
	if _, a := cluster(t, in); a.Exit != 0 || a.Tally.Counts[ItemsCame] != items-90 {
		t.Errorf("exit %d, %q, counted are %v", a.Exit, a.Message, a.Tally.Counts)
	}
}
