package read

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
	"github.com/klauspost/compress/zstd"

	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/partition"
	"foray/transforms/spill"
	"foray/transforms/store"
	"foray/transforms/tables"
)

func TestMain(m *testing.M) { ptest.Main(m) }

// collected is what a pipeline gave; the runner is in this process.
var collected struct {
	sync.Mutex
	entries []commit.Entry
	blocks  map[int]partition.Blocks
	items   []Items
}

func collectEntry(e commit.Entry) {
	collected.Lock()
	defer collected.Unlock()
	collected.entries = append(collected.entries, e)
}

func collectBlock(partition int, block []byte) {
	collected.Lock()
	defer collected.Unlock()
	collected.blocks[partition] = append(collected.blocks[partition], block)
}

func collectItems(block ItemBlock) error {
	collected.Lock()
	defer collected.Unlock()
	var r spill.Reader
	defer r.Close()
	items, err := block.Load(&r)
	if err != nil {
		return err
	}
	items.Vectors, err = block.LoadVectors(&r)
	collected.items = append(collected.items, items)
	return err
}

func init() {
	register.Function1x0(collectEntry)
	register.Function2x0(collectBlock)
	register.Function1x1(collectItems)
}

// run runs a pipeline that writes below output and gives the sum of its
// tallies, its rejects by source and its failures.
func run(t *testing.T, output string, build func(beam.Scope)) (tally commit.Tally, rejects map[string]schemas.Reject, failures []string) {
	t.Helper()
	collected.entries, collected.items = nil, nil
	collected.blocks = map[int]partition.Blocks{}
	p, s := beam.NewPipelineWithRoot()
	build(s)
	ptest.RunAndValidate(t, p)
	rejects = map[string]schemas.Reject{}
	for _, e := range collected.entries {
		switch {
		case e.Tally != nil:
			tally.Add(*e.Tally)
		case e.Rejected != nil && e.Rejected.File != "":
			data, err := os.ReadFile(filepath.Join(output, e.Rejected.File))
			if err != nil {
				t.Fatal(err)
			}
			rows, err := tables.Decode[schemas.Reject](data)
			if err != nil || int64(len(rows)) != e.Rejected.Rows {
				t.Fatalf("%d rejected rows, want %d, %v", len(rows), e.Rejected.Rows, err)
			}
			for _, r := range rows {
				if _, ok := rejects[r.Source]; ok {
					t.Errorf("%s is rejected twice", r.Source)
				}
				rejects[r.Source] = r
			}
		case e.Failure != nil:
			failures = append(failures, e.Failure.Message)
		}
	}
	return tally, rejects, failures
}

