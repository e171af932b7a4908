package clustering

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"foray/schemas"
	"foray/transforms/read"
	"foray/transforms/tables"
)

// What a sample stands for is, on average, all items; heavy ones are in it.
func TestSampleStandsForAll(t *testing.T) {
	const n, heavy = 2000, 20
	ids, weight := make([]string, n), make([]float64, n)
	half := 0.0 // the weight of even items
	for i := range ids {
		ids[i] = fmt.Sprintf("i%04d", i)
		if i%7 != 3 {
			weight[i] = float64(1 + i%5)
		}
		if i < heavy {
			weight[i] = 1000
		}
		if i%2 == 0 {
			half += weight[i]
		}
	}
	mean := 0.0
	for seed := range uint64(50) {
		items, stands := sample(ids, weight, 300, nil, seed)
		if len(items) != 300 || len(stands) != 300 || !slices.IsSorted(items) || len(slices.Compact(slices.Clone(items))) != 300 {
			t.Fatalf("%d items that stand for %d", len(items), len(stands))
		}
		for i, item := range items {
			if i < heavy && (item != int32(i) || stands[i] != 1000) {
				t.Fatalf("item %d is in place %d and stands for %v", item, i, stands[i])
			}
			if stands[i] < weight[item] {
				t.Fatalf("item %d of weight %v stands for %v", item, weight[item], stands[i])
			}
			if item%2 == 0 {
				mean += stands[i] / 50
			}
		}
	}
	if math.Abs(mean/half-1) > 0.03 {
		t.Errorf("samples stand for %v, want %v", mean, half)
	}
	first, _ := sample(ids, weight, 300, nil, 1)
	second, _ := sample(ids, weight, 300, nil, 2)
	if slices.Equal(first, second) {
		t.Error("two seeds give one sample")
	}
	// An item that was not drawn makes no difference to the others.
	out := int32(0)
	for slices.Contains(first, out) {
		out++
	}
	less, _ := sample(slices.Delete(slices.Clone(ids), int(out), int(out)+1), slices.Delete(slices.Clone(weight), int(out), int(out)+1), 300, nil, 1)
	changed := 0
	for i, item := range less {
		if item >= out {
			item++
		}
		if first[i] != item {
			changed++
		}
	}
	if changed > 0 {
		t.Errorf("%d drawn items changed", changed)
	}
	if items, stands := sample(ids, weight, n, nil, 1); len(items) != n || stands != nil {
		t.Errorf("of a sample of all, %d items are in", len(items))
	}
	if items, _ := sample(ids, make([]float64, n), 10, nil, 1); len(items) != 10 {
		t.Errorf("without weights %d items are in", len(items))
	}
}

// Some items are surely in, and the sums are still those of all.
func TestSampleOfSureItems(t *testing.T) {
	const n = 400
	ids, weight, sure := make([]string, n), make([]float64, n), []int32{}
	total, mean := 0.0, 0.0
	for i := range ids {
		ids[i], weight[i] = fmt.Sprintf("i%03d", i), float64(1+i%5)
		if total += weight[i]; i%20 == 0 {
			sure = append(sure, int32(i))
		}
	}
	for seed := range uint64(50) {
		items, stands := sample(ids, weight, 60, sure, seed)
		for _, item := range sure {
			if at, in := slices.BinarySearch(items, item); !in || stands[at] != weight[item] {
				t.Fatalf("item %d is not in, or stands for others, too", item)
			}
		}
		for _, w := range stands {
			mean += w / 50
		}
	}
	if math.Abs(mean/total-1) > 0.03 {
		t.Errorf("samples stand for %v, want %v", mean, total)
	}
	if items, _ := sample(ids, weight, len(sure), sure, 1); !slices.Equal(items, sure) {
		t.Errorf("with room for no other, items %v are in", items)
	}
}

