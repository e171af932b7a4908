package commit

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"foray/schemas"
	"foray/transforms/store"
	"foray/transforms/tables"
)

const version = "v=20260102T030405.000Z"

// output is an empty output, with the receipts of two shards of a table and
// one of another, in no order.
func output(t *testing.T) (store.Bucket, Config, []Entry) {
	t.Helper()
	b := store.Local(t.TempDir())
	shard := func(table string, shard, shards int, ids ...string) Entry {
		var rows []schemas.ItemCluster
		for _, id := range ids {
			rows = append(rows, schemas.ItemCluster{ItemID: id, ClusterID: int32(len(id))})
		}
		r, err := tables.WriteShard(t.Context(), b, table, version, shard, shards, rows)
		if err != nil {
			t.Fatal(err)
		}
		return Entry{Receipt: &r}
	}
	cfg := Config{
		Stage: "cluster", Version: version, Publish: true,
		Tables: []schemas.Manifest{{Table: schemas.ItemClustersTable}, {Table: schemas.ItemPolicyTable}},
		Gates:  []Gate{{Flag: "min_match_rate", Measure: "match rate", Part: "used", Whole: "rows", Min: 0.5, Max: 1, Exit: 3}},
	}
	return b, cfg, []Entry{
		shard(schemas.ItemClustersTable, 1, 2, "ccc"),
		Count(map[string]int64{"rows": 6, "used": 4}),
		shard(schemas.ItemPolicyTable, 0, 1, "z"),
		shard(schemas.ItemClustersTable, 0, 2, "a", "bb"),
		Count(map[string]int64{"rows": 4, "used": 4, "none": 0}),
	}
}

func apply(t *testing.T, b store.Bucket, cfg Config, entries []Entry) Account {
	t.Helper()
	a, err := Apply(t.Context(), b, cfg, entries)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// names lists all that is in an output.
func names(t *testing.T, b store.Bucket) []string {
	t.Helper()
	infos, err := b.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, info := range infos {
		list = append(list, info.Name)
	}
	return list
}

func TestApplyFinishesAndPublishes(t *testing.T) {
	b, cfg, entries := output(t)
	entries = append(entries,
		Entry{Tally: &Tally{Least: map[string]int64{"first": 7}, Figures: map[string]float64{"loss": 0.5}}},
		Entry{Tally: &Tally{Least: map[string]int64{"first": 3}, Most: map[string]int64{"last": 9}, Facts: map[string]string{"unit": "seconds"}}})
	a := apply(t, b, cfg, entries)
	if a.Exit != 0 || a.Message != "" || !slices.Equal(a.Published, []string{schemas.ItemClustersTable, schemas.ItemPolicyTable}) {
		t.Errorf("exit %d, message %q, published %v", a.Exit, a.Message, a.Published)
	}
	for _, table := range a.Published {
		if v, err := store.Current(t.Context(), b, table); v != version || err != nil {
			t.Errorf("%s: CURRENT is %q, %v", table, v, err)
		}
	}
	rows, m, err := tables.Read[schemas.ItemCluster](t.Context(), b, schemas.ItemClustersTable, version)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.ItemID)
	}
	if !slices.Equal(ids, []string{"a", "bb", "ccc"}) {
		t.Errorf("the table holds %q: want the shards in order", ids)
	}
	if want := map[string]int64{"rows": 10, "used": 8, "first": 3, "last": 9}; !maps.Equal(m.Counts, want) {
		t.Errorf("counts %v, want %v", m.Counts, want)
	}
	if m.Figures["loss"] != 0.5 || m.Facts["unit"] != "seconds" || m.Refused != "" {
		t.Errorf("figures %v, facts %v, refused %q", m.Figures, m.Facts, m.Refused)
	}
	kept, err := ReadAccount(t.Context(), b, version, "cluster")
	if err != nil || kept.Exit != 0 || kept.Tally.Counts["used"] != 8 || len(kept.Tables) != 2 || kept.Ended.IsZero() {
		t.Errorf("the account is %+v, %v", kept, err)
	}
	for _, name := range names(t, b) {
		if strings.Contains(name, "_attempts") {
			t.Errorf("%s is left", name)
		}
	}
}

