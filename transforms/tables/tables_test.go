package tables

import (
	"bytes"
	"reflect"
	"testing"

	"foray/schemas"
	"foray/transforms/store"
)

func lookupRows(n, k int) []schemas.Lookup {
	rows := make([]schemas.Lookup, n)
	for i := range rows {
		key := make([]int32, k)
		for j := range key {
			key[j] = int32(i*k + j)
		}
		rows[i] = schemas.Lookup{Key: key, Status: schemas.StatusNoMatch, Samples: 1, Model: "m", PromptVersion: "p", Traffic: 1 / float64(n)}
		if i%3 > 0 {
			c := int32(i % 700)
			rows[i].Status, rows[i].NovelCluster, rows[i].NovelDescription, rows[i].Votes = schemas.StatusOK, &c, "tea, cups", 1
			for j := range i % 11 {
				rows[i].Candidates = append(rows[i].Candidates, schemas.Candidate{Cluster: c + int32(j), Votes: 1, Score: 1 / float64(j+1)})
			}
		}
	}
	return rows
}

func TestKeyedRoundTrip(t *testing.T) {
	ctx := t.Context()
	b := store.Local(t.TempDir())
	for k := 1; k <= schemas.MaxHistory; k++ {
		version := store.PartName(k, 9, "")
		version = "v=" + version
		rows := lookupRows(1500, k)
		var receipts []store.Receipt
		for shard, part := range [][]schemas.Lookup{rows[:700], nil, rows[700:]} {
			r, err := WriteKeyedShard(ctx, b, schemas.LookupTable, version, shard, 3, k, part)
			if err != nil {
				t.Fatal(err)
			}
			receipts = append(receipts, r)
		}
		if _, err := store.Commit(ctx, b, schemas.Manifest{Table: schemas.LookupTable, Version: version}, receipts); err != nil {
			t.Fatal(err)
		}
		got, m, err := ReadKeyed[schemas.Lookup](ctx, b, schemas.LookupTable, version)
		if err != nil {
			t.Fatal(err)
		}
		if m.Rows() != int64(len(rows)) {
			t.Errorf("K=%d: the manifest counts %d rows, want %d", k, m.Rows(), len(rows))
		}
		for i := range rows {
			if len(got[i].Candidates) == 0 {
				got[i].Candidates = nil
			}
			if !reflect.DeepEqual(got[i], rows[i]) {
				t.Fatalf("K=%d row %d: got %+v, want %+v", k, i, got[i], rows[i])
			}
		}
	}
}

func TestRowRoundTripOverRowGroups(t *testing.T) {
	rows := make([]schemas.ItemCluster, rowGroupRows+7)
	for i := range rows {
		rows[i] = schemas.ItemCluster{ItemID: store.PartName(i, len(rows), "é"), ClusterID: int32(i % 97), Similarity: float32(i)}
	}
	var a, b bytes.Buffer
	for _, w := range []*bytes.Buffer{&a, &b} {
		if err := Encode(w, rows); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same rows gave other bytes")
	}
	got, err := Decode[schemas.ItemCluster](a.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, rows) {
		t.Error("rows changed on the way")
	}
	if _, err := Decode[schemas.ItemCluster](nil); err == nil {
		t.Error("an empty file was read as a table")
	}
}

func encodeKeyed(t testing.TB, rows []schemas.Lookup, k int) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := NewKeyedWriter[schemas.Lookup](&buf, k)
	for i := range rows {
		if err := w.Write(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestKeyedFileReadsRowsByNumber(t *testing.T) {
	rows := lookupRows(rowGroupRows+2000, 2)
	f, err := OpenKeyed[schemas.Lookup](encodeKeyed(t, rows, 2))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from    int64
		n, want int
	}{{0, 1, 1}, {1, 3, 3}, {4321, 1, 1}, {rowGroupRows - 1, 2, 2}, {int64(len(rows)) - 1, 5, 1}, {int64(len(rows)), 1, 0}, {1 << 40, 1, 0}, {5, 0, 0}} {
		got, err := f.Read(c.from, c.n)
		if err != nil || len(got) != c.want {
			t.Fatalf("%d rows from %d: got %d, %v; want %d", c.n, c.from, len(got), err, c.want)
		}
		for i, row := range got {
			if want := rows[c.from+int64(i)]; !reflect.DeepEqual(row.Key, want.Key) || row.Status != want.Status || len(row.Candidates) != len(want.Candidates) {
				t.Errorf("row %d is %+v, want %+v", c.from+int64(i), row, want)
			}
		}
	}
}

func TestOpenKeyedRefuses(t *testing.T) {
	type tooLong struct {
		C1 int32 `parquet:"cluster_1"`
		C2 int32 `parquet:"cluster_2"`
		C3 int32 `parquet:"cluster_3"`
		C4 int32 `parquet:"cluster_4"`
		C5 int32 `parquet:"cluster_5"`
		C6 int32 `parquet:"cluster_6"`
		C7 int32 `parquet:"cluster_7"`
		C8 int32 `parquet:"cluster_8"`
		C9 int32 `parquet:"cluster_9"`
	}
	var long, none bytes.Buffer
	if err := Encode(&long, []tooLong{{}}); err != nil {
		t.Fatal(err)
	}
	if err := Encode(&none, []schemas.Metric{{}}); err != nil {
		t.Fatal(err)
	}
	for what, data := range map[string][]byte{"keys of 9": long.Bytes(), "no key": none.Bytes(), "nothing": nil, "no Parquet": []byte("PAR1PAR1PAR1")} {
		if _, err := DecodeKeyed[schemas.KeyTraffic](data); err == nil {
			t.Errorf("%s: read", what)
		}
	}
}

func BenchmarkKeyedWrite(b *testing.B) {
	rows := lookupRows(65536, 2)
	for b.Loop() {
		var buf bytes.Buffer
		w := NewKeyedWriter[schemas.Lookup](&buf, 2)
		for i := range rows {
			if err := w.Write(&rows[i]); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(rows)*b.N)/b.Elapsed().Seconds(), "rows/s")
}
