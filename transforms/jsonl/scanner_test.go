package jsonl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"foray/transforms/delimited"
	"foray/transforms/fields"
)

// seen is what a test sees of a row.
type seen struct {
	line, offset int64
	fields       []string // absent for nil
	raw          string
	bad          string // the row's error, if any
}

const absent = "—"

func scanAll(t testing.TB, r io.Reader, opt Options) ([]seen, error) {
	t.Helper()
	s := NewScanner(r, opt)
	return collect(t, s, len(opt.Columns)), s.Err()
}

func collect(t testing.TB, s *Scanner, columns int) []seen {
	t.Helper()
	var rows []seen
	for s.Scan() {
		one := seen{line: s.Line(), offset: s.Offset(), raw: string(s.Raw())}
		for _, f := range s.Fields() {
			if f == nil {
				f = []byte(absent)
			}
			one.fields = append(one.fields, string(f))
		}
		want := columns
		if err := s.RowErr(); err != nil {
			one.bad = err.Error()
			want = 0
			if refused := (*delimited.RowError)(nil); !errors.As(err, &refused) {
				t.Errorf("the error %v is a %T", err, err)
			}
		}
		if len(one.fields) != want {
			t.Errorf("row %q has fields %q, error %q", one.raw, one.fields, one.bad)
		}
		rows = append(rows, one)
	}
	if s.Scan() || len(s.Fields()) > 0 || len(s.Raw()) > 0 || s.RowErr() != nil {
		t.Error("there is a row behind the end")
	}
	return rows
}

