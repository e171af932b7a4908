package catalogue

import (
	"bytes"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

var files = []string{ItemsFile, EventsFile, InterestsFile, TruthItemsFile, TransitionsFile}

func write(t *testing.T, w *World) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := w.Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// rows reads a file with encoding/csv, after its header.
func rows(t *testing.T, dir, name string, header ...string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range header {
		if len(all[0]) != len(header) || all[0][i] != h {
			t.Fatalf("%s has the columns %v, want %v", name, all[0], header)
		}
	}
	return all[1:]
}

func TestFilesHoldTheWorld(t *testing.T) {
	w := generate(t, DefaultOptions())
	dir := write(t, w)
	items := rows(t, dir, ItemsFile, "item_id", "title", "description", "category")
	truth := rows(t, dir, TruthItemsFile, "item_id", "interest", "theme")
	if len(items) != len(w.Items) || len(truth) != len(w.Items) {
		t.Fatalf("%d items and %d true ones of %d", len(items), len(truth), len(w.Items))
	}
	for i, item := range w.Items {
		if got := (Item{items[i][0], items[i][1], items[i][2], items[i][3]}); got != item {
			t.Fatalf("read %+v, want %+v", got, item)
		}
		in := w.Truth.Interests[w.Truth.ItemInterest[i]]
		if truth[i][0] != item.ID || truth[i][1] != in.Name || truth[i][2] != in.Theme {
			t.Fatalf("the truth of %s is %v", item.ID, truth[i])
		}
	}
	events := rows(t, dir, EventsFile, "user_id", "item_id", "timestamp", "rating")
	if len(events) != len(w.Events) {
		t.Fatalf("%d events of %d", len(events), len(w.Events))
	}
	for i, e := range w.Events {
		want := []string{w.UserID(e.User), w.Items[e.Item].ID, strconv.Itoa(int(e.Time)), strconv.Itoa(int(e.Rating))}
		for c := range want {
			if events[i][c] != want[c] {
				t.Fatalf("event %d is %v, want %v", i, events[i], want)
			}
		}
	}
}

// TestTransitionsFileIsWhole rebuilds Next from the files, as their doc says.
func TestTransitionsFileIsWhole(t *testing.T) {
	o := DefaultOptions()
	o.Interests = 20
	w := generate(t, o)
	dir := write(t, w)
	index := map[string]int{}
	var popularity []float64
	for i, row := range rows(t, dir, InterestsFile, "interest", "theme", "items", "popularity") {
		index[row[0]] = i
		p, err := strconv.ParseFloat(row[3], 64)
		if err != nil || row[0] != w.Truth.Interests[i].Name || row[1] != w.Truth.Interests[i].Theme || row[2] != strconv.Itoa(w.Truth.Interests[i].Items) {
			t.Fatalf("interest %d is %v (%v)", i, row, err)
		}
		popularity = append(popularity, p)
	}
	listed := map[[2]int]map[int]float64{}
	for _, row := range rows(t, dir, TransitionsFile, "interest_1", "interest_2", "next_interest", "probability") {
		key := [2]int{index[row[0]], index[row[1]]}
		p, err := strconv.ParseFloat(row[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		if listed[key] == nil {
			listed[key] = map[int]float64{}
		}
		listed[key][index[row[2]]] = p
	}
	for a := range 20 {
		for b := range 20 {
			if a == b {
				continue
			}
			left, others := 1.0, 0.0
			for x, q := range popularity {
				if p, ok := listed[[2]int{a, b}][x]; ok {
					left -= p
				} else if x != a && x != b {
					others += q
				}
			}
			for x, want := range w.Truth.Next(a, b) {
				got, ok := listed[[2]int{a, b}][x]
				if !ok && x != a && x != b {
					got = left * popularity[x] / others
				}
				if math.Abs(got-want) > 2e-4 {
					t.Fatalf("P(%d | %d, %d) is %.5f by the files, want %.5f", x, a, b, got, want)
				}
			}
		}
	}
}

func TestSameOptionsSameBytes(t *testing.T) {
	a, b := write(t, generate(t, DefaultOptions())), write(t, generate(t, DefaultOptions()))
	other := write(t, generate(t, withSeed(2)))
	var total int
	for _, name := range files {
		one, two, three := read(t, a, name), read(t, b, name), read(t, other, name)
		if !bytes.Equal(one, two) {
			t.Errorf("%s differs", name)
		}
		if bytes.Equal(one, three) {
			t.Errorf("%s is the same for another seed", name)
		}
		total += len(one)
	}
	if total > 5<<20 {
		t.Errorf("the demo has %d bytes", total)
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWriteReplacesFiles(t *testing.T) {
	w := generate(t, Options{Items: 5, Users: 1, Events: 1, Interests: 5})
	dir := write(t, w)
	if err := w.Write(dir); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != len(files) {
		t.Errorf("%d files, want %d", len(entries), len(files))
	}
}

func TestWriteTellsWhatFailed(t *testing.T) {
	w := generate(t, Options{Items: 5, Users: 1, Events: 1, Interests: 5})
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(file); err == nil {
		t.Error("a file was taken for a folder")
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, EventsFile, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(dir); err == nil {
		t.Error("a folder was replaced by events")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*.csv.*")); len(left) > 0 {
		t.Errorf("%v was left behind", left)
	}
}