func TestApplyTwiceIsAsGoodAsOnce(t *testing.T) {
	b, cfg, entries := output(t)
	cfg.Last, cfg.Keep = true, 2
	entries = append(entries, Entry{Reject: &schemas.Reject{Stage: "cluster", Source: "f:2", Reason: "odd"}})
	first := apply(t, b, cfg, slices.Clone(entries))
	before := names(t, b)
	slices.Reverse(entries)
	again := apply(t, b, cfg, entries)
	if got := names(t, b); !slices.Equal(got, before) {
		t.Errorf("after the second time there is %q, want %q", got, before)
	}
	if !reflect.DeepEqual(first.Tally, again.Tally) || !slices.Equal(first.Published, again.Published) {
		t.Errorf("first %+v, again %+v", first, again)
	}
	for table, m := range first.Tables {
		if !slices.Equal(m.Parts, again.Tables[table].Parts) || !m.CreatedAt.Equal(again.Tables[table].CreatedAt) {
			t.Errorf("%s was finished anew: %+v, then %+v", table, m, again.Tables[table])
		}
	}
}

func TestGatesKeepAVersionUnpublished(t *testing.T) {
	b, cfg, entries := output(t)
	old := "v=20250102T030405.000Z"
	r, err := tables.WriteShard(t.Context(), b, schemas.ItemClustersTable, old, 0, 1, []schemas.ItemCluster{{ItemID: "old"}})
	if err != nil {
		t.Fatal(err)
	}
	before := cfg
	before.Version, before.Tables, before.Gates = old, cfg.Tables[:1], nil
	apply(t, b, before, []Entry{{Receipt: &r}})

	cfg.Gates[0].Min = 0.9
	a := apply(t, b, cfg, entries)
	if a.Exit != 3 || !strings.Contains(a.Message, "--min_match_rate=0.9") || len(a.Published) != 0 {
		t.Errorf("exit %d, message %q, published %v", a.Exit, a.Message, a.Published)
	}
	for _, table := range cfg.Tables {
		if m, err := store.ReadManifest(t.Context(), b, table.Table, version); err != nil || m.Refused != a.Message {
			t.Errorf("%s: the manifest refuses with %q, %v", table.Table, m.Refused, err)
		}
	}
	if v, err := store.Current(t.Context(), b, schemas.ItemClustersTable); v != old || err != nil {
		t.Errorf("CURRENT is %q, %v; want the old version", v, err)
	}
	if _, err := store.Current(t.Context(), b, schemas.ItemPolicyTable); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("a table that was never published: %v", err)
	}
}

func TestFailuresWriteNothing(t *testing.T) {
	failure := func(exit int, message string) Entry { return Entry{Failure: &Failure{Exit: exit, Message: message}} }
	tests := []struct {
		name     string
		failures []Entry
		gate     int // exit code of a gate that does not hold, 0 for none
		exit     int
		message  string
	}{
		{"one", []Entry{Fail(errors.New("bad file"))}, 0, 1, "bad file"},
		{"beside a gate", []Entry{Fail(errors.New("bad file"))}, 3, 1, "bad file"},
		{"the gravest of several", []Entry{failure(4, "quota"), failure(1, "z"), failure(1, "b")}, 0, 1, "b (and 2 more)"},
		{"all the same", []Entry{failure(4, "quota"), failure(4, "quota")}, 0, 4, "quota"},
		{"a gate of exit 1", nil, 1, 1, "the match rate is 0.8 (8 of 10), below --min_match_rate=0.9"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			b, cfg, entries := output(t)
			if cfg.Gates[0].Exit = tc.gate; tc.gate != 0 {
				cfg.Gates[0].Min = 0.9
			}
			a := apply(t, b, cfg, append(entries, tc.failures...))
			if a.Exit != tc.exit || a.Message != tc.message || len(a.Tables) != 0 || len(a.Published) != 0 {
				t.Errorf("got %+v, want exit %d and %q", a, tc.exit, tc.message)
			}
			if got, want := names(t, b), []string{accountName(version, "cluster")}; !slices.Equal(got, want) {
				t.Errorf("there is %q, want the account only", got)
			}
			if kept, err := ReadAccount(t.Context(), b, version, "cluster"); err != nil || kept.Exit != tc.exit {
				t.Errorf("the account is %+v, %v", kept, err)
			}
		})
	}
}

