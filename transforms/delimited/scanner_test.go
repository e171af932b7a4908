package delimited

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// row is what a test sees of a row.
type row struct {
	line   int64
	fields []string
	raw    string
	bad    string // the row's error, if any
}

func scanAll(t testing.TB, r io.Reader, opt Options) ([]row, error) {
	t.Helper()
	s := NewScanner(r, opt)
	return collect(t, s), s.Err()
}

func collect(t testing.TB, s *Scanner) []row {
	t.Helper()
	var rows []row
	for s.Scan() {
		one := row{line: s.Line(), raw: string(s.Raw())}
		for _, f := range s.Fields() {
			one.fields = append(one.fields, string(f))
		}
		if err := s.RowErr(); err != nil {
			one.bad = err.Error()
			if len(s.Fields()) != 0 {
				t.Errorf("malformed row %q has fields %q", one.raw, one.fields)
			}
		}
		rows = append(rows, one)
	}
	if s.Scan() {
		t.Error("Scan is true again behind the end")
	}
	return rows
}

func show(rows []row) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%d %q", r.line, r.fields)
		if r.bad != "" {
			fmt.Fprintf(&b, " raw %q: %s", r.raw, r.bad)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestScan(t *testing.T) {
	for _, tc := range []struct {
		name, in, delimiter string
		want                string
	}{
		{name: "empty", in: "", want: ""},
		{name: "only line ends", in: "\n\r\n\n\r", want: ""},
		{name: "plain", in: "a,b\nc,d\n", want: "1 [\"a\" \"b\"]\n2 [\"c\" \"d\"]\n"},
		{name: "CRLF and no last line end", in: "a,b\r\nc,d", want: "1 [\"a\" \"b\"]\n2 [\"c\" \"d\"]\n"},
		{name: "CR at the very end", in: "a,b\r", want: "1 [\"a\" \"b\"]\n"},
		{name: "CR inside is data", in: "a\rb,c\r\r\n", want: "1 [\"a\\rb\" \"c\\r\"]\n"},
		{name: "empty lines count", in: "\n\na\r\n\r\n\nb\n", want: "3 [\"a\"]\n6 [\"b\"]\n"},
		{name: "blanks and NUL are data", in: " a ,\x00\n  \n", want: "1 [\" a \" \"\\x00\"]\n2 [\"  \"]\n"},
		{name: "empty fields", in: ",\n,,\n", want: "1 [\"\" \"\"]\n2 [\"\" \"\" \"\"]\n"},
		{name: "byte order mark", in: "\xef\xbb\xbf\"a\",b\n", want: "1 [\"a\" \"b\"]\n"},
		{name: "quoted", in: "\"a,b\",\"c\"\n\"\",\"\"\n", want: "1 [\"a,b\" \"c\"]\n2 [\"\" \"\"]\n"},
		{name: "doubled quotes", in: "\"a \"\"b\"\" c\",\"\"\"\"\n", want: "1 [\"a \\\"b\\\" c\" \"\\\"\"]\n"},
		{name: "line ends in quotes", in: "1,\"a\r\nb\n\",x\n2,y\n", want: "1 [\"1\" \"a\\r\\nb\\n\" \"x\"]\n4 [\"2\" \"y\"]\n"},
		{name: "quoted last field, empty last field", in: "1,\"a\"\r\n2,\"b\",\n3,\"c\"\r", want: "1 [\"1\" \"a\"]\n2 [\"2\" \"b\" \"\"]\n3 [\"3\" \"c\"]\n"},
		{name: "quotes inside a field", in: "5\" nails,a \"b\" c\n", want: "1 [\"5\\\" nails\" \"a \\\"b\\\" c\"]\n"},
		{name: "tabs", in: "a\t\"b\tc\"\n", delimiter: "\t", want: "1 [\"a\" \"b\\tc\"]\n"},
		{name: "delimiter of one rune", in: "a§\"b§c\"§d\n", delimiter: "§", want: "1 [\"a\" \"b§c\" \"d\"]\n"},
		{name: "long delimiter, quotes mean nothing", in: "1::\"Crocodile\" Dundee::a:b\n2::\"x::\n3:::4", delimiter: "::",
			want: "1 [\"1\" \"\\\"Crocodile\\\" Dundee\" \"a:b\"]\n2 [\"2\" \"\\\"x\" \"\"]\n3 [\"3\" \":4\"]\n"},
		{name: "text behind a closing quote", in: "1,\"a\"b,c\n2,d\n",
			want: "1 [] raw \"1,\\\"a\\\"b,c\": in.csv:1:6: found \"b,c\" behind a closing quote: write a quote that belongs to the text twice (\"\")\n2 [\"2\" \"d\"]\n"},
		{name: "blank behind a closing quote", in: "\"a\" ,b\n",
			want: "1 [] raw \"\\\"a\\\" ,b\": in.csv:1:4: found \" ,b\" behind a closing quote: write a quote that belongs to the text twice (\"\")\n"},
		{name: "unclosed quote", in: "1,\"5 nails,x\r\n2,y\n\n3,z\n",
			want: "1 [] raw \"1,\\\"5 nails,x\": in.csv:1:3: found the field `\"5 nails,x` without a closing quote up to the end of the file: close it, and write a quote that belongs to the text twice (\"\")\n2 [\"2\" \"y\"]\n4 [\"3\" \"z\"]\n"},
		{name: "unclosed quote that meets the next one", in: "1,\"5 nails,x\n2,\"hello\",y\n3,z\n",
			want: "1 [] raw \"1,\\\"5 nails,x\": in.csv:2:4: found `hello\",y` behind a closing quote: write a quote that belongs to the text twice (\"\")\n2 [\"2\" \"hello\" \"y\"]\n3 [\"3\" \"z\"]\n"},
		{name: "bad row behind line ends in quotes", in: "a,\"b\nc\",\"d\ne\"f\nx,y\n",
			want: "1 [] raw \"a,\\\"b\": in.csv:3:3: found \"f\" behind a closing quote: write a quote that belongs to the text twice (\"\")\n" +
				"2 [] raw \"c\\\",\\\"d\": in.csv:3:3: found \"f\" behind a closing quote: write a quote that belongs to the text twice (\"\")\n3 [\"e\\\"f\"]\n4 [\"x\" \"y\"]\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rows, err := scanAll(t, strings.NewReader(tc.in), Options{Delimiter: tc.delimiter, Name: "in.csv"})
			if err != nil {
				t.Fatal(err)
			}
			if got := show(rows); got != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	opt := Options{MaxField: 10}
	for _, tc := range []struct{ name, in, want string }{
		{"fields and row as long as allowed", "0123456789,0123456789,0123456789,0123456\nx\n",
			"1 [\"0123456789\" \"0123456789\" \"0123456789\" \"0123456\"]\n2 [\"x\"]\n"},
		{"long field", "a,01234567890\nx\n",
			"1 [] raw \"a,01234567890\": line 1, column 3: found a field longer than 10 bytes: shorten it, or check the delimiter and the quotes before it\n2 [\"x\"]\n"},
		{"long field beside quotes", "\"a\",01234567890\nx\n",
			"1 [] raw \"\\\"a\\\",01234567890\": line 1, column 5: found a field longer than 10 bytes: shorten it, or check the delimiter and the quotes before it\n2 [\"x\"]\n"},
		{"quoted field as long as allowed", "\"12345678\"\n", "1 [\"12345678\"]\n"},
		{"long quoted field", "\"123456789\"\nx\n",
			"1 [] raw \"\\\"123456789\\\"\": line 1, column 1: found the field `\"123456789` without a closing quote in 10 bytes: close it, and write a quote that belongs to the text twice (\"\")\n2 [\"x\"]\n"},
		{"unclosed quote goes no further", "\"a\nb\nc\nd\ne\nf\n",
			"1 [] raw \"\\\"a\": line 1, column 1: found the field `\"a` without a closing quote in 10 bytes: close it, and write a quote that belongs to the text twice (\"\")\n2 [\"b\"]\n3 [\"c\"]\n4 [\"d\"]\n5 [\"e\"]\n6 [\"f\"]\n"},
		{"long line", strings.Repeat("x", 41) + "\ny\n" + strings.Repeat("z", 1000),
			"1 [] raw \"" + strings.Repeat("x", 40) + "\": line 1, column 1: found a line longer than 40 bytes: check that the file is text, with line ends\n2 [\"y\"]\n" +
				"3 [] raw \"" + strings.Repeat("z", 40) + "\": line 3, column 1: found a line longer than 40 bytes: check that the file is text, with line ends\n"},
		{"row of several lines too long", "\"a\n5678\",\"\n345678\",01234567,01234567,0123\nx\n",
			"1 [] raw \"\\\"a\": line 1, column 1: found a row of several lines that is longer than 40 bytes: check its quotes, of which one may be missing\n" +
				"2 [\"5678\\\"\" \"\\n345678\" \"01234567\" \"01234567\" \"0123\"]\n4 [\"x\"]\n"},
		{"row of several lines too long by a delimiter", "\"a\n5678\",\"\n345678\",01234567,01234567,\"1\",\"\"\nx\n",
			"1 [] raw \"\\\"a\": line 1, column 1: found a row of several lines that is longer than 40 bytes: check its quotes, of which one may be missing\n" +
				"2 [\"5678\\\"\" \"\\n345678\" \"01234567\" \"01234567\" \"1\" \"\"]\n4 [\"x\"]\n"},
		{"row of several lines as long as allowed", "\"a\n5678\",\"\n345678\",01234567,01234567,012\nx\n",
			"1 [\"a\\n5678\" \"\\n345678\" \"01234567\" \"01234567\" \"012\"]\n4 [\"x\"]\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rows, err := scanAll(t, strings.NewReader(tc.in), opt)
			if err != nil {
				t.Fatal(err)
			}
			if got := show(rows); got != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
		})
	}
}

func TestHugeField(t *testing.T) {
	text := strings.Repeat("0123456789\n\"\"", 800_000) // 10.4 MB as written
	in := "1,\"" + text + "\",x\n2,b,y\n3," + strings.Repeat("z", 10_000_000) + ",y\n"
	s := NewScanner(strings.NewReader(in), Options{})
	var got []int
	for s.Scan() {
		if s.RowErr() != nil {
			t.Fatal(s.RowErr())
		}
		if string(s.Fields()[0]) == "1" && string(s.Fields()[1]) != strings.ReplaceAll(text, `""`, `"`) {
			t.Error("the huge field came out wrong")
		}
		got = append(got, len(s.Fields()), len(s.Fields()[1]), int(s.Line()))
	}
	want := []int{3, 9_600_000, 1, 3, 1, 800_002, 3, 10_000_000, 800_003}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestReadError(t *testing.T) {
	broken := errors.New("broken pipe")
	for _, in := range []string{"a,b\nc,d\ne", "a,b\nc,d\n", "a,b\nc,d\n\"e", "a,b\nc,d\n\"e\"", "a,b\nc,d\n\"e\"\r", "a,b\nc,d\n\"e\nf", "a,b\nc,d\n\"e\n\",f"} {
		rows, err := scanAll(t, io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken)), Options{Name: "in.csv"})
		if !errors.Is(err, broken) || err.Error() != "in.csv:3: cannot read on: broken pipe" {
			t.Errorf("%q: got error %v", in, err)
		}
		if got, want := show(rows), "1 [\"a\" \"b\"]\n2 [\"c\" \"d\"]\n"; got != want {
			t.Errorf("%q: got\n%swant\n%s", in, got, want)
		}
	}
	if _, err := scanAll(t, stuck{}, Options{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that gives nothing: got error %v", err)
	}
}

// stuck is a reader that never gives anything.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestRefused(t *testing.T) {
	for _, tc := range []struct{ in, delimiter, want string }{
		{"a\n", "\n", `the delimiter "\n" cannot part fields`},
		{"a\n", `"`, "cannot part fields"},
		{"a\n", "a\r", "cannot part fields"},
		{"\xff\xfea\x00,\x00", ",", "convert the file to UTF-8"},
		{"\xfe\xff\x00a", ",", "convert the file to UTF-8"},
	} {
		rows, err := scanAll(t, strings.NewReader(tc.in), Options{Delimiter: tc.delimiter})
		if len(rows) != 0 || err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q by %q: got %d rows and error %v", tc.in, tc.delimiter, len(rows), err)
		}
	}
}

