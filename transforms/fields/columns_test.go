package fields

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func split(header string) (row [][]byte) {
	for _, name := range strings.Split(header, ",") {
		row = append(row, []byte(name))
	}
	return row
}

func TestHeader(t *testing.T) {
	if got, want := Header(split("id, Title ,"), false), []string{"id", "Title", ""}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := Header(split("7,x"), true), []string{"1", "2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFind(t *testing.T) {
	for _, tc := range []struct {
		header, name string
		want         int
		says         string
	}{
		{header: "item_id,title", name: "title", want: 1},
		{header: "item_id,title", name: " title ", want: 1},
		{header: "ITEM_ID,Title", name: "item_id", want: 0},
		{header: "ID,id,Id", name: "id", want: 1},
		{header: "ÜBER,x", name: "über", want: 0},
		{header: "1,2,3", name: "3", want: 2},
		{header: "item_id,title", name: "titel", says: "there is no column \"titel\" among \"item_id\", \"title\": did you mean \"title\"?"},
		{header: "movieId,rating", name: "movie_id", says: `did you mean "movieId"?`},
		{header: "item_id,title", name: "timestamp", says: `among "item_id", "title": name one of them`},
		{header: "id,x,id", name: "id", says: `there is more than one column "id", at 1 and 3`},
		{header: "ID,x,Id", name: "id", says: `more than one column "id", at 1 and 3`},
		{header: "1,2,3", name: "title", says: "without a header, columns are named by their numbers, 1 to 3"},
		{header: "1,2,3", name: "4", says: "1 to 3"},
		{header: ",,", name: "x", says: `name one of them`},
		{header: strings.Repeat("c,", 25) + "d", name: "timestamp", says: ` and 6 more: name one of them`},
	} {
		got, err := Find(Header(split(tc.header), false), tc.name)
		switch {
		case tc.says == "" && (err != nil || got != tc.want):
			t.Errorf("%q in %q: got %d and %v, want %d", tc.name, tc.header, got, err, tc.want)
		case tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)):
			t.Errorf("%q in %q: got %d and %v, want an error that says %q", tc.name, tc.header, got, err, tc.says)
		}
	}
	if _, err := Find(nil, "x"); err == nil || !strings.Contains(err.Error(), "the header is empty") {
		t.Errorf("no header: got %v", err)
	}
}

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"titel", "title", 1}, {"kitten", "sitting", 3}, {"über", "uber", 1}, {"ca", "abc", 3}, {"abcd", "badc", 2}} {
		if got := distance(tc.a, tc.b, 9); got != tc.want {
			t.Errorf("%q and %q: got %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
	if got := distance("a", "abcdef", 2); got <= 2 {
		t.Errorf("words of lengths that differ by 5 are %d apart", got)
	}
}

// FuzzFind holds that a name that is there is found, and that one that is not
// is told in one printable line.
func FuzzFind(f *testing.F) {
	f.Add("item_id,title,genres", "titel")
	f.Add("1,2,3", "4")
	f.Add("a,A,\u00e4,\u00c4", "\u00c4")
	f.Fuzz(func(t *testing.T, text, name string) {
		header := Header(split(text), false)
		at, err := Find(header, name)
		if err == nil {
			if !strings.EqualFold(header[at], strings.TrimSpace(name)) {
				t.Errorf("%q is found as %q", name, header[at])
			}
			return
		}
		if message := err.Error(); at != -1 || strings.ContainsAny(message, "\n\r\x00") {
			t.Errorf("got %d and %q", at, message)
		}
		for i, column := range header {
			if column == strings.TrimSpace(name) && !strings.Contains(err.Error(), "more than one") {
				t.Errorf("%q is not found at %s: %v", name, fmt.Sprint(i+1), err)
			}
		}
	})
}