func show(rows []seen) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%d", r.line)
		if r.bad != "" {
			fmt.Fprintf(&b, " %s", r.bad)
		} else {
			fmt.Fprintf(&b, " %s", strings.Join(r.fields, "|"))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestScan(t *testing.T) {
	for _, tc := range []struct{ name, columns, in, want string }{
		{"empty", "a", "", ""},
		{"only blanks", "a", "\n\r\n \t\n\r", ""},
		{"values", "a b c d e f", `{"a":"x","b":1700000000,"c":true,"d":null,"e":false}`, "1 x|1700000000|true|—|false|—\n"},
		{"numbers as written", "a b c d", `{"a":1.50,"b":-0,"c":1E+09,"d":12345678901234567890.10}`, "1 1.50|-0|1E+09|12345678901234567890.10\n"},
		{"empty strings are there", "a b", `{"a":"","b":[""]}`, "1 |\n"},
		{"blanks around tokens", "a b", " { \"a\" : \"x y\" ,\t\"b\":[ 1 , 2 ] } \r\n", "1 x y|[ 1 , 2 ]\n"},
		{"line ends", "a", "{\"a\":1}\r\n\r\n  \n{\"a\":2}", "1 1\n4 2\n"},
		{"byte order mark", "a", "\xef\xbb\xbf{\"a\":1}\n", "1 1\n"},
		{"byte order mark on a line of its own", "a", "\xef\xbb\xbf\r\n{\"a\":1}\n", "2 1\n"},
		{"no fields", "a", "{}\n", "1 —\n"},
		{"no columns", "", "{\"a\":[{}]}\n", "1 \n"},
		{"a column twice", "a a", `{"a":1}`, "1 1|1\n"},
		{"others do no harm", "a", `{"x":{"a":[1,"x",{}]},"x":[[]],"a":2,"b":{"a":3}}`, "1 2\n"},
		{"escapes", "a", `{"a":"caf\u00e9 \ud83d\ude00 \"\\\/\b\f\n\r\t\u0000"}`, "1 café 😀 \"\\/\b\f\n\r\t\x00\n"},
		{"names with escapes", "é u.id", `{"\u00e9":1,"u":{"\u0069d":2}}`, "1 1|2\n"},
		{"names that differ in case", "a", `{"A":1}`, "1 —\n"},
		{"lists", "a b c d", `{"a":["x","\u00e9, z",""],"b":[1,-2.5e3],"c":[],"d":[ ]}`, "1 x, é, z, |[1,-2.5e3]||\n"},

		{"nested", "user.id user.more.id id", `{"user":{"id":7,"more":{"id":8}},"id":9}`, "1 7|8|9\n"},
		{"a column that has others in it may be absent", "a a.b", "{\"a\":1}\n{\"a\":null}\n", "1 1|—\n2 —|—\n"},
		{"lists have no fields", "a.b", `{"a":[{"b":1}]}`, "1 —\n"},
		{"the field in fewer objects goes first", "u.id", "{\"u.id\":1,\"u\":{\"id\":2}}\n{\"u\":{\"id\":2},\"u.id\":1}\n{\"u\":{\"id\":2}}\n", "1 1\n2 1\n3 2\n"},
		{"even if it is null", "u.id", "{\"u.id\":null,\"u\":{\"id\":2}}\n{\"u\":{\"id\":2},\"u.id\":null}\n", "1 —\n2 —\n"},
		{"what it hides does no harm", "u.id", "{\"u.id\":1,\"u\":{\"id\":{}}}\n{\"u\":{\"id\":[[]]},\"u.id\":1}\n", "1 1\n2 1\n"},
		{"dots within objects", "a.b.c a.d", "{\"a\":{\"b.c\":1,\"d\":2}}\n{\"a.b\":{\"c\":1}}\n{\"a\":{\"b\":{\"c\":1},\"b.c\":2}}\n", "1 1|2\n2 1|—\n3 2|—\n"},
		{"names that are dots", ". ..", `{".":1,"":{"":2,".":3}}`, "1 1|3\n"},

		{"a bad row is left behind", "a", "{\"a\":1}\n{\"a\":\n{\"a\":3}\n",
			"1 1\n2 in:2:6: found the end of the line within the object: write every object whole, and on one line (jq -c . makes them so)\n3 3\n"},
		{"cut in a string", "a", `{"a":"x`, "1 in:1:8: found the end of the line within the object: write every object whole, and on one line (jq -c . makes them so)\n"},
		{"text behind", "a", `{"a":1} {"a":2}`, "1 in:1:9: found `{\"a\":2}` behind the object: write one JSON object a line, and nothing else\n"},
		{"a brace too many", "a", `{"a":1}}`, "1 in:1:8: found \"}\" behind the object: write one JSON object a line, and nothing else\n"},
		{"a comma behind, as in a list", "a", `{"a":1},`, "1 in:1:8: found \",\" behind the object: write one JSON object a line, and nothing else\n"},
		{"not UTF-8", "a", "{\"a\":\"x\xff\"}", "1 in:1:8: found the byte 0xff, which is not UTF-8: convert the file, for instance with iconv -f WINDOWS-1252 -t UTF-8\n"},
		{"not UTF-8 in a field that is not wanted", "a", "{\"b\":{\"c\":\"\xe9t\"}}", "1 in:1:12: found the byte 0xe9, which is not UTF-8: convert the file, for instance with iconv -f WINDOWS-1252 -t UTF-8\n"},
		{"half a surrogate pair", "a", `{"a":"\ud83d!"}`, "1 in:1:7: found invalid surrogate pair `\\ud83d!\"}` in string: write a row as a JSON object on one line\n"},
		{"a name twice", "a", `{"a":1,"\u0061":2}`, "1 in:1:8: found a second field \"a\": give every field a name of its own\n"},
		{"a name twice in an object", "u.id", `{"u":{"id":1,"id":1}}`, "1 in:1:14: found a second field \"id\": give every field a name of its own\n"},
		{"an object twice", "u.id", `{"u":{"id":1},"u":null}`, "1 in:1:15: found a second field \"u\": give every field a name of its own\n"},
		{"two ways to a column", "a.b.c", `{"a":{"b.c":1},"a.b":{"c":2}}`, "1 in:1:23: found a second field \"a.b.c\": give every field a name of its own\n"},
		{"an object for a value", "user", `{"user":{"id":{"n":1}}}`, "1 in:1:9: found an object in the column \"user\": name one of its fields, such as \"user.id.n\"\n"},
		{"an object in an object", "a.b", `{"a":{"b":{"c":1}}}`, "1 in:1:11: found an object in the column \"a.b\": name one of its fields, such as \"a.b.c\"\n"},
		{"an object that has a wanted field", "a a.b", `{"a":{"b":1}}`, "1 in:1:6: found an object in the column \"a\": name one of its fields, such as \"a.b\"\n"},
		{"an empty object", "a", `{"a":{}}`, "1 in:1:6: found an object in the column \"a\": name one of its fields as the column\n"},
		{"a number among strings", "a", `{"a":["x",1]}`, "1 in:1:11: found a number beside a string in the list in the column \"a\": write a list of strings, or of numbers\n"},
		{"a string among numbers", "a", `{"a":[1,"x"]}`, "1 in:1:9: found a string beside a number in the list in the column \"a\": write a list of strings, or of numbers\n"},
		{"null among strings", "a", `{"a":["x",null]}`, "1 in:1:11: found null beside a string in the list in the column \"a\": write a list of strings, or of numbers\n"},
		{"a list of truths", "a", `{"a":[true]}`, "1 in:1:7: found true in the list in the column \"a\": write a list of strings, or of numbers\n"},
		{"a list of lists", "a", `{"a":[[1]]}`, "1 in:1:7: found a list in the list in the column \"a\": write a list of strings, or of numbers\n"},
		{"a list of objects", "a", `{"a":[{"b":1}]}`, "1 in:1:7: found an object in the list in the column \"a\": write a list of strings, or of numbers\n"},
		{"other values for rows", "a", "{}\n7\n \"x\"\nnull\ntrue\n[1]\n", "1 —\n" +
			"2 in:2:1: found a number for a row: write a row as a JSON object on one line\n" +
			"3 in:3:2: found a string for a row: write a row as a JSON object on one line\n" +
			"4 in:4:1: found null for a row: write a row as a JSON object on one line\n" +
			"5 in:5:1: found true for a row: write a row as a JSON object on one line\n" +
			"6 in:6:1: found a list for a row: write a row as a JSON object on one line\n"},
		{"no JSON", "a", "user,item\n", "1 in:1:1: found invalid character 'u' at start of value: write a row as a JSON object on one line\n"},
		{"a byte order mark within", "a", "{}\n\xef\xbb\xbf{}\n", "1 —\n2 in:2:1: found invalid character '\\ufeff' at start of value: write a row as a JSON object on one line\n"},
		{"blanks that are not JSON's", "a", "\u00a0\n\v{}\n",
			"1 in:1:1: found invalid character '\\u00a0' at start of value: write a row as a JSON object on one line\n" +
				"2 in:2:1: found invalid character '\\v' at start of value: write a row as a JSON object on one line\n"},
		{"no number", "a", "{\"a\":NaN}\n{\"a\":01}\n{\"a\":1.}\n",
			"1 in:1:6: found invalid character 'N' at start of value: write a row as a JSON object on one line\n" +
				"2 in:2:7: found invalid character '1' after object value (expecting ',' or '}'): write a row as a JSON object on one line\n" +
				"3 in:3:8: found invalid character '}' in number (expecting digit): write a row as a JSON object on one line\n"},
		{"a tab in a string", "a", "{\"a\":\"x\ty\"}\n", "1 in:1:8: found invalid character '\\t' in string (expecting non-control character): write a row as a JSON object on one line\n"},
		{"a comma too many", "a", "{\"a\":1, }\n{\"a\":[1, ]}\n{\"b\":{\"a\":1,}}\n{\"b\":[1,,2]}\n",
			"1 in:1:7: found \",\" before \"}\": remove the comma, or write what belongs behind it\n" +
				"2 in:2:10: found \",\" before \"]\": remove the comma, or write what belongs behind it\n" +
				"3 in:3:13: found \",\" before \"}\": remove the comma, or write what belongs behind it\n" +
				"4 in:4:9: found invalid character ',' at start of value: write a row as a JSON object on one line\n"},
		{"no value", "a", "{\"a\":}\n{\"b\":{\"a\": }}\n",
			"1 in:1:6: found \":\" before \"}\": write a value behind the colon, such as null\n" +
				"2 in:2:12: found \":\" before \"}\": write a value behind the colon, such as null\n"},
		{"no escape", "a", `{"a":"\x"}`, "1 in:1:7: found invalid escape sequence `\\x` in string: write a row as a JSON object on one line\n"},
		{"a name without quotes", "a", "{a:1}\n{1:1}\n{'a':1}\n",
			"1 in:1:2: found invalid character 'a' at start of value: write a row as a JSON object on one line\n" +
				"2 in:2:2: found object member name must be a string: write a row as a JSON object on one line\n" +
				"3 in:3:2: found invalid character '\\'' at start of value: write a row as a JSON object on one line\n"},
		{"a colon missing", "a", "{\"a\" 1}\n{\"a\"}\n",
			"1 in:1:6: found invalid character '1' after object name (expecting ':'): write a row as a JSON object on one line\n" +
				"2 in:2:5: found invalid character '}' after object name (expecting ':'): write a row as a JSON object on one line\n"},
		{"brackets that do not fit", "a", "{\"a\":[1}\n{\"b\":{\"c\":1]}\n",
			"1 in:1:8: found invalid character '}' after array element (expecting ',' or ']'): write a row as a JSON object on one line\n" +
				"2 in:2:12: found invalid character ']' after object value (expecting ',' or '}'): write a row as a JSON object on one line\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			opt := Options{Columns: strings.Fields(tc.columns), Name: "in"}
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

func TestTooDeep(t *testing.T) {
	in := `{"b":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + "}\n{\"a\":1}\n"
	rows, err := scanAll(t, strings.NewReader(in), Options{Columns: []string{"a"}})
	if err != nil || len(rows) != 2 || !strings.Contains(rows[0].bad, "exceeded max depth") || rows[1].bad != "" {
		t.Errorf("got %s%v", show(rows), err)
	}
	in = strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000)
	column := strings.Repeat("a.", 8_999) + "a"
	rows, err = scanAll(t, strings.NewReader(in), Options{Columns: []string{column}})
	if err != nil || len(rows) != 1 || !strings.Contains(rows[0].bad, "exceeded max depth") {
		t.Errorf("got %.200s%v", show(rows), err)
	}
}

// TestFloats holds that embeddings reach those who read them.
func TestFloats(t *testing.T) {
	s := NewScanner(strings.NewReader("{\"a\":[ 0.5,-1e-3 ,2 ]}"), Options{Columns: []string{"a"}})
	if !s.Scan() || s.RowErr() != nil {
		t.Fatal(s.RowErr(), s.Err())
	}
	floats, err := fields.Floats(s.Fields()[0])
	if err != nil || fmt.Sprint(floats) != "[0.5 -0.001 2]" {
		t.Errorf("got %v, %v", floats, err)
	}
}

func TestLongLines(t *testing.T) {
	// The lines are as long as the read buffer, and about it, and far longer.
	for _, n := range []int{bufferBytes - 10, bufferBytes - 9, bufferBytes - 8, bufferBytes - 7, bufferBytes, 5 * bufferBytes} {
		for _, end := range []string{"\n", "\r\n"} {
			long := `{"a":"` + strings.Repeat("x", n) + `"}`
			text := long + end + `{"a":1}` + end + long
			for _, tc := range []struct {
				max     int
				tooLong bool
			}{{len(long), false}, {len(long) - 1, true}, {7, true}} {
				s := NewScanner(strings.NewReader(text), Options{Columns: []string{"a"}, MaxRow: tc.max})
				rows := collect(t, s, 1)
				if len(rows) != 3 || s.Err() != nil || rows[1].line != 2 || rows[2].line != 3 || rows[1].fields[0] != "1" {
					t.Fatalf("%d bytes: %d rows, %v", n, len(rows), s.Err())
				}
				for _, r := range []seen{rows[0], rows[2]} {
					want := fmt.Sprintf("line %d, column 1: found a line longer than %d bytes: check that the file has a JSON object a line", r.line, tc.max)
					if tc.tooLong && (r.bad != want || r.raw != long[:tc.max]) || !tc.tooLong && (r.raw != long || r.fields[0] != long[6:len(long)-2]) {
						t.Errorf("%d bytes of at most %d: row of %d bytes, %q", len(long), tc.max, len(r.raw), r.bad)
					}
				}
				if got := text[rows[2].offset:]; got != long {
					t.Errorf("the last row is said to start at %d", rows[2].offset)
				}
			}
		}
	}
}

func TestLongBlankLineIsNoBlankOne(t *testing.T) {
	rows, err := scanAll(t, strings.NewReader("         \n        \n{}\n"), Options{MaxRow: 8})
	if got, want := show(rows), "1 line 1, column 1: found a line longer than 8 bytes: check that the file has a JSON object a line\n3 \n"; got != want || err != nil {
		t.Errorf("got\n%s%v, want\n%s", got, err, want)
	}
}

func TestReadError(t *testing.T) {
	broken := errors.New("broken pipe")
	for _, in := range []string{"{}\n{}\n", "{}\n{}\n{", "{}\n{}\n{}", "{}\n{}\r\n{}\r", "{}\n{}\n" + strings.Repeat("x", 2*bufferBytes)} {
		rows, err := scanAll(t, io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken)), Options{Name: "in"})
		if !errors.Is(err, broken) || err.Error() != "in:3: cannot read on: broken pipe" {
			t.Errorf("%.20q: got error %v", in, err)
		}
		if got, want := show(rows), "1 \n2 \n"; got != want {
			t.Errorf("%.20q: got\n%swant\n%s", in, got, want)
		}
	}
	// A line that is too long is told before its rest is read.
	in := "{}\n" + strings.Repeat("x", 2*bufferBytes)
	rows, err := scanAll(t, io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken)), Options{MaxRow: 9})
	if !errors.Is(err, broken) || len(rows) != 2 || !strings.Contains(rows[1].bad, "longer than 9 bytes") {
		t.Errorf("got %s%v", show(rows), err)
	}
	if _, err := scanAll(t, stuck{}, Options{}); !errors.Is(err, io.ErrNoProgress) || err.Error() != "line 1: cannot read on: "+io.ErrNoProgress.Error() {
		t.Errorf("a reader that gives nothing: got error %v", err)
	}
}

// stuck is a reader that never gives anything.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestRefused(t *testing.T) {
	const list = "cannot read on: the file is one JSON list: write a row a line (jq -c '.[]' rows.json > rows.jsonl)"
	for _, tc := range []struct{ in, want string }{
		{"\xff\xfe{\x00}\x00", "in:1: cannot read on: the text is UTF-16: convert the file to UTF-8 (iconv -f UTF-16 -t UTF-8)"},
		{"\xfe\xff\x00{\x00}", "in:1: cannot read on: the text is UTF-16: convert the file to UTF-8 (iconv -f UTF-16 -t UTF-8)"},
		{"[{\"a\":1},{\"a\":2}]", "in:1: " + list},
		{"[\n{\"a\":1},\n{\"a\":2}\n]\n", "in:1: " + list},
		{"\xef\xbb\xbf\n \r\n\t[\n", "in:3: " + list},
		{"[" + strings.Repeat("{},", bufferBytes), "in:1: " + list}, // longer than allowed
	} {
		rows, err := scanAll(t, strings.NewReader(tc.in), Options{Name: "in", MaxRow: 99})
		if len(rows) != 0 || err == nil || err.Error() != tc.want {
			t.Errorf("%.20q: got %d rows and error %v", tc.in, len(rows), err)
		}
	}
}

func TestStartWithin(t *testing.T) {
	in := "{\"a\":1}\n\xef\xbb\xbf{}\n\n{\"a\":2}\n[]\n"
	rows, err := scanAll(t, strings.NewReader(in[8:]), Options{Columns: []string{"a"}, Offset: 8, Line: 2})
	want := "2 line 2, column 1: found invalid character '\\ufeff' at start of value: write a row as a JSON object on one line\n4 2\n" +
		"5 line 5, column 1: found a list for a row: write a row as a JSON object on one line\n"
	if got := show(rows); got != want || err != nil {
		t.Errorf("got\n%s%v, want\n%s", got, err, want)
	}
	for i, offset := range []int64{8, 15, 23} {
		if rows[i].offset != offset {
			t.Errorf("row %d is said to start at %d, not %d", i, rows[i].offset, offset)
		}
	}
	// A list may start at offset 0 only.
	rows, err = scanAll(t, strings.NewReader("[]\n"), Options{Offset: 8, Line: 2})
	if len(rows) != 1 || err != nil {
		t.Errorf("got %s%v", show(rows), err)
	}
}

func TestNoAllocationARow(t *testing.T) {
	in := bytes.Repeat([]byte(`{"id":"a \"b\"","tags":["x","y\n"],"u":{"\u0069d":"é"},"at":1362093742,"e":[0.5,1]}`+"\n"), 20_000)
	allocs := testing.AllocsPerRun(3, func() {
		s := NewScanner(bytes.NewReader(in), Options{Columns: []string{"id", "tags", "u.id", "at", "e", "none"}})
		for s.Scan() {
			if s.RowErr() != nil || string(s.Fields()[1]) != "x, y\n" {
				t.Fatal(s.RowErr())
			}
		}
		if most := 1 << 10; cap(s.row.room) > most || cap(s.lines.long) > most {
			t.Fatalf("there is room for %d and %d bytes, more than a row needs", cap(s.row.room), cap(s.lines.long))
		}
	})
	if allocs > 50 {
		t.Errorf("%v allocations for 20,000 rows", allocs)
	}
}