func TestAMissingShardIsAnError(t *testing.T) {
	for _, table := range []string{schemas.ItemClustersTable, schemas.ItemPolicyTable} {
		b, cfg, entries := output(t)
		at := slices.IndexFunc(entries, func(e Entry) bool { return e.Receipt != nil && e.Receipt.Table == table })
		if _, err := Apply(t.Context(), b, cfg, slices.Delete(entries, at, at+1)); err == nil || !strings.Contains(err.Error(), table) {
			t.Errorf("without a shard of %s: %v", table, err)
		}
		for _, m := range cfg.Tables {
			if v, err := store.Current(t.Context(), b, m.Table); !errors.Is(err, store.ErrNotExist) {
				t.Errorf("without a shard of %s, %s was published: %q, %v", table, m.Table, v, err)
			}
		}
	}
}

func TestRejectsBecomeASortedTable(t *testing.T) {
	b, cfg, entries := output(t)
	cfg.Tables, cfg.Last = cfg.Tables[:1], true
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.Receipt != nil && e.Receipt.Table == schemas.ItemPolicyTable })
	want := []schemas.Reject{
		{Source: "12,40", Reason: "said nothing", Raw: "a"},
		{Source: "12,40", Reason: "said nothing", Raw: "b"},
		{Source: "a", Reason: "no line"},
		{Source: "a:2", Reason: "odd"},
		{Source: "a:10", Reason: "even"},
		{Source: "a:10", Reason: "odd"},
		{Source: "a:1:5", Reason: "a file named a:1"},
		{Source: "b:1", Reason: "odd"},
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, i := range rng.Perm(len(want)) {
		want[i].Stage = "cluster"
		entries = append(entries, Entry{Reject: &want[i]})
	}
	// A stage before this one of the same command.
	early := schemas.Reject{Stage: "assign", Source: "z:9", Reason: "odd"}
	if err := WriteAccount(t.Context(), b, Account{Stage: "assign", Version: version}, []schemas.Reject{early}); err != nil {
		t.Fatal(err)
	}
	apply(t, b, cfg, entries)
	current, err := store.Current(t.Context(), b, schemas.RejectsTable)
	if err != nil {
		t.Fatal(err)
	}
	got, m, err := tables.Read[schemas.Reject](t.Context(), b, schemas.RejectsTable, current)
	if err != nil {
		t.Fatal(err)
	}
	if want := append([]schemas.Reject{early}, want...); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if m.Counts["cluster"] != 8 || m.Counts["assign"] != 1 {
		t.Errorf("counts %v", m.Counts)
	}
	if a, err := ReadAccount(t.Context(), b, version, "cluster"); err != nil || a.Rejects != 8 {
		t.Errorf("the account tells of %d rejects, %v", a.Rejects, err)
	}
}