// pack compresses content as the name's extension says.
func pack(t *testing.T, name, content string) string {
	t.Helper()
	var buf bytes.Buffer
	var w io.WriteCloser
	switch filepath.Ext(name) {
	case ".gz":
		w = gzip.NewWriter(&buf)
	case ".zst":
		z, err := zstd.NewWriter(&buf)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	default:
		return content
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// fate is what a row of events is to come to.
type fate int

const (
	used fate = iota
	unknownItem
	lowEngagement
	noUser
	badUser
	badTime
	badEngagement
	tooShort
	fates
)

// reasons are words that a reject's reason holds.
var reasons = map[fate]string{
	noUser: "user id is empty", badUser: "not UTF-8", badTime: "noon", badEngagement: "many", tooShort: "give every column a field",
}

// logRow is one row of a log.
type logRow struct {
	fate       fate
	user, item string
	seconds    int64
	engagement string
}

// cells are the row's cells, user, item, engagement and time.
func (r logRow) cells() []string {
	switch r.fate {
	case badTime:
		return []string{r.user, r.item, r.engagement, "noon"}
	case tooShort:
		return []string{r.user, r.item}
	}
	return []string{r.user, r.item, r.engagement, fmt.Sprint(r.seconds)}
}

const (
	knownItems = 20
	leaves     = 3
	anyTime    = 1_700_000_000
)

// randomLog is a log in which each fate occurs.
func randomLog(rng *rand.Rand, n int) []logRow {
	log := make([]logRow, n)
	for i := range log {
		r := logRow{
			user: fmt.Sprintf("u%d", rng.IntN(30)), item: fmt.Sprintf("i%02d", rng.IntN(knownItems)),
			seconds: anyTime + rng.Int64N(1e6), engagement: fmt.Sprint(3 + rng.IntN(3)),
		}
		if i < int(fates) {
			r.fate = fate(i)
		} else if rng.IntN(3) == 0 {
			r.fate = fate(rng.IntN(int(fates)))
		}
		switch r.fate {
		case unknownItem:
			r.item = fmt.Sprintf("x%d", rng.IntN(5))
		case lowEngagement:
			r.engagement = "2.5"
		case noUser:
			r.user = ""
		case badUser:
			r.user += "\xe9"
		case badEngagement:
			r.engagement = "many"
		}
		log[i] = r
	}
	return log
}

// format is how a file of events is written.
type format struct{ name, delimiter string }

func (f format) render(log []logRow, header bool) string {
	var b strings.Builder
	if header {
		b.WriteString(strings.Join([]string{"user", "item", "stars", "time"}, f.delimiter) + "\n")
	}
	for _, r := range log {
		b.WriteString(strings.Join(r.cells(), f.delimiter) + "\n")
	}
	return b.String()
}

// itemClusters writes item_clusters/ of the known items, with ids of leaves
// that are not their places, and gives the output.
func itemClusters(t *testing.T, version string) string {
	t.Helper()
	b := store.Local(t.TempDir())
	var rows []schemas.ItemCluster
	for i := range knownItems {
		rows = append(rows, schemas.ItemCluster{ItemID: fmt.Sprintf("i%02d", i), ClusterID: int32(100 + i%leaves)})
	}
	r, err := tables.WriteShard(t.Context(), b, schemas.ItemClustersTable, version, 0, 1, rows)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Commit(t.Context(), b, schemas.Manifest{Table: schemas.ItemClustersTable, Version: version}, []store.Receipt{r}); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// itemAs is what a known item becomes.
func itemAs(key ItemKey, id string) int64 {
	var place int64
	if _, err := fmt.Sscanf(id, "i%d", &place); err != nil || key == ItemHash {
		return HashItem(id)
	}
	if key == ItemCluster {
		return 100 + place%leaves
	}
	return place
}

// usedEvent is an event that was used.
type usedEvent struct{ user, time, item int64 }

func compareUsed(a, b usedEvent) int {
	return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(a.time, b.time), cmp.Compare(a.item, b.item))
}

func TestReadEvents(t *testing.T) {
	const version = "v=20260102T030405.000Z"
	clusters := itemClusters(t, version)
	tests := []struct {
		name      string
		key       ItemKey
		files     []format
		delimiter string
		noHeader  bool
	}{
		{"csv as hashes", ItemHash, []format{{"a.csv", ","}}, "", false},
		{"tsv as clusters", ItemCluster, []format{{"a.tsv", "\t"}}, "", false},
		{"colons without header as places", ItemIndex, []format{{"a.dat", "::"}}, "::", true},
		{"packed files of several formats", ItemCluster, []format{{"a.csv", ","}, {"b.csv.gz", ","}, {"c.tsv.zst", "\t"}, {"d.txt.gz", "|"}}, "", false},
	}
	for i, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, uint64(i)))
			content, rows := map[string]string{}, map[string][]logRow{}
			for _, f := range tc.files {
				rows[f.name] = randomLog(rng, 200)
				content[f.name] = pack(t, f.name, f.render(rows[f.name], !tc.noHeader))
			}
			folder := write(t, content)
			spec := EventsSpec{Pattern: folder + "/*", Layout: Layout{Delimiter: tc.delimiter, NoHeader: tc.noHeader},
				User: "user", Item: "item", Time: "time", Engagement: "stars", MinEngagement: 3}
			if tc.noHeader {
				spec.User, spec.Item, spec.Engagement, spec.Time = "1", "2", "3", "4"
			}
			source, err := InspectEvents(t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			tally, rejects, failures := run(t, clusters, func(s beam.Scope) {
				r := ReadEvents(s, EventsConfig{Stage: "curate", Source: source, Key: tc.key, Output: clusters, Version: version, ItemClusters: version, Names: true})
				beam.ParDo0(s, collectBlock, r.Blocks)
				beam.ParDo0(s, collectEntry, r.Entries)
			})
			if len(failures) > 0 {
				t.Errorf("failures: %q", failures)
			}

			counts := map[string]int64{"event_bytes_shuffled": tally.Counts["event_bytes_shuffled"]}
			var want []usedEvent
			names := map[int64]string{}
			span := partition.NoSpan
			for name, log := range rows {
				for n, r := range log {
					counts["event_rows"]++
					micros := r.seconds * 1e6
					if _, bad := reasons[r.fate]; !bad {
						span = partition.Join(span, partition.Span{First: micros, Last: micros})
					}
					switch {
					case r.fate == used, r.fate == unknownItem && tc.key == ItemHash:
						counts["events_used"]++
						want = append(want, usedEvent{partition.HashUser(r.user), micros, itemAs(tc.key, r.item)})
						names[partition.HashUser(r.user)] = r.user
					case r.fate == unknownItem:
						counts["events_unknown_item"]++
					case r.fate == lowEngagement:
						counts["events_low_engagement"]++
					default:
						counts["event_rows_rejected"]++
						line := n + 2
						if tc.noHeader {
							line--
						}
						at := fmt.Sprintf("%s/%s:%d", folder, name, line)
						if got := rejects[at]; got.Stage != "curate" || !strings.Contains(got.Reason, reasons[r.fate]) || !strings.HasPrefix(got.Raw, strings.ToValidUTF8(r.user, "\uFFFD")) {
							t.Errorf("%s: rejected as %+v, want %q", at, got, reasons[r.fate])
						}
					}
				}
			}
			if tc.key != ItemHash {
				counts["events_unknown_item"] += 0 // is counted, also where it is none
				counts["events_of_items"] = counts["events_used"] + counts["events_unknown_item"]
			}
			if !maps.Equal(tally.Counts, counts) || counts["event_bytes_shuffled"] <= 0 {
				t.Errorf("counts %v\nwant   %v", tally.Counts, counts)
			}
			if int64(len(rejects)) != counts["event_rows_rejected"] {
				t.Errorf("%d rejects, want %d", len(rejects), counts["event_rows_rejected"])
			}
			if tally.Least["first_event_micros"] != span.First || tally.Most["last_event_micros"] != span.Last {
				t.Errorf("least %v, most %v; want %v", tally.Least, tally.Most, span)
			}
			if len(collected.blocks) != partition.Partitions {
				t.Errorf("%d of %d partitions were told the span", len(collected.blocks), partition.Partitions)
			}
			var got []usedEvent
			gotNames := map[int64]string{}
			for number, blocks := range collected.blocks {
				e, err := blocks.Load()
				if err != nil {
					t.Fatal(err)
				}
				if e.Span != span {
					t.Errorf("partition %d has the span %v, want %v", number, e.Span, span)
				}
				for i := range e.Users {
					got = append(got, usedEvent{partition.FullHash(number, e.Users[i]), e.Times[i], e.Items[i]})
				}
				for user, id := range e.Names {
					gotNames[partition.FullHash(number, user)] = id
				}
			}
			slices.SortFunc(got, compareUsed)
			slices.SortFunc(want, compareUsed)
			if !slices.Equal(got, want) {
				t.Errorf("got %d events, want %d, or others", len(got), len(want))
			}
			if !maps.Equal(gotNames, names) {
				t.Errorf("names %v, want %v", gotNames, names)
			}
		})
	}
}

