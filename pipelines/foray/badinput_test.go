package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"foray/testdata/catalogue"
)

// inputs are a catalogue's files as lines, header first, for tests to spoil.
type inputs struct {
	items, events []string
}

func readInputs(t *testing.T) inputs {
	t.Helper()
	dirs, err := base()
	if err != nil {
		t.Fatal(err)
	}
	lines := func(name string) []string {
		data, err := os.ReadFile(filepath.Join(dirs.sources, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	}
	return inputs{lines(catalogue.ItemsFile), lines(catalogue.EventsFile)}
}

// change gives lines with one changed; line 1 is the header.
func change(lines []string, line int, to func(string) string) []string {
	changed := append([]string(nil), lines...)
	changed[line-1] = to(changed[line-1])
	return changed
}

// all changes every line but the header.
func all(lines []string, to func(string) string) []string {
	changed := append([]string(nil), lines...)
	for i := range changed[1:] {
		changed[i+1] = to(changed[i+1])
	}
	return changed
}

func text(lines []string) []byte { return []byte(strings.Join(lines, "\n") + "\n") }

// cell replaces a cell of a line without quotes.
func cell(at int, value string) func(string) string {
	return func(line string) string {
		cells := strings.Split(line, ",")
		cells[at] = value
		return strings.Join(cells, ",")
	}
}

func packed(t *testing.T, data []byte, by func(io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := by(&buf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func gzipped(t *testing.T, data []byte) []byte {
	return packed(t, data, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
}

func zstded(t *testing.T, data []byte) []byte {
	return packed(t, data, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) })
}

// asParquet writes events as Parquet.
func asParquet(t *testing.T, events []string) []byte {
	t.Helper()
	type row struct {
		User string `parquet:"user_id"`
		Item string `parquet:"item_id"`
		Time int64  `parquet:"timestamp"`
	}
	var buf bytes.Buffer
	w := parquet.NewGenericWriter[row](&buf, parquet.MaxRowsPerRowGroup(1000))
	for _, line := range events[1:] {
		var r row
		cells := strings.Split(line, ",")
		r.User, r.Item = cells[0], cells[1]
		if _, err := fmt.Sscan(cells[2], &r.Time); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]row{r}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestBadInput runs the command on spoiled files. What fails says what is
// wrong and where, and publishes nothing.
func TestBadInput(t *testing.T) {
	good := readInputs(t)
	items, events := text(good.items), text(good.events)
	half := func(data []byte) []byte { return data[:len(data)/2] }
	withVector := func(vector func(line int) string) []byte {
		lines := change(good.items, 1, func(s string) string { return "vector," + s })
		for i := range lines[1:] {
			lines[i+1] = `"` + vector(i+2) + `",` + lines[i+1]
		}
		return text(lines)
	}
	usual := func(line int) string { return fmt.Sprintf("%d.5 1 %d", line%7, line%5) }
	odd := func(line int, value string) func(int) string {
		return func(l int) string {
			if l == line {
				return value
			}
			return usual(l)
		}
	}
	tests := []struct {
		name  string
		files map[string][]byte // beside items.csv and events.csv, or in their place
		args  []string
		exit  int
		said  []string
	}{
		{"missing file", nil, []string{"--items", "none.csv"}, 2, []string{"--items=none.csv", "there is no file none.csv"}},
		{"empty file", map[string][]byte{"events.csv": nil}, nil, 1, []string{"events.csv: is empty"}},
		{"header alone", map[string][]byte{"events.csv": text(good.events[:1])}, nil, 1, []string{"--events=events.csv: holds no rows"}},
		{"header of items alone", map[string][]byte{"items.csv": text(good.items[:1])}, nil, 1, []string{"--items=items.csv: holds no rows"}},
		{"no row that can be read", map[string][]byte{"events.csv": text(all(good.events, func(s string) string { return s + ",extra" }))}, nil, 1,
			[]string{"--events=events.csv: no row at the head can be read: events.csv:2: found 5 fields, while the header has 4"}},
		{"a Parquet file without rows", map[string][]byte{"events.parquet": asParquet(t, good.events[:1])}, []string{"--events", "events.parquet"}, 1, []string{"--events=events.parquet: holds no rows"}},
		{"a glob that matches nothing", nil, []string{"--events", "log-*.csv"}, 2, []string{"no file matches log-*.csv"}},
		{"no such column", nil, []string{"--user_id_column", "user"}, 2, []string{"events.csv", `there is no column "user" among "user_id", "item_id", "timestamp"`}},
		{"a column twice", map[string][]byte{"items.csv": text(change(good.items, 1, func(s string) string { return strings.Replace(s, "description", "title", 1) }))}, nil, 2,
			[]string{`items.csv: --text_columns: there is more than one column "title", at 2 and 3: give them names of their own`}},
		{"wrong type", map[string][]byte{"events.csv": text(all(good.events, cell(2, "noon")))}, nil, 2, []string{"events.csv", "--timestamp_column=timestamp", `"noon"`}},
		{"wrong type further on", map[string][]byte{"events.csv": text(append(good.events[:3000:3000], all(good.events[2999:], cell(2, "noon"))[1:]...))}, nil, 1,
			[]string{"share of malformed rows among the events", "above --max_bad_rows=0.001", "events.csv, column timestamp: line 3001: ", "line 3002: ", "line 3003: ", `"noon"`}},
		{"mixed time units", map[string][]byte{"events.csv": text(append(good.events[:500:500], all(good.events[499:], cell(2, "1700000000000"))[1:]...))}, nil, 2,
			[]string{"events.csv", "the times are written in two ways"}},
		{"mixed time units further on", map[string][]byte{"events.csv": text(append(good.events[:3000:3000], all(good.events[2999:], cell(2, "1700000000000"))[1:]...))}, nil, 1,
			[]string{"column timestamp: line 3001: ", "looks like milliseconds since 1970, while the column's times are in seconds since 1970"}},
		{"times in the future", map[string][]byte{"events.csv": text(append(good.events[:3000:3000], all(good.events[2999:], cell(2, "4000000000"))[1:]...))}, nil, 1,
			[]string{"column timestamp: line 3001: ", "more than a year in the future"}},
		{"times of 1970", map[string][]byte{"events.csv": text(append(good.events[:3000:3000], all(good.events[2999:], cell(2, "17"))[1:]...))}, nil, 1,
			[]string{"column timestamp: line 3001: ", "is near 1970"}},
		{"duplicate item ids", map[string][]byte{"items.csv": text(append(good.items[:len(good.items):len(good.items)], good.items[5], good.items[7]))}, nil, 1,
			[]string{"share of malformed rows among the items", "2 rows of items.csv, column item_id: line 302: the item id is that of items.csv:6"}},
		{"unknown items only", map[string][]byte{"events.csv": text(all(good.events, func(s string) string { return strings.Replace(s, ",", ",x", 1) }))}, nil, 1,
			[]string{"above --max_unknown_items=0.2", `events.csv:2 names "x`, `events.csv:4 names "x`}},
		{"many unknown items", map[string][]byte{"items.csv": text(good.items[:200])}, nil, 1,
			[]string{"share of training events with items that are not in the catalogue", "above --max_unknown_items=0.2", "events.csv:"}},
		{"fewer items than clusters", map[string][]byte{"items.csv": text(good.items[:11])}, []string{"--max_unknown_items=1"}, 1,
			[]string{"10 items cannot fill 16 clusters"}},
		{"items with empty text", map[string][]byte{"items.csv": text(all(good.items, func(s string) string { return strings.SplitN(s, ",", 2)[0] + ",,," }))}, nil, 1,
			[]string{"300 rows of items.csv: line 2: the item has no text in any of its text columns"}},
		{"invalid UTF-8", map[string][]byte{"items.csv": text(change(good.items, 9, func(s string) string { return s[:len(s)-3] + "\xe9\"" + s[len(s)-3:] }))}, nil, 1,
			[]string{"items.csv, column ", "line 9: ", "is not UTF-8 (byte ", "is 0xe9)"}},
		{"UTF-16", map[string][]byte{"events.csv": append([]byte{0xff, 0xfe}, events...)}, nil, 1, []string{"events.csv", "the text is UTF-16"}},
		{"unbalanced quotes", map[string][]byte{"events.csv": text(change(change(change(change(change(change(good.events, 4, openQuote), 14, openQuote), 24, openQuote), 34, openQuote), 44, openQuote), 54, openQuote))}, nil, 1,
			[]string{"6 rows of events.csv: line 4: found ", "behind a closing quote", "line 14: "}},
		{"a quote that is never closed", map[string][]byte{"events.csv": text(change(good.events, 4990, openQuote))}, []string{"--max_bad_rows=0"}, 1,
			[]string{"1 row of events.csv: line 4990: found "}},
		{"a comma without quotes", map[string][]byte{"items.csv": text(change(good.items, 40, func(s string) string { return strings.Replace(s, ",", ",A, ", 1) }))}, nil, 1,
			[]string{"1 row of items.csv: line 40: found 5 fields, while the header has 4: a field with the delimiter in it needs quotes"}},
		{"columns that the header lacks", map[string][]byte{"events.csv": text(append(good.events[:3000:3000], all(good.events[2999:], func(s string) string { return s + ",shift,extra" })[1:]...))}, nil, 1,
			[]string{"events.csv: line 3001: found 6 fields, while the header has 4: a field with the delimiter in it needs quotes"}},
		{"columns that rows lack", map[string][]byte{"events.csv": text(change(change(good.events, 1, func(s string) string { return s + ",note" }), 9, func(s string) string { return s + ",x" }))}, nil, 1,
			[]string{"events.csv: line 2: found 4 fields, while the header has 5: give every column a field"}},
		{"truncated gzip", map[string][]byte{"events.csv.gz": half(gzipped(t, events))}, []string{"--events", "events.csv.gz"}, 1, []string{"events.csv.gz", "the gzip file is cut short"}},
		{"truncated zstd", map[string][]byte{"events.csv.zst": half(zstded(t, events))}, []string{"--events", "events.csv.zst"}, 1, []string{"events.csv.zst", "the zstd file is cut short"}},
		{"no gzip at all", map[string][]byte{"events.csv.gz": events}, []string{"--events", "events.csv.gz"}, 1, []string{"events.csv.gz: is no gzip file"}},
		{"truncated Parquet", map[string][]byte{"events.parquet": half(asParquet(t, good.events))}, []string{"--events", "events.parquet"}, 1, []string{"events.parquet: is cut short: the footer is missing"}},
		{"damaged Parquet", map[string][]byte{"events.parquet": spoiled(asParquet(t, good.events))}, []string{"--events", "events.parquet"}, 1, []string{"events.parquet: row group ", "cannot be read; it may be damaged"}},
		{"truncated JSON Lines", map[string][]byte{"events.jsonl": []byte(`{"user_id":"u","item_id":"i","timestamp":1700000000}` + "\n" + `{"user_id":"u","ite`)}, []string{"--events", "events.jsonl", "--max_unknown_items=1"}, 1,
			[]string{"1 row of events.jsonl: line 2: found the end of the line within the object"}},
		{"a JSON list", map[string][]byte{"events.json": []byte(`[{"user_id":"u"}]`)}, []string{"--events", "events.json"}, 1, []string{"events.json:1: cannot read on: the file is one JSON list", "jq -c '.[]'"}},
		{"an object for a column", map[string][]byte{"events.jsonl": []byte(`{"user_id":{"id":"u"},"item_id":"i","timestamp":1700000000}` + "\n")}, []string{"--events", "events.jsonl"}, 2,
			[]string{"events.jsonl: --user_id_column", `there is no column "user_id" among "user_id.id"`}},
		{"NaN in embeddings", map[string][]byte{"items.csv": withVector(odd(9, "1 NaN 2"))}, []string{"--embedding_column", "vector"}, 1,
			[]string{"1 row of items.csv, column vector: line 9: number 2 of the list of floats"}},
		{"infinity in embeddings", map[string][]byte{"items.csv": withVector(odd(9, "1 2 -inf"))}, []string{"--embedding_column", "vector"}, 1,
			[]string{"1 row of items.csv, column vector: line 9: number 3 of the list of floats"}},
		{"embeddings of differing lengths", map[string][]byte{"items.csv": withVector(odd(2, "1 2"))}, []string{"--embedding_column", "vector"}, 1,
			[]string{"1 row of items.csv, column vector: line 2: the embedding has 2 floats, most have 3"}},
		{"an output that cannot be written", map[string][]byte{"out": []byte("a file")}, nil, 1, []string{"--output=out cannot be written"}},
		{"a cut before all events", nil, []string{"--train_until", "2001-01-01"}, 1, []string{"no event that counts lies before --train_until=2001-01-01"}},
		{"an engagement of no column", nil, []string{"--min_engagement", "3"}, 2, []string{"--min_engagement=3: name the column that it is about with --engagement_column"}},
		{"a format that is none", nil, []string{"--input_format", "xlsx"}, 2, []string{"--input_format=xlsx"}},
		{"a format that it is not", nil, []string{"--input_format", "parquet"}, 1, []string{"items.csv: is no Parquet file"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			write(t, map[string][]byte{"items.csv": items, "events.csv": events})
			write(t, tc.files)
			r := foray(t, append([]string{"run", "--items", "items.csv", "--events", "events.csv", "--clusters", smallClusters, "--output", "out"}, tc.args...)...)
			r.want(t, tc.exit, tc.said...)
			if strings.Contains(r.stderr, "goroutine ") || strings.Contains(r.stderr, "DoFn") {
				t.Error("it shows its insides")
			}
			if published, err := filepath.Glob("out/*/CURRENT"); err != nil || len(published) > 0 && (len(published) > 1 || published[0] != "out/rejects/CURRENT") {
				t.Errorf("published: %q, %v", published, err)
			}
		})
	}
}

func openQuote(line string) string { return `"` + line }

// spoiled is a file with a hole in its first quarter.
func spoiled(data []byte) []byte {
	data = bytes.Clone(data)
	clear(data[len(data)/8 : len(data)/4])
	return data
}

func write(t *testing.T, files map[string][]byte) {
	t.Helper()
	for name, data := range files {
		if err := os.WriteFile(name, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