func TestRetainRunsKeepsTheNewest(t *testing.T) {
	b := store.Local(t.TempDir())
	var versions []string
	for _, day := range []string{"01", "02", "03"} {
		v := "v=202601" + day + "T000000.000Z"
		versions = append(versions, v)
		for _, stage := range []string{"cluster", "curate"} {
			err := WriteAccount(t.Context(), b, Account{Stage: stage, Version: v}, []schemas.Reject{{Stage: stage}})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, keep := range []int{5, 3, 2, 1} {
		if err := RetainRuns(t.Context(), b, keep); err != nil {
			t.Fatal(err)
		}
		if got, want := len(names(t, b)), 4*min(keep, 3); got != want {
			t.Errorf("keeping %d leaves %d files, want %d", keep, got, want)
		}
		if _, err := ReadAccount(t.Context(), b, versions[2], "curate"); err != nil {
			t.Errorf("keeping %d: %v", keep, err)
		}
	}
	if _, err := ReadAccount(context.Background(), b, versions[1], "curate"); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("an old account: %v", err)
	}
}

func TestTalliesMergeInAnyOrder(t *testing.T) {
	parts := []Tally{
		{},
		{Counts: map[string]int64{"a": 1, "b": 2}, Least: map[string]int64{"x": 5}, Most: map[string]int64{"x": 5}},
		{Counts: map[string]int64{"a": 10}, Least: map[string]int64{"x": -3, "y": 0}, Most: map[string]int64{"x": -3, "y": 0}},
		{Least: map[string]int64{"y": 4}, Most: map[string]int64{"y": -4}, Figures: map[string]float64{"f": 1}, Facts: map[string]string{"g": "h"}},
	}
	want := Tally{
		Counts: map[string]int64{"a": 11, "b": 2},
		Least:  map[string]int64{"x": -3, "y": 0}, Most: map[string]int64{"x": 5, "y": 0},
		Figures: map[string]float64{"f": 1}, Facts: map[string]string{"g": "h"},
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		order := rng.Perm(len(parts))
		var got Tally
		for _, i := range order {
			got.Add(parts[i])
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("in the order %v: %+v, want %+v", order, got, want)
		}
	}
	if parts[1].Counts["a"] != 1 || parts[1].Least["x"] != 5 {
		t.Errorf("merging changed a part: %+v", parts[1])
	}
}

func TestGateCheck(t *testing.T) {
	gate := Gate{Flag: "bound", Measure: "share", Part: "part", Whole: "whole", Min: 0.25, Max: 0.75}
	tests := []struct {
		part, whole int64
		want        string
	}{
		{0, 0, ""},
		{5, 0, ""},
		{1, 4, ""},
		{3, 4, ""},
		{1, 2, ""},
		{1, 5, "the share is 0.2 (1 of 5), below --bound=0.25"},
		{0, 5, "the share is 0 (0 of 5), below --bound=0.25"},
		{4, 5, "the share is 0.8 (4 of 5), above --bound=0.75"},
	}
	for _, tc := range tests {
		if got := gate.Check(Tally{Counts: map[string]int64{"part": tc.part, "whole": tc.whole}}, nil); got != tc.want {
			t.Errorf("%d of %d: got %q, want %q", tc.part, tc.whole, got, tc.want)
		}
	}
	if got := gate.Check(Tally{}, nil); got != "" {
		t.Errorf("with nothing counted: %q", got)
	}
}

func TestCut(t *testing.T) {
	a := strings.Repeat("a", rawBytes-1)
	tests := []struct{ name, raw, want string }{
		{"empty", "", ""},
		{"short", "ä\tb", "ä\tb"},
		{"just fits", a + "b", a + "b"},
		{"one too many", a + "bc", a + "b"},
		{"a rune at the bound", a + "ä", a},
		{"a rune before the bound", a[1:] + "äb", a[1:] + "ä"},
		{"four bytes at the bound", a + "😀", a},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
	}
	for _, tc := range tests {
		if got := Cut(tc.raw); got != tc.want {
			t.Errorf("%s: got %q of %d bytes, want %q", tc.name, got[max(0, len(got)-8):], len(got), tc.want[max(0, len(tc.want)-8):])
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("plain")
	f.Add(strings.Repeat("a\xff", rawBytes))
	f.Add(strings.Repeat("\x80", 2*rawBytes))
	f.Add(strings.Repeat("😀", rawBytes))
	f.Fuzz(func(t *testing.T, raw string) {
		got := Cut(raw)
		if len(got) > rawBytes || !utf8.ValidString(got) {
			t.Errorf("%d bytes, valid %v", len(got), utf8.ValidString(got))
		}
		if utf8.ValidString(raw) && (!strings.HasPrefix(raw, got) || len(raw)-len(got) > 0 && len(got) <= rawBytes-utf8.UTFMax) {
			t.Errorf("%d of %d bytes are left of valid text", len(got), len(raw))
		}
	})
}

func TestEntriesTravelWhole(t *testing.T) {
	_, _, entries := output(t)
	entries = append(entries, Fail(errors.New("bad")), Entry{Reject: &schemas.Reject{Source: "f:1", Raw: "\t\"ä"}})
	for _, e := range entries {
		data, err := encodeEntry(e)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodeEntry(data); err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("%s became %+v, %v", data, got, err)
		}
	}
	if _, err := decodeEntry([]byte("{")); err == nil {
		t.Error("half an entry is no error")
	}
}