func TestSplitsReadWhatTheFileHolds(t *testing.T) {
	defer func(size int64) { splitBytes = size }(splitBytes)
	rng := rand.New(rand.NewPCG(8, 8))
	var b strings.Builder
	b.WriteString("note,user,item,time\n")
	const rows = 3000
	bad := map[string]bool{}
	line := 2
	for i := range rows {
		// Line ends, quotes and what looks like rows inside of fields.
		note := []string{"", "plain", `"one, two"`, "\"two\nlines\"", "\"x\nnobody,i1,1\n\"", `5" nails`, `"a ""word"""`}[rng.IntN(7)]
		at := fmt.Sprint(anyTime + i)
		if rng.IntN(100) == 0 {
			at = "noon"
			bad[fmt.Sprint(line)] = true
		}
		fmt.Fprintf(&b, "%s,u%d,i%d,%s\n", note, i%50, i%9, at)
		line += 1 + strings.Count(note, "\n")
	}
	path := write(t, map[string]string{"a.csv": b.String()}) + "/a.csv"
	for _, size := range []int64{1 << 40, 50_000, 1000, 7} {
		splitBytes = size
		source, err := InspectEvents(t.Context(), EventsSpec{Pattern: path, User: "user", Item: "item", Time: "time"})
		if err != nil {
			t.Fatal(err)
		}
		if n := int64(len(source.Splits)); n < min(rows, int64(b.Len())/size/40) || size == 1<<40 && n != 1 {
			t.Errorf("%d splits of %d bytes, for %d", n, size, b.Len())
		}
		output := t.TempDir()
		tally, rejects, _ := run(t, output, func(s beam.Scope) {
			r := ReadEvents(s, EventsConfig{Stage: "curate", Source: source, Output: output, Version: "v=1", Spill: t.TempDir()})
			beam.ParDo0(s, collectBlock, r.Blocks)
			beam.ParDo0(s, collectEntry, r.Entries)
		})
		if tally.Counts[EventRows] != rows || tally.Counts[EventsUsed] != rows-int64(len(bad)) {
			t.Errorf("splits of %d: counts %v, want %d rows, %d of them bad", size, tally.Counts, rows, len(bad))
		}
		for at := range bad {
			if r, ok := rejects[path+":"+at]; !ok || !strings.Contains(r.Reason, "column time: ") {
				t.Errorf("splits of %d: line %s is no reject: %+v", size, at, r)
			}
		}
	}
}

