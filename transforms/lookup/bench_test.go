package lookup

import (
	"math/rand/v2"
	"testing"

	"foray/schemas"
	"foray/transforms/store"
)

// 761 clusters, the size of the published method: 578,360 keys of two.
const benchClusters = 761

func benchTable(b *testing.B) (store.Bucket, []schemas.Lookup) {
	bucket := store.Local(b.TempDir())
	f := fixture{version: version, k: 2, order: orderSequence, parts: 8, rows: rowsOf(allKeys(leaves(benchClusters), 2, orderSequence), 0)}
	f.publish(b, bucket)
	return bucket, f.rows
}

func BenchmarkOpen(b *testing.B) {
	bucket, rows := benchTable(b)
	b.ReportAllocs()
	for b.Loop() {
		open(b, bucket)
	}
	b.ReportMetric(float64(len(rows)), "rows")
}

func benchmarkPlan(b *testing.B, hashed bool) {
	bucket, rows := benchTable(b)
	table := open(b, bucket)
	if hashed {
		columns, err := (&Table{manifest: table.manifest}).loadParts(b.Context(), bucket)
		if err != nil {
			b.Fatal(err)
		}
		table.index = newHash(columns.keys, columns.planned, table.k)
	}
	random := rand.New(rand.NewPCG(1, 2))
	keys := make([][2]int32, 1<<16)
	for i := range keys {
		k := rows[random.IntN(len(rows))].Key
		keys[i] = [2]int32{k[0], k[1]}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		k := &keys[i&(len(keys)-1)]
		table.Plan(k[0], k[1])
		i++
	}
}

func BenchmarkPlanArray(b *testing.B) { benchmarkPlan(b, false) }
func BenchmarkPlanHash(b *testing.B)  { benchmarkPlan(b, true) }

func BenchmarkRow(b *testing.B) {
	bucket, rows := benchTable(b)
	table := open(b, bucket)
	i := 0
	for b.Loop() {
		if _, ok, err := table.Row(rows[i*7919%len(rows)].Key...); err != nil || !ok {
			b.Fatal(ok, err)
		}
		i++
	}
}
