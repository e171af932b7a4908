package jsonl

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for _, tc := range []struct {
		name, head string
		want       []string
	}{
		{"nothing", "", nil},
		{"in order of first appearance", "{\"b\":1,\"a\":2}\n{\"c\":1,\"a\":2}\n", []string{"b", "a", "c"}},
		{"of objects' fields", `{"u":{"id":1,"more":{"x":null}},"t":["x"],"l":[{"y":1}]}`, []string{"u.id", "u.more.x", "t", "l"}},
		{"empty objects have none", `{"u":{},"v":{"w":{}}}`, nil},
		{"dots and escapes", `{"u.id":1,"\u00e9":{"a.b":2},"":{"":3}}`, []string{"u.id", "é.a.b", "."}},
		{"byte order mark, CRLF, blank lines", "\xef\xbb\xbf{\"a\":1}\r\n\r\n{\"b\":1}\r\n", []string{"a", "b"}},
		{"malformed rows do not count", "{\"a\":1}\n{\"b\":1,}\n{\"c\":1} 2\n[{\"d\":1}]\n7\n{\"e\":\"\xff\"}\n{\"f\":1}\n", []string{"a", "f"}},
		{"nor does one cut short", "{\"a\":1}\n{\"b\":1,\"c\":", []string{"a"}},
		{"a whole last one does", "{\"a\":1}\n{\"b\":1}", []string{"a", "b"}},
		{"not too deep", strings.Repeat(`{"d":`, 16) + "1" + strings.Repeat("}", 16) + "\n" + strings.Repeat(`{"e":`, 17) + "1" + strings.Repeat("}", 17) + "\n",
			[]string{strings.TrimSuffix(strings.Repeat("d.", 16), ".")}},
	} {
		if got := Names([]byte(tc.head)); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

// TestNamesAreColumns holds that every name that is told can be asked for.
func TestNamesAreColumns(t *testing.T) {
	line := []byte(`{"a":1,"b":{"c":2,"d.e":3,"":4},"f.g":{"h":5},".":6,"i":["7"],"é\n":8}`)
	names := Names(line)
	s := NewScanner(bytes.NewReader(line), Options{Columns: names})
	if !s.Scan() || s.RowErr() != nil {
		t.Fatal(s.RowErr(), s.Err())
	}
	if got := string(bytes.Join(s.Fields(), []byte("|"))); got != "1|2|3|4|5|6|7|8" {
		t.Errorf("the fields %q are %s", names, got)
	}
}
