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
	"foray/transforms/store"
	"foray/transforms/tables"
)

func TestMain(m *testing.M) { ptest.Main(m) }

// collected is what a pipeline gave; the runner is in this process.
var collected struct {
	sync.Mutex
	entries []commit.Entry
	spans   []Span
	events  map[int]*Events
	names   map[int]Names
	items   []Items
}

func collectEntry(e commit.Entry) {
	collected.Lock()
	defer collected.Unlock()
	collected.entries = append(collected.entries, e)
}

func collectSpan(s Span) {
	collected.Lock()
	defer collected.Unlock()
	collected.spans = append(collected.spans, s)
}

func collectBlock(partition int, block []byte) error {
	collected.Lock()
	defer collected.Unlock()
	if collected.events[partition] == nil {
		collected.events[partition] = &Events{}
	}
	return collected.events[partition].Append(block)
}

func collectNames(partition int, n Names) {
	collected.Lock()
	defer collected.Unlock()
	have := collected.names[partition]
	collected.names[partition] = Names{Users: append(have.Users, n.Users...), IDs: append(have.IDs, n.IDs...)}
}

func collectItems(block Items) {
	collected.Lock()
	defer collected.Unlock()
	collected.items = append(collected.items, block)
}

func init() {
	register.Function1x0(collectEntry)
	register.Function1x0(collectSpan)
	register.Function2x1(collectBlock)
	register.Function2x0(collectNames)
	register.Function1x0(collectItems)
}