func TestStartWithin(t *testing.T) {
	in := "a,b\n\xef\xbb\xbfd\n\ne\n"
	s := NewScanner(strings.NewReader(in[4:]), Options{Offset: 4, Line: 2})
	var got []string
	for s.Scan() {
		got = append(got, fmt.Sprintf("%d@%d %q", s.Line(), s.Offset(), s.Raw()))
	}
	if want := `[2@4 "\ufeffd" 4@10 "e"]`; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestBadQuotesTakeLinearTime has a quote in every line that runs to the
// limit, unless rereading is bounded.
func TestBadQuotesTakeLinearTime(t *testing.T) {
	in := strings.Repeat("a\",\"b\n", 300_000) + "\"" + strings.Repeat("on one line ", 100) + "\",b\n"
	s := NewScanner(strings.NewReader(in), Options{MaxField: 1 << 16})
	rows, good := 0, 0
	for s.Scan() {
		rows++
		if s.RowErr() == nil {
			good++
		}
	}
	if most := int64(maxReread * (s.maxRow + len(in))); s.reread > most {
		t.Errorf("%d bytes were read again, more than %d", s.reread, most)
	}
	if rows != 300_001 || good != 1 {
		t.Errorf("got %d rows, %d of them good", rows, good)
	}
}

func TestNoAllocationARow(t *testing.T) {
	in := bytes.Repeat([]byte("1,\"a \"\"b\"\"\nc\",1362093742\n2,c,1362093742\n"), 50_000)
	allocs := testing.AllocsPerRun(3, func() {
		s := NewScanner(bytes.NewReader(in), Options{})
		for s.Scan() {
		}
	})
	if allocs > 30 {
		t.Errorf("%v allocations for 100,000 rows", allocs)
	}
}
