package read

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"foray/transforms/commit"
	"foray/transforms/fields"
	"foray/transforms/partition"
)

func TestParseUntil(t *testing.T) {
	tests := []struct {
		in   string
		want Until
	}{
		{"0.8", Until{Fraction: 0.8}},
		{"1", Until{Fraction: 1}},
		{"1e-3", Until{Fraction: 0.001}},
		{"1700000000", Until{Fixed: true, Micros: 1_700_000_000_000_000}},
		{"1700000000.5", Until{Fixed: true, Micros: 1_700_000_000_500_000}},
		{"1970-01-02", Until{Fixed: true, Micros: 86_400_000_000}},
		{"1970-01-01T00:01:00Z", Until{Fixed: true, Micros: 60_000_000}},
		{"1970-01-01T02:00:00.25+01:00", Until{Fixed: true, Micros: 3_600_250_000}},
		{"1970-01-01T00:00:01", Until{Fixed: true, Micros: 1_000_000}},
		{"1970-01-01 00:00:01", Until{Fixed: true, Micros: 1_000_000}},
	}
	for _, tc := range tests {
		if got, err := ParseUntil(tc.in); got != tc.want || err != nil {
			t.Errorf("%s: got %+v, %v; want %+v", tc.in, got, err, tc.want)
		}
	}
	for _, in := range []string{"", "0", "-0.5", "1.5", "80", "1e12", "NaN", "Inf", "yesterday", "2026-13-01", "80%"} {
		if got, err := ParseUntil(in); err == nil || !strings.Contains(err.Error(), "--train_until="+in) {
			t.Errorf("%q: got %+v, %v", in, got, err)
		}
	}
}

func FuzzParseUntil(f *testing.F) {
	for _, seed := range []string{"0.8", "1", "1700000000", "2026-01-31", "2026-01-31T00:00:00Z", "NaN", "0x1p-2", "-1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		u, err := ParseUntil(in)
		if err == nil && !u.Fixed && !(u.Fraction > 0 && u.Fraction <= 1) {
			t.Errorf("%q is %+v", in, u)
		}
		if span := (partition.Span{First: 10, Last: 1000}); err == nil && !u.Fixed && u.Cut(span) < span.First {
			t.Errorf("%q cuts at %d, before all events", in, u.Cut(span))
		}
	})
}

func TestCut(t *testing.T) {
	tests := []struct {
		until Until
		span  partition.Span
		want  int64
	}{
		{Until{Fixed: true, Micros: 7}, partition.Span{First: 100, Last: 200}, 7},
		{Until{Fixed: true, Micros: 7}, partition.NoSpan, 7},
		{Until{Fraction: 0.25}, partition.Span{First: 100, Last: 200}, 125},
		{Until{Fraction: 0.5}, partition.Span{First: -100, Last: 100}, 0},
		{Until{Fraction: 0.5}, partition.Span{First: 100, Last: 100}, 100},
		{Until{Fraction: 0.5}, partition.NoSpan, math.MaxInt64},
		{Until{Fraction: 1}, partition.Span{First: 100, Last: 200}, math.MaxInt64},
	}
	for _, tc := range tests {
		if got := tc.until.Cut(tc.span); got != tc.want {
			t.Errorf("%+v of %v: got %d, want %d", tc.until, tc.span, got, tc.want)
		}
	}
	if got := partition.Join(partition.Join(partition.NoSpan, partition.Span{First: 3, Last: 3}), partition.Join(partition.Span{First: -2, Last: 1}, partition.NoSpan)); got != (partition.Span{First: -2, Last: 3}) {
		t.Errorf("the spans join to %v", got)
	}
	if got := Time(math.MaxInt64) + ", " + Time(1_500_000); got != "the end, 1970-01-01T00:00:01Z" {
		t.Errorf("times are written %q", got)
	}
}

