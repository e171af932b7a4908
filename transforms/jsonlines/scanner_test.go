package jsonlines

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// scanAll reads all rows: "line: a|b|…", or "line: ! reason".
func scanAll(in io.Reader, opt Options) ([]string, error) {
	var rows []string
	s := NewScanner(in, opt)
	for s.Scan() {
		row := fmt.Sprintf("%d: ", s.Line())
		if err := s.RowErr(); err != nil {
			rows = append(rows, row+"! "+err.Error())
			continue
		}
		for i, f := range s.Fields() {
			if i > 0 {
				row += "|"
			}
			if f == nil {
				row += "–"
			}
			row += string(f)
		}
		rows = append(rows, row)
	}
	return rows, s.Err()
}

func TestRows(t *testing.T) {
	tests := []struct {
		name, in string
		columns  []string
		want     []string
	}{
		{"values as text", `{"a":"x","b":1700000000,"c":true,"d":null,"e":-1.50e+3}`, []string{"a", "b", "c", "d", "e", "f"},
			[]string{"1: x|1700000000|true|–|-1.50e+3|–"}},
		{"escapes", `{"a":"caf\u00e9 \ud83d\ude00 \"\\\n"}`, []string{"a"}, []string{"1: café 😀 \"\\\n"}},
		{"a name with escapes", `{"caf\u00e9":1}`, []string{"café"}, []string{"1: 1"}},
		{"lists", `{"a":["x","y"],"b":[1,-2.5],"c":[],"d":[ ]}`, []string{"a", "b", "c", "d"}, []string{"1: x, y|[1,-2.5]||"}},
		{"nested", `{"user":{"id":7,"more":{"id":8}},"id":9}`, []string{"user.id", "user.more.id", "id"}, []string{"1: 7|8|9"}},
		{"a literal dot goes first", "{\"u.id\":1,\"u\":{\"id\":2}}\n{\"u\":{\"id\":2},\"u.id\":1}\n{\"u\":{\"id\":2}}", []string{"u.id"}, []string{"1: 1", "2: 1", "3: 2"}},
		{"others are skipped", `{"x":{"a":[{"a":1}]},"a":2,"y":[[]]}`, []string{"a"}, []string{"1: 2"}},
		{"blank lines, CRLF, no last line end", "{\"a\":1}\r\n\r\n  \n{\"a\":2}", []string{"a"}, []string{"1: 1", "4: 2"}},
		{"byte order mark", "\xef\xbb\xbf{\"a\":1}\n", []string{"a"}, []string{"1: 1"}},
		{"an empty object", "{}\n", []string{"a"}, []string{"1: –"}},
		{"an object", `{"a":{"id":1}}`, []string{"a"}, []string{`1: ! in:1:5: found column "a" is an object: name one of its fields, such as a.id`}},
		{"a mixed list", `{"a":["x",1]}`, []string{"a"}, []string{`1: ! in:1:5: found column "a" is a list of texts and numbers: write a list of either`}},
		{"a list of lists", `{"a":[[1]]}`, []string{"a"}, []string{`1: ! in:1:5: found column "a" is a list with a list in it: write a list of texts or of numbers`}},
		{"what is malformed is left behind", "{\"a\":1}\n{\"a\":\n{\"a\":3}\n", []string{"a"},
			[]string{"1: 1", "2: ! in:2:6: found the end of the line within the object: write a JSON object a line", "3: 3"}},
		{"invalid UTF-8", "{\"a\":\"x\xff\"}", []string{"a"}, []string{"1: ! in:1:8: found invalid UTF-8: write a JSON object a line"}},
		{"a name twice", `{"a":1,"a":2}`, []string{"a"}, []string{`1: ! in:1:8: found a second "a": give every field a name of its own`}},
		{"more behind", `{"a":1} {"a":2}`, []string{"a"}, []string{"1: ! in:1:9: found `{\"a\":2}` behind the object: write one JSON object a line"}},
		{"no object", "[{\"a\":1}]\n7\n", []string{"a"}, []string{
			"1: ! in:1:1: found a list: write a JSON object a line (jq -c '.[]' makes that of a list)",
			"2: ! in:2:1: found a number: write a JSON object a line (jq -c '.[]' makes that of a list)"}},
		{"no JSON", "user,item\n", []string{"a"}, []string{"1: ! in:1:1: found invalid character 'u' at start of value: write a JSON object a line"}},
	}
	for _, tc := range tests {
		for _, wrap := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader} {
			got, err := scanAll(wrap(strings.NewReader(tc.in)), Options{Columns: tc.columns, Name: "in"})
			if err != nil || !slices.Equal(got, tc.want) {
				t.Errorf("%s: got\n%s\n%v; want\n%s", tc.name, strings.Join(got, "\n"), err, strings.Join(tc.want, "\n"))
			}
		}
	}
}

