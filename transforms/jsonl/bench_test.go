package jsonl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// benchRows is how many rows a benchmark's text has.
const benchRows = 50_000

// events are rows of 95 bytes.
func events() []byte {
	rng := rand.New(rand.NewPCG(1, 1))
	var b bytes.Buffer
	for range benchRows {
		fmt.Fprintf(&b, "{\"user_id\":\"u%06d\",\"item_id\":\"i%05d\",\"timestamp\":%d,\"device\":{\"os\":\"linux\"}}\n",
			rng.IntN(1e6), rng.IntN(1e5), 1_300_000_000+rng.IntN(1e8))
	}
	return b.Bytes()
}

func report(b *testing.B, rows int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
}

func benchScanner(b *testing.B, text []byte, rows int, columns ...string) {
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s := NewScanner(bytes.NewReader(text), Options{Columns: columns})
		n := 0
		for s.Scan() {
			if s.RowErr() == nil && s.Fields()[0] != nil {
				n++
			}
		}
		if n != rows || s.Err() != nil {
			b.Fatal(n, s.Err())
		}
	}
	report(b, rows)
}

func BenchmarkScanner(b *testing.B) {
	benchScanner(b, events(), benchRows, "user_id", "item_id", "timestamp")
}

func BenchmarkScannerNested(b *testing.B) {
	benchScanner(b, events(), benchRows, "device.os", "user_id", "item_id", "timestamp")
}

// BenchmarkScannerEmbedding reads items with 256 floats.
func BenchmarkScannerEmbedding(b *testing.B) {
	line := `{"item_id":"i1","title":"Caf\u00e9 \"noir\"","tags":["a","b"],"embedding":[` + strings.TrimSuffix(strings.Repeat("-0.0123456,", 256), ",") + "]}\n"
	benchScanner(b, []byte(strings.Repeat(line, 2000)), 2000, "item_id", "title", "tags", "embedding")
}

func BenchmarkEncodingJSON(b *testing.B) {
	text := events()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		d := json.NewDecoder(bytes.NewReader(text))
		for d.More() {
			var row struct {
				UserID    string `json:"user_id"`
				ItemID    string `json:"item_id"`
				Timestamp int64  `json:"timestamp"`
			}
			if err := d.Decode(&row); err != nil {
				b.Fatal(err)
			}
		}
	}
	report(b, benchRows)
}
