package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"foray/schemas"
	"foray/testdata/catalogue"
)

// TestEveryFormatGivesTheSameTables reads the same events in many forms.
func TestEveryFormatGivesTheSameTables(t *testing.T) {
	good := readInputs(t)
	events := text(good.events)
	rowsOf := func(render func(user, item, time string) string) []byte {
		var lines []string
		for _, line := range good.events[1:] {
			cells := strings.Split(line, ",")
			lines = append(lines, render(cells[0], cells[1], cells[2]))
		}
		return text(lines)
	}
	jsonLine := func(v any) string {
		line, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(line)
	}
	flat := rowsOf(func(user, item, time string) string {
		return fmt.Sprintf(`{"item_id":%q,"user_id":%q,"timestamp":%s}`, item, user, time)
	})
	nested := rowsOf(func(user, item, time string) string {
		return jsonLine(map[string]any{"at": time, "who": map[string]any{"id": user}, "what": map[string]any{"item": map[string]string{"id": item}}})
	})
	nestedColumns := []string{"--user_id_column=who.id", "--event_item_id_column=what.item.id", "--timestamp_column=at"}
	bare := rowsOf(func(user, item, time string) string { return user + "::" + item + "::" + time })
	quotedLines := rowsOf(func(user, item, time string) string {
		return fmt.Sprintf("%q,\"a\nnote, \"\"quoted\"\"\",%q,%q", user, item, time)
	})
	// Large numbers: a field of 10 MB beside the columns that are read.
	wide := change(good.events, 1, func(s string) string { return s + ",note" })
	for i := range wide[1:] {
		wide[i+1] += ",x"
	}
	wide = change(wide, 77, func(s string) string { return s + strings.Repeat("y", 10<<20) })
	forms := []struct {
		name string
		data []byte
		args []string
	}{
		{"events.csv", events, nil},
		{"mark.csv", append([]byte("\xef\xbb\xbf"), events...), nil},
		{"crlf.csv", []byte(strings.ReplaceAll(string(events), "\n", "\r\n")), nil},
		{"wide.csv", text(wide), nil},
		{"quoted.csv", append([]byte("user_id,note,item_id,timestamp\n"), quotedLines...), nil},
		{"events.tsv", []byte(strings.ReplaceAll(string(events), ",", "\t")), nil},
		{"tabs.txt", []byte(strings.ReplaceAll(string(events), ",", "\t")), []string{`--delimiter=\t`}},
		{"events.dat", bare, []string{"--no_header", "--delimiter=::", "--user_id_column=1", "--event_item_id_column=2", "--timestamp_column=3"}},
		{"events.csv.gz", gzipped(t, events), nil},
		{"events.csv.zst", zstded(t, events), nil},
		{"packed", gzipped(t, events), nil},
		{"events.jsonl", flat, nil},
		{"lines", flat, nil},
		{"nested.jsonl.gz", gzipped(t, nested), nestedColumns},
		{"events.parquet", asParquet(t, good.events), nil},
		{"columns", asParquet(t, good.events), nil},
	}
	// item_id names the column of items, too, where the events' has no name.
	var want []string
	for _, form := range forms {
		output, _ := curated(t)
		path := filepath.Join(t.TempDir(), form.name)
		if err := os.WriteFile(path, form.data, 0o666); err != nil {
			t.Fatal(err)
		}
		foray(t, append([]string{"curate", "--events", path, "--output", output}, form.args...)...).want(t, 0)
		var got []string
		for _, table := range []string{schemas.TransitionsTable, schemas.KeysTable, schemas.TrainingTable} {
			m := newest(t, output, table)
			if m.Counts["event_rows"] != int64(len(good.events)-1) || m.Counts["event_rows_rejected"] != 0 {
				t.Errorf("%s: counts %v", form.name, m.Counts)
			}
			for _, p := range m.Parts {
				got = append(got, p.SHA256)
			}
		}
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s gives other tables", form.name)
		}
	}
}

// TestItemsOfEveryFormat reads the same items in several forms.
func TestItemsOfEveryFormat(t *testing.T) {
	dirs, err := base()
	if err != nil {
		t.Fatal(err)
	}
	items, err := catalogueItems(filepath.Join(dirs.sources, catalogue.ItemsFile))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, it := range items {
		line, err := json.Marshal(map[string]any{"item_id": it[0], "title": it[1], "description": it[2], "category": []string{it[3]}})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	want := newest(t, dirs.output, schemas.ItemClustersTable).Parts
	for name, data := range map[string][]byte{"items.jsonl": text(lines), "items.json.zst": zstded(t, text(lines)), "items.parquet": itemsAsParquet(t, items)} {
		folder := t.TempDir()
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		output := filepath.Join(folder, "out")
		foray(t, "cluster", "--items", path, "--events", filepath.Join(dirs.sources, catalogue.EventsFile), "--clusters", smallClusters, "--output", output).want(t, 0)
		if got := newest(t, output, schemas.ItemClustersTable).Parts; !slices.Equal(got, want) {
			t.Errorf("%s gives other clusters", name)
		}
	}
}

// catalogueItems reads the cells of a catalogue's items.
func catalogueItems(path string) ([][]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	return rows[1:], err
}

func itemsAsParquet(t *testing.T, items [][]string) []byte {
	t.Helper()
	type row struct {
		ID          string   `parquet:"item_id"`
		Title       string   `parquet:"title,optional"`
		Description string   `parquet:"description"`
		Category    []string `parquet:"category,list"`
	}
	var buf bytes.Buffer
	w := parquet.NewGenericWriter[row](&buf)
	for _, it := range items {
		if _, err := w.Write([]row{{it[0], it[1], it[2], []string{it[3]}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