// write makes files in a new folder and gives the folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestFiles(t *testing.T) {
	folder := write(t, map[string]string{"a.csv": "1", "b.csv": "22", "c.tsv": "333", "sub/d.csv": "4444", "sub2/e.csv": "5"})
	t.Chdir(filepath.Join(folder, "sub2"))
	tests := []struct {
		pattern string
		want    []string // below where the pattern starts
	}{
		{folder + "/a.csv", []string{folder + "/a.csv"}},
		{folder + "/*.csv", []string{folder + "/a.csv", folder + "/b.csv"}},
		{folder + "/[bc].?sv", []string{folder + "/b.csv", folder + "/c.tsv"}},
		{folder + "/sub*/*.csv", []string{folder + "/sub/d.csv", folder + "/sub2/e.csv"}},
		{folder + "//sub/*.csv", []string{folder + "/sub/d.csv"}},
		{folder + "/c.tsv," + folder + "/a.csv", []string{folder + "/a.csv", folder + "/c.tsv"}},
		{folder + "/*.csv," + folder + "/a.*", []string{folder + "/a.csv", folder + "/b.csv"}},
		{"file://" + folder + "/*.tsv", []string{"file://" + folder + "/c.tsv"}},
		{"e.csv", []string{"e.csv"}},
		{"*.csv", []string{"e.csv"}},
		{"./*.csv", []string{"./e.csv"}},
		{"../*.csv", []string{"../a.csv", "../b.csv"}},
	}
	for _, tc := range tests {
		files, err := Files(t.Context(), "items", tc.pattern)
		if err != nil {
			t.Errorf("%s: %v", tc.pattern, err)
		}
		var got []string
		for _, f := range files {
			got = append(got, f.Path)
			info, err := os.Stat(strings.TrimPrefix(f.Path, "file://"))
			if err != nil || f.Bytes != info.Size() || f.Generation == "" {
				t.Errorf("%s: %+v, %v", tc.pattern, f, err)
			}
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.pattern, got, tc.want)
		}
	}
	for _, pattern := range []string{folder + "/none.csv", folder + "/none*", folder + "/none/a.csv", folder + "/a.csv," + folder + "/x.csv"} {
		_, err := Files(t.Context(), "items", pattern)
		if option := (*OptionError)(nil); !errors.As(err, &option) || !strings.Contains(err.Error(), "--items="+pattern) {
			t.Errorf("%s: got %v", pattern, err)
		}
	}
	if _, err := Files(t.Context(), "items", folder+"/[a"); err == nil {
		t.Error("a pattern with an open bracket is no error")
	}
}

func TestInspectItems(t *testing.T) {
	folder := write(t, map[string]string{
		"good.csv":   "category,item_id,title\nx,1,one\n",
		"plain.csv":  "1,one\n2,two\n",
		"silent.csv": "item_id,year\n1,2000\n",
		"empty.csv":  "",
	})
	s, err := InspectItems(t.Context(), ItemsSpec{Pattern: folder + "/good.csv", ID: "item_id"})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Files[0].Columns; !slices.Equal(got, []int{1, 2, -1, 0}) || s.Texts != 3 || s.Embedding || s.Files[0].Delimiter != "," {
		t.Errorf("got %+v", s)
	}
	if in := s.Inputs(); len(in) != 1 || in[0].Path != folder+"/good.csv" || in[0].Bytes != 31 {
		t.Errorf("inputs are %+v", in)
	}
	if _, err := InspectItems(t.Context(), ItemsSpec{Pattern: folder + "/plain.csv", Layout: Layout{NoHeader: true}, ID: "1", Texts: []string{"2"}}); err != nil {
		t.Errorf("columns by number: %v", err)
	}
	tests := []struct {
		spec   ItemsSpec
		option bool
		want   string
	}{
		{ItemsSpec{Pattern: "none.csv", ID: "item_id"}, true, "--items=none.csv"},
		{ItemsSpec{Pattern: "good.csv", ID: "movie"}, true, "--item_id_column"},
		{ItemsSpec{Pattern: "good.csv", ID: "item_id", Texts: []string{"title", "plot"}}, true, "--text_columns"},
		{ItemsSpec{Pattern: "good.csv", ID: "item_id", Embedding: "vector"}, true, "--embedding_column"},
		{ItemsSpec{Pattern: "silent.csv", ID: "item_id"}, true, "--text_columns"},
		{ItemsSpec{Pattern: "empty.csv", ID: "item_id"}, false, "is empty"},
		{ItemsSpec{Pattern: "plain.csv", Layout: Layout{NoHeader: true}, ID: "3"}, true, "--item_id_column"},
	}
	t.Chdir(folder)
	for _, tc := range tests {
		_, err := InspectItems(t.Context(), tc.spec)
		option := (*OptionError)(nil)
		if err == nil || errors.As(err, &option) != tc.option || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), tc.spec.Pattern) {
			t.Errorf("%+v: got %v", tc.spec, err)
		}
	}
}