// A clustering of a sample has all items, and depends on neither their order
// nor the files they come in.
func TestFitOnASample(t *testing.T) {
	for _, embedding := range []string{"vector", ""} {
		t.Run("by "+embedding, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(15, 16))
			rows, log := itemRows(rng), randomEvents(rng, 3000)
			share, _, _, _ := trafficOf(log)
			in := input{
				items:  map[string][]string{"items.csv": append([]string{itemHeader}, rows...)},
				events: eventLines(log), embedding: embedding,
				cfg: Config{Clusters: 6, Levels: 2, Seed: 1, FitSample: 60, Until: read.Until{Fixed: true, Micros: logCut * 1e6}},
			}
			out, a := cluster(t, in)
			if a.Exit != 0 {
				t.Fatal(a.Message)
			}
			checkTables(t, out, 6, 2, share)
			if n := a.Tally.Counts; n[ItemsFitted] != 60 || n["items"] != items {
				t.Errorf("counted are %v", n)
			}
			if reached := a.Tally.Figures["reached_epsilon"]; reached > 0.25 {
				t.Errorf("the heaviest cluster is %.2f above the mean", reached)
			}
			rng.Shuffle(items, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
			in.items = map[string][]string{"items1.csv": append([]string{itemHeader}, rows[:50]...), "items2.csv": append([]string{itemHeader}, rows[50:]...)}
			_, again := cluster(t, in)
			for table, m := range a.Tables {
				if !slices.Equal(m.Parts, again.Tables[table].Parts) {
					t.Errorf("%s depends on the order of rows", table)
				}
			}

			// Going on from it keeps the items of the sample and the others.
			before := rowsOf[schemas.ItemCluster](t, out, schemas.ItemClustersTable)
			in.cfg.Clusters, in.cfg.Previous, in.after, in.number = 0, a.Version, string(out), 1
			in.items = map[string][]string{"items.csv": append([]string{itemHeader}, append(rows, "z,soup bread,cheese,0 1 0 0")...)}
			if _, a = cluster(t, in); a.Exit != 0 {
				t.Fatal(a.Message)
			}
			if n := a.Tally.Counts; n[ItemsCame] != 1 || n[ItemsGone] != 0 || n["items"] != items+1 || n[DescriptionsChanged] != 0 {
				t.Errorf("counted are %v", n)
			}
			// Other traffic, and a sample hardly larger than the clusters are many: none of
			// them is taken for empty.
			in.cfg.Previous, in.cfg.FitSample, in.cfg.Seed, in.number = a.Version, 7, 5, 2
			in.events = eventLines(randomEvents(rng, 300))
			_, few := cluster(t, in)
			if n := few.Tally.Counts; few.Exit != 0 || n[ItemsFitted] != 7 || n[ItemsMoved]+n[ClustersDied]+n[DescriptionsChanged] != 0 {
				t.Errorf("exit %d, %s, counted are %v", few.Exit, few.Message, n)
			}
			in.cfg.Previous, in.cfg.FitSample, in.number = few.Version, 5, 3
			if _, none := cluster(t, in); none.Exit != 1 || !strings.Contains(none.Message, "--fit_sample=5 items cannot fill 6 clusters: fit on more items") {
				t.Errorf("exit %d, %q", none.Exit, none.Message)
			}

			moved := int64(0)
			now, _, err := tables.Read[schemas.ItemCluster](t.Context(), out, schemas.ItemClustersTable, a.Version)
			if err != nil {
				t.Fatal(err)
			}
			for i, m := range before {
				if now[i].ItemID != m.ItemID {
					t.Fatalf("row %d is of %s, was of %s", i, now[i].ItemID, m.ItemID)
				}
				if now[i].ClusterID != m.ClusterID {
					moved++
				}
			}
			if moved != a.Tally.Counts[ItemsMoved] || moved > 6 {
				t.Errorf("%d items moved, %d are counted", moved, a.Tally.Counts[ItemsMoved])
			}
		})
	}
}