func TestADamagedFileIsAFailure(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	good := format{"a.csv.gz", ","}.render(randomLog(rng, 100_000), true)
	data := pack(t, "a.csv.gz", good)
	folder := write(t, map[string]string{"a.csv.gz": data})
	source, err := InspectEvents(t.Context(), EventsSpec{Pattern: folder + "/*", User: "user", Item: "item", Time: "time"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(folder, "a.csv.gz"), int64(len(data)/2)); err != nil {
		t.Fatal(err)
	}
	output := t.TempDir()
	tally, _, failures := run(t, output, func(s beam.Scope) {
		beam.ParDo0(s, collectEntry, ReadEvents(s, EventsConfig{Stage: "curate", Source: source, Output: output, Version: "v=1"}).Entries)
	})
	if len(failures) != 1 || !strings.Contains(failures[0], "a.csv.gz") {
		t.Errorf("failures %q", failures)
	}
	if n := tally.Counts["event_rows"]; n <= 0 || n >= 100_000 {
		t.Errorf("%d rows were read of half a file", n)
	}
}

func TestReadItems(t *testing.T) {
	folder := write(t, map[string]string{
		"a.csv":     "item_id,title,description,vector\n1,One,\"first, of all\",1 2\n,None,x,1 2\n2,,only  words,3 4\n3,Three,x,5\n4\n",
		"b.tsv.gz":  pack(t, "b.tsv.gz", "vector\tdescription\ttitle\titem_id\n5 6\td\tFive\t5\n7 8\t\t\xff\t6\n"),
		"c.txt.zst": pack(t, "c.txt.zst", "item_id::title::vector\n7::Seven::7 7\n8::Eight::eight\n"),
	})
	source, err := InspectItems(t.Context(), ItemsSpec{Pattern: folder + "/*", ID: "item_id", Embedding: "vector"})
	if err != nil {
		t.Fatal(err)
	}
	output := t.TempDir()
	tally, rejects, failures := run(t, output, func(s beam.Scope) {
		r := ReadItems(s, ItemsConfig{Stage: "cluster", Output: output, Version: "v=1", Source: source, Spill: t.TempDir()})
		beam.ParDo0(s, collectItems, r.Blocks)
		beam.ParDo0(s, collectEntry, r.Entries)
	})
	if len(failures) > 0 {
		t.Errorf("failures: %q", failures)
	}
	if want := map[string]int64{"item_rows": 9, "item_rows_rejected": 4}; !maps.Equal(tally.Counts, want) {
		t.Errorf("counts %v, want %v", tally.Counts, want)
	}
	for at, reason := range map[string]string{
		"a.csv:3": "item id is empty", "a.csv:6": "give every column a field",
		"b.tsv.gz:3": "not UTF-8", "c.txt.zst:3": "eight",
	} {
		if got := rejects[folder+"/"+at]; got.Stage != "cluster" || !strings.Contains(got.Reason, reason) {
			t.Errorf("%s: rejected as %+v, want %q", at, got, reason)
		}
	}
	if len(rejects) != 4 {
		t.Errorf("rejects are %v", rejects)
	}
	var got []string
	for _, b := range collected.items {
		for i, id := range b.IDs {
			got = append(got, fmt.Sprintf("%s:%d %s %q %v", filepath.Base(b.File), b.Lines[i], id, b.Texts[i], b.Vectors[i*b.Dims:(i+1)*b.Dims]))
		}
	}
	slices.Sort(got)
	want := []string{
		`a.csv:2 1 "One\nfirst, of all" [1 2]`,
		`a.csv:4 2 "only words" [3 4]`,
		`a.csv:5 3 "Three\nx" [5]`, // which length is right, all items together tell
		`b.tsv.gz:2 5 "Five\nd" [5 6]`,
		`c.txt.zst:2 7 "Seven" [7 7]`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}

	titles := map[string]string{"1": "", "2": "", "5": "", "9": "unchanged"}
	if err := Titles(t.Context(), source, titles); err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"1": "One", "2": "only words", "5": "Five", "9": "unchanged"}; !maps.Equal(titles, want) {
		t.Errorf("titles are %v, want %v", titles, want)
	}
}