// run runs a pipeline and gives the sum of its tallies, its rejects by source
// and its failures.
func run(t *testing.T, build func(beam.Scope)) (tally commit.Tally, rejects map[string]schemas.Reject, failures []string) {
	t.Helper()
	collected.entries, collected.spans, collected.items = nil, nil, nil
	collected.events, collected.names = map[int]*Events{}, map[int]Names{}
	p, s := beam.NewPipelineWithRoot()
	build(s)
	ptest.RunAndValidate(t, p)
	rejects = map[string]schemas.Reject{}
	for _, e := range collected.entries {
		switch {
		case e.Tally != nil:
			tally.Add(*e.Tally)
		case e.Reject != nil:
			if _, ok := rejects[e.Reject.Source]; ok {
				t.Errorf("%s is rejected twice", e.Reject.Source)
			}
			rejects[e.Reject.Source] = *e.Reject
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
	noUser: "user id is empty", badUser: "not UTF-8", badTime: "noon", badEngagement: "many", tooShort: "too few",
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
			spec := EventsSpec{Pattern: folder + "/*", Delimiter: tc.delimiter, NoHeader: tc.noHeader,
				User: "user", Item: "item", Time: "time", Engagement: "stars", MinEngagement: 3}
			if tc.noHeader {
				spec.User, spec.Item, spec.Engagement, spec.Time = "1", "2", "3", "4"
			}
			source, err := InspectEvents(t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			tally, rejects, failures := run(t, func(s beam.Scope) {
				r := ReadEvents(s, EventsConfig{Stage: "curate", Source: source, Key: tc.key, Output: clusters, ItemClusters: version, Names: true})
				beam.ParDo0(s, collectBlock, r.Blocks)
				beam.ParDo0(s, collectNames, r.Names)
				beam.ParDo0(s, collectSpan, r.Span)
				beam.ParDo0(s, collectEntry, r.Entries)
			})
			if len(failures) > 0 {
				t.Errorf("failures: %q", failures)
			}

			counts := map[string]int64{"event_files": int64(len(tc.files)), "event_bytes_shuffled": tally.Counts["event_bytes_shuffled"]}
			var want []usedEvent
			names := map[int64]string{}
			span := NoSpan
			for name, log := range rows {
				for n, r := range log {
					counts["event_rows"]++
					micros := r.seconds * 1e6
					if _, bad := reasons[r.fate]; !bad {
						span = Join(span, Span{micros, micros})
					}
					switch {
					case r.fate == used, r.fate == unknownItem && tc.key == ItemHash:
						counts["events_used"]++
						want = append(want, usedEvent{HashUser(r.user), micros, itemAs(tc.key, r.item)})
						names[HashUser(r.user)] = r.user
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
			if !maps.Equal(tally.Counts, counts) || counts["event_bytes_shuffled"] <= 0 {
				t.Errorf("counts %v\nwant   %v", tally.Counts, counts)
			}
			if int64(len(rejects)) != counts["event_rows_rejected"] {
				t.Errorf("%d rejects, want %d", len(rejects), counts["event_rows_rejected"])
			}
			if !slices.Equal(collected.spans, []Span{span}) || tally.Least["first_event_micros"] != span.First || tally.Most["last_event_micros"] != span.Last {
				t.Errorf("spans %v, least %v, most %v; want %v", collected.spans, tally.Least, tally.Most, span)
			}
			var got []usedEvent
			for partition, e := range collected.events {
				for i := range e.Users {
					got = append(got, usedEvent{FullHash(partition, e.Users[i]), e.Times[i], e.Items[i]})
				}
			}
			slices.SortFunc(got, compareUsed)
			slices.SortFunc(want, compareUsed)
			if !slices.Equal(got, want) {
				t.Errorf("got %d events, want %d, or others", len(got), len(want))
			}
			gotNames := map[int64]string{}
			for partition, n := range collected.names {
				for i, user := range n.Users {
					gotNames[FullHash(partition, user)] = n.IDs[i]
				}
			}
			if !maps.Equal(gotNames, names) {
				t.Errorf("names %v, want %v", gotNames, names)
			}
		})
	}
}

func TestReadEventsInSeveralBlocks(t *testing.T) {
	// One user's events, more than a block takes.
	n := 2*blockEvents + 7
	var b strings.Builder
	b.WriteString("user,item,time\n")
	for i := range n {
		fmt.Fprintf(&b, "u,i%d,%d\n", i%9, anyTime+i)
	}
	source, err := InspectEvents(t.Context(), EventsSpec{Pattern: write(t, map[string]string{"a.csv": b.String()}) + "/a.csv", User: "user", Item: "item", Time: "time"})
	if err != nil {
		t.Fatal(err)
	}
	run(t, func(s beam.Scope) {
		beam.ParDo0(s, collectBlock, ReadEvents(s, EventsConfig{Stage: "curate", Source: source}).Blocks)
	})
	if len(collected.events) != 1 {
		t.Fatalf("one user has %d partitions", len(collected.events))
	}
	for partition, e := range collected.events {
		e.EachUser(func(user int64, h []Event) {
			if FullHash(partition, user) != HashUser("u") || len(h) != n {
				t.Errorf("user %d of partition %d has %d events, want %d", user, partition, len(h), n)
			}
			for i, event := range h {
				if want := (Event{int64(anyTime+i) * 1e6, HashItem(fmt.Sprintf("i%d", i%9))}); event != want {
					t.Fatalf("event %d is %v, want %v", i, event, want)
				}
			}
		})
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
	tally, _, failures := run(t, func(s beam.Scope) {
		beam.ParDo0(s, collectEntry, ReadEvents(s, EventsConfig{Stage: "curate", Source: source}).Entries)
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
	tally, rejects, failures := run(t, func(s beam.Scope) {
		r := ReadItems(s, "cluster", source)
		beam.ParDo0(s, collectItems, r.Blocks)
		beam.ParDo0(s, collectEntry, r.Entries)
	})
	if len(failures) > 0 {
		t.Errorf("failures: %q", failures)
	}
	if want := map[string]int64{"item_rows": 9, "item_rows_rejected": 5, "item_files": 3}; !maps.Equal(tally.Counts, want) {
		t.Errorf("counts %v, want %v", tally.Counts, want)
	}
	for at, reason := range map[string]string{
		"a.csv:3": "item id is empty", "a.csv:5": "1 floats", "a.csv:6": "too few",
		"b.tsv.gz:3": "not UTF-8", "c.txt.zst:3": "eight",
	} {
		if got := rejects[folder+"/"+at]; got.Stage != "cluster" || !strings.Contains(got.Reason, reason) {
			t.Errorf("%s: rejected as %+v, want %q", at, got, reason)
		}
	}
	if len(rejects) != 5 {
		t.Errorf("rejects are %v", rejects)
	}
	var got []string
	for _, b := range collected.items {
		for i, id := range b.IDs {
			got = append(got, fmt.Sprintf("%s:%d %s %q %q %v", filepath.Base(b.File), b.Lines[i], id, b.Titles[i], b.Texts[i], b.Vectors[i*b.Dims:(i+1)*b.Dims]))
		}
	}
	slices.Sort(got)
	want := []string{
		`a.csv:2 1 "One" "One\nfirst, of all" [1 2]`,
		`a.csv:4 2 "only words" "only words" [3 4]`,
		`b.tsv.gz:2 5 "Five" "Five\nd" [5 6]`,
		`c.txt.zst:2 7 "Seven" "Seven" [7 7]`,
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
	run(t, func(s beam.Scope) { beam.ParDo0(s, collectItems, ReadItems(s, "cluster", source).Blocks) })
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
