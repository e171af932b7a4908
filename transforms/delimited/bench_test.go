package delimited

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// benchRows is how many rows a benchmark's text has.
const benchRows = 100_000

// events are rows of user, item and time, 25 bytes each.
func events(delimiter string, quoted bool) []byte {
	rng := rand.New(rand.NewPCG(1, 1))
	var b bytes.Buffer
	for range benchRows {
		format := "%06d%s%06d%s%d\n"
		if quoted {
			format = "%06d%s\"%04d\"%s%d\n"
		}
		fmt.Fprintf(&b, format, rng.IntN(1e6), delimiter, rng.IntN(1e4), delimiter, 1_300_000_000+rng.IntN(1e8))
	}
	return b.Bytes()
}

func report(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
}

func benchScanner(b *testing.B, text []byte, delimiter string) {
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s := NewScanner(bytes.NewReader(text), Options{Delimiter: delimiter})
		rows := 0
		for s.Scan() {
			if len(s.Fields()) == 3 {
				rows++
			}
		}
		if rows != benchRows || s.Err() != nil {
			b.Fatal(rows, s.Err())
		}
	}
	report(b)
}

func benchEncodingCSV(b *testing.B, text []byte) {
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r := csv.NewReader(bytes.NewReader(text))
		r.ReuseRecord = true
		rows := 0
		for ; ; rows++ {
			if _, err := r.Read(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		if rows != benchRows {
			b.Fatal(rows)
		}
	}
	report(b)
}

func BenchmarkScanner(b *testing.B)           { benchScanner(b, events(",", false), ",") }
func BenchmarkEncodingCSV(b *testing.B)       { benchEncodingCSV(b, events(",", false)) }
func BenchmarkScannerQuoted(b *testing.B)     { benchScanner(b, events(",", true), ",") }
func BenchmarkEncodingCSVQuoted(b *testing.B) { benchEncodingCSV(b, events(",", true)) }
func BenchmarkScannerLong(b *testing.B)       { benchScanner(b, events("::", false), "::") }