func TestBlocksOfItemsAreBounded(t *testing.T) {
	// Long texts fill a block by size, short ones by number.
	const long, short = 60, blockItems + 10
	var b strings.Builder
	b.WriteString("item_id,title,description\n")
	for i := range long {
		fmt.Fprintf(&b, "l%d,t,%s\n", i, strings.Repeat("word ", 10_000))
	}
	for i := range short {
		fmt.Fprintf(&b, "s%d,t,d\n", i)
	}
	source, err := InspectItems(t.Context(), ItemsSpec{Pattern: write(t, map[string]string{"a.csv": b.String()}) + "/a.csv", ID: "item_id"})
	if err != nil {
		t.Fatal(err)
	}
	run(t, t.TempDir(), func(s beam.Scope) {
		beam.ParDo0(s, collectItems, ReadItems(s, ItemsConfig{Stage: "cluster", Source: source}).Blocks)
	})
	seen := map[string]bool{}
	for _, b := range collected.items {
		size := 0
		for i, id := range b.IDs {
			if seen[id] {
				t.Errorf("%s stands twice", id)
			}
			seen[id] = true
			size += len(b.Texts[i])
		}
		if size > blockBytes+50_010 || len(b.IDs) > blockItems {
			t.Errorf("a block holds %d items of %d bytes", len(b.IDs), size)
		}
	}
	if len(seen) != long+short {
		t.Errorf("%d items, want %d", len(seen), long+short)
	}
}