// TestFieldsOfARow reads rows with more and fewer fields than the first.
func TestFieldsOfARow(t *testing.T) {
	plain := Layout{}
	long := Layout{Delimiter: "::", NoHeader: true}
	tests := []struct {
		name, text string
		layout     Layout
		columns    []string
		used       []string // the columns of the rows that are used
		rejected   string   // line and reason of the one that is not
	}{
		{"as many", "a,b,c\n1,2,3\n", plain, []string{"c", "a"}, []string{"3 1"}, ""},
		{"a delimiter too many", "a,b\n1,x, y\n2,z\n", plain, []string{"a", "b"}, []string{"2 z"},
			"2 found 3 fields, while the header has 2: a field with the delimiter in it needs quotes"},
		{"the same in quotes", "a,b\n1,\"x, y\"\n2,z\n", plain, []string{"a", "b"}, []string{"1 x, y", "2 z"}, ""},
		{"a row that ends in a delimiter", "a,b\n1,x,\n2,z\n", plain, []string{"a", "b"}, []string{"1 x", "2 z"}, ""},
		{"a row that ends in two", "a,b\n1,x,,\n2,z\n", plain, []string{"a", "b"}, []string{"2 z"},
			"2 found 4 fields, while the header has 2: a field with the delimiter in it needs quotes"},
		{"all rows end in a delimiter", "a,b,\n1,x,\n2,z,\n", plain, []string{"a", "b"}, []string{"1 x", "2 z"}, ""},
		{"too few for the columns", "a,b,c\n1,x,y\n2\n", plain, []string{"a", "b"}, []string{"1 x"},
			"3 found 1 field, while the header has 3: give every column a field, an empty one too; a field with a line end in it needs quotes"},
		{"too few with all that is wanted", "a,b,c\n1,x,y\n2,z\n", plain, []string{"a", "b"}, []string{"1 x"},
			"3 found 2 fields, while the header has 3: give every column a field, an empty one too; a field with a line end in it needs quotes"},
		{"without a header", "1,x\n2,y,z\n", Layout{NoHeader: true}, []string{"1", "2"}, []string{"1 x"},
			"2 found 3 fields, while the first row has 2: a field with the delimiter in it needs quotes"},
		{"a long delimiter", "1::x\n2::y::z\n3::a::\n", long, []string{"1", "2"}, []string{"1 x", "3 a"},
			`2 found 3 fields, while the first row has 2: no field can hold "::", which parts them: take a delimiter that stands in no field`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(write(t, map[string]string{"f.csv": tc.text}), "f.csv")
			spec := Spec{Flag: "items", Pattern: path, Layout: tc.layout}
			for _, name := range tc.columns {
				spec.Columns = append(spec.Columns, Column{Name: name})
			}
			sampled := 0
			s, err := Inspect(t.Context(), spec, func([][]byte) bool { sampled++; return true })
			if err != nil {
				t.Fatal(err)
			}
			var used []string
			rejects := commit.NewRejects("")
			r, err := s.eachRow(t.Context(), s.Splits[0], "rows", rejects, func(r *rowReader) error {
				used = append(used, string(bytes.Join(r.Row, []byte(" "))))
				return nil
			})
			if err != nil || !slices.Equal(used, tc.used) || sampled != len(used) {
				t.Errorf("used %q, want %q; %d samples, %v", used, tc.used, sampled, err)
			}
			entry, err := rejects.Close(t.Context(), t.TempDir(), "v=1", "rows")
			if err != nil || r.Rejected != entry.Rejected.Rows {
				t.Errorf("%d rejected, %d kept, %v", r.Rejected, entry.Rejected.Rows, err)
			}
			rejected := ""
			for _, f := range entry.Rejected.Faults {
				rejected += fmt.Sprintf("%d %s", f.Examples[0].Line, f.Examples[0].Reason)
			}
			if rejected != tc.rejected {
				t.Errorf("rejected %q, want %q", rejected, tc.rejected)
			}
		})
	}
}

