package delimited

import (
	"strings"
	"testing"
)

func TestSniff(t *testing.T) {
	for _, tc := range []struct {
		name, head string
		want       string // "" if it cannot be told
	}{
		{"commas", "user_id,item_id,timestamp\n1,2,3\n", ","},
		{"tabs, with commas in the text", "id\ttext\n1\ta, b\n2\tc, d\n", "\t"},
		{"tabs, with a list in each row", "id\tv\n1\t[0.1,0.2]\n2\t[0.3,0.4]\n", "\t"},
		{"semicolons and decimal commas", "id;price\n1;2,5\n2;3,5\n", ";"},
		{"semicolons and decimal commas without a header", "1,5;2,5\n3,5;4,5\n", ";"},
		{"commas and bars", "1,Drama|Comedy\n2,Crime|Drama\n", ","},
		{"bars", "a|b\n1|2\n", "|"},
		{"double colons", "1::A: b, c::Crime|Drama\n2::D::Comedy\n", "::"},
		{"quoted commas and line ends", "id,text\n1,\"a, b\nc; d\"\n2,\"x\"\n", ","},
		{"some rows differ", "a,b\n1,2\n1,2\n1,2\n1,2,3\n1,2\n", ","},
		{"too many rows differ", "a,b\n1,2\n1,2,3\n1\n1,2,3\n", ""},
		{"last row cut", "a,b,c\n1,2,3\n1,2", ","},
		{"last row cut within quotes", "a,b,c\n1,2,3\n1,2,3\n1,2,3\n1,2,3\n1,\"x\ny", ","},
		{"one line without an end", "a;b", ";"},
		{"byte order mark", "\xef\xbb\xbfa;b\n1;2\n", ";"},
		{"one column", "id\n1\n2\n", ""},
		{"text", "Once upon a time, there\nwas a file.\n", ""},
		{"JSON lines", "{\"a\":1,\"b\":2}\n{\"a\":1,\"b\":2}\n", ""},
		{"Parquet", "PAR1\x15\x04,a\n", ""},
		{"empty", "", ""},
		{"line ends", "\n\n", ""},
	} {
		got, ok := Sniff([]byte(tc.head))
		if got != tc.want || ok != (tc.want != "") {
			t.Errorf("%s: got %q and %v, want %q", tc.name, got, ok, tc.want)
		}
	}
}

func TestSniffLooksAtTheHeadOnly(t *testing.T) {
	head := strings.Repeat("a,b\n", sniffRows) + strings.Repeat("x\n", 10*sniffRows)
	if got, ok := Sniff([]byte(head)); got != "," || !ok {
		t.Errorf("got %q and %v", got, ok)
	}
}