func TestLongLines(t *testing.T) {
	long := strings.Repeat("x", 3*bufferBytes)
	in := `{"a":"` + long + "\"}\n{\"a\":1}\n"
	got, err := scanAll(strings.NewReader(in), Options{Columns: []string{"a"}})
	if err != nil || len(got) != 2 || len(got[0]) != len("1: ")+len(long) || got[1] != "2: 1" {
		t.Errorf("%d rows, %v", len(got), err)
	}
	for _, limit := range []int{10, 100, bufferBytes, 2*bufferBytes + 5} {
		got, err := scanAll(strings.NewReader(in), Options{Columns: []string{"a"}, MaxRow: limit})
		if err != nil || len(got) != 2 || !strings.Contains(got[0], fmt.Sprintf("longer than %d bytes", limit)) || got[1] != "2: 1" {
			t.Errorf("rows of at most %d bytes: %.200q, %v", limit, got, err)
		}
	}
}

func TestTroubleWithReading(t *testing.T) {
	broken := errors.New("the disk is gone")
	got, err := scanAll(io.MultiReader(strings.NewReader("{\"a\":1}\n{\"a\""), iotest.ErrReader(broken)), Options{Columns: []string{"a"}, Name: "in"})
	if !slices.Equal(got, []string{"1: 1"}) || !errors.Is(err, broken) || !strings.Contains(err.Error(), "in:2") {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := scanAll(strings.NewReader("\xff\xfe{\x00"), Options{}); err == nil || !strings.Contains(err.Error(), "UTF-16") {
		t.Errorf("UTF-16 gave %v", err)
	}
}

func TestNames(t *testing.T) {
	head := "\xef\xbb\xbf{\"b\":1,\"a\":{\"x\":[1],\"y\":{\"z\":null}}}\nrubbish\n{\"a\":{\"w\":{}},\"c\":2}\n{\"d\":"
	if got, want := Names([]byte(head)), []string{"b", "a.x", "a.y.z", "c"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestAgainstTheStandardLibrary holds random objects against encoding/json.
func TestAgainstTheStandardLibrary(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	words := []string{"a", "b", "a.b", "é", "x\ty", "\"", "", "😀", "\u2028"}
	var in bytes.Buffer
	var want []string
	for i := range 500 {
		object := map[string]any{}
		for range rng.IntN(6) {
			object[words[rng.IntN(len(words))]] = []any{words[rng.IntN(len(words))], rng.IntN(100), rng.Float64(), nil, true}[rng.IntN(5)]
		}
		line, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
		row := fmt.Sprintf("%d: ", i+1)
		for j, name := range words[:5] {
			if j > 0 {
				row += "|"
			}
			switch v := object[name].(type) {
			case nil:
				row += "–"
			case string:
				row += v
			default:
				text, err := json.Marshal(v)
				if err != nil {
					t.Fatal(err)
				}
				row += string(text)
			}
		}
		want = append(want, row)
	}
	got, err := scanAll(&in, Options{Columns: words[:5]})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d rows, want %d, or others; %v", len(got), len(want), err)
	}
}

func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		"{\"a\":1}\n", "{\"a\":{\"b\":[\"x\"]}}\n\n{\"a.b\":2}", "\xef\xbb\xbf{}\r\n", "[1]\n{\"a\":\"\\ud800\"}\n", "{\"a\":1}}\n", "{\"a\":[1,[2]]}", "{\"\\u0061\":1,\"a\":2}\n",
	} {
		f.Add([]byte(seed), uint8(5))
	}
	f.Fuzz(func(t *testing.T, in []byte, at uint8) {
		opt := Options{Columns: []string{"a", "a.b", "b"}, MaxRow: 64}
		rows, err := scanAll(bytes.NewReader(in), opt)
		if err != nil {
			return // UTF-16
		}
		lines := 0
		for line := range bytes.Lines(bytes.TrimPrefix(in, []byte("\xef\xbb\xbf"))) {
			if len(line) > 64 || len(bytes.TrimSpace(line)) > 0 {
				lines++
			}
		}
		if len(rows) > lines || len(rows) < lines-bytes.Count(in, []byte(" "))-bytes.Count(in, []byte("\t")) {
			t.Errorf("%d rows of %d lines", len(rows), lines)
		}
		// Cut at a line's end, the halves hold the same rows.
		cut := bytes.IndexByte(in[min(int(at), len(in)):], '\n')
		if cut < 0 {
			return
		}
		cut += min(int(at), len(in)) + 1
		head, err := scanAll(bytes.NewReader(in[:cut]), opt)
		if err != nil {
			t.Fatal(err)
		}
		opt.Offset, opt.Line = int64(cut), int64(1+bytes.Count(in[:cut], []byte("\n")))
		tail, err := scanAll(bytes.NewReader(in[cut:]), opt)
		if err != nil {
			t.Fatal(err)
		}
		if both := slices.Concat(head, tail); !slices.Equal(both, rows) {
			t.Errorf("in one piece %q, in two %q", rows, both)
		}
	})
}

func BenchmarkScanner(b *testing.B) {
	line := []byte(`{"user_id":"u123456","item_id":"i45678","timestamp":1700000000,"device":{"os":"linux"}}` + "\n")
	text := bytes.Repeat(line, 10_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s := NewScanner(bytes.NewReader(text), Options{Columns: []string{"user_id", "item_id", "timestamp"}})
		n := 0
		for s.Scan() {
			n++
		}
		if n != 10_000 || s.Err() != nil {
			b.Fatal(n, s.Err())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/row")
}