func TestInspectEvents(t *testing.T) {
	folder := write(t, map[string]string{
		"seconds.csv": "user,item,time,stars\nu,i,1700000000,5\n",
		"millis.tsv":  "time\tuser\titem\n1700000000000\tu\ti\n",
		"words.csv":   "user,item,time\nu,i,noon\n",
		"headed.csv":  "user,item,time\n",
		"mixed.csv":   "user,item,time\nu,i,1700000000\nu,i,1700000000000\n",
		"dat":         "u::i::5::2026-01-31T00:00:00Z\n",
		"damaged.gz":  "this is no gzip file",
	})
	t.Chdir(folder)
	spec := func(pattern string) EventsSpec {
		return EventsSpec{Pattern: pattern, User: "user", Item: "item", Time: "time", MinEngagement: 3}
	}
	stars := spec("seconds.csv")
	stars.Engagement = "stars"
	dat := EventsSpec{Pattern: "dat", Layout: Layout{Delimiter: "::", NoHeader: true}, User: "1", Item: "2", Time: "4", Engagement: "3"}
	for _, tc := range []struct {
		spec    EventsSpec
		unit    fields.Unit
		columns []int
	}{
		{spec("seconds.csv"), fields.Seconds, []int{0, 1, 2}},
		{stars, fields.Seconds, []int{0, 1, 2, 3}},
		{spec("millis.tsv"), fields.Milliseconds, []int{1, 2, 0}},
		{spec("headed.csv,seconds.csv"), fields.Seconds, []int{0, 1, 2}},
		{dat, fields.RFC3339, []int{0, 1, 3, 2}},
	} {
		s, err := InspectEvents(t.Context(), tc.spec)
		if err != nil || s.Unit != tc.unit || s.MinEngagement != tc.spec.MinEngagement || !slices.Equal(s.Files[0].Columns, tc.columns) {
			t.Errorf("%s: got %+v, %v", tc.spec.Pattern, s, err)
		}
	}
	noStars := spec("millis.tsv")
	noStars.Engagement = "stars"
	for _, tc := range []struct {
		spec EventsSpec
		want string
	}{
		{spec("none.csv"), "--events=none.csv"},
		{noStars, "--engagement_column"},
		{EventsSpec{Pattern: "seconds.csv", User: "who", Item: "item", Time: "time"}, "--user_id_column"},
		{EventsSpec{Pattern: "seconds.csv", User: "user", Item: "what", Time: "time"}, "--event_item_id_column"},
		{EventsSpec{Pattern: "seconds.csv", User: "user", Item: "item", Time: "when"}, "--timestamp_column"},
		{spec("words.csv"), "--timestamp_column=time"},
		{spec("headed.csv"), "--events=headed.csv: holds no rows"},
		{spec("mixed.csv"), "--timestamp_column=time"},
		{spec("damaged.gz"), "damaged.gz"},
	} {
		if s, err := InspectEvents(t.Context(), tc.spec); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: got %+v, %v; want %q", tc.spec, s, err, tc.want)
		}
	}
}

func TestDelimiterOf(t *testing.T) {
	tests := []struct{ name, head, want string }{
		{"a.csv", "a,b\n1,2\n", ","},
		{"a.csv", "a;b\n1,5;2\n3,5;4\n", ";"},
		{"a.csv", "a\tb\n1\t2\n", ","},
		{"a.csv.gz", "a,b\n1,2\n", ","},
		{"a.tsv", "a,b\n1,2\n", "\t"},
		{"a.tab.zst", "a,b\n1,2\n", "\t"},
		{"a.txt", "a|b\n1|2\n", "|"},
		{"a.dat", "a::b\n1::2\n", "::"},
		{"a", "word\n", ","},
	}
	for _, tc := range tests {
		if got := delimiterOf("", tc.name, []byte(tc.head)); got != tc.want {
			t.Errorf("%s holding %q: got %q, want %q", tc.name, tc.head, got, tc.want)
		}
	}
}
