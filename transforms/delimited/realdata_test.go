package delimited

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unicode/utf8"
)

// TestRealFiles reads every row of the real data sets that lie beside the
// module.
func TestRealFiles(t *testing.T) {
	for _, tc := range []struct {
		path, delimiter   string
		rows, fields      int
		first, line, last []string // line is the row at the line at
		at                int64
	}{
		{path: "movietweetings-100k/ratings.dat", delimiter: "::", rows: 100_000, fields: 4, at: 3,
			first: []string{"1", "1074638", "7", "1365029107"}, line: []string{"2", "0104257", "8", "1364690142"}},
		{path: "movietweetings-100k/movies.dat", delimiter: "::", rows: 10_506, fields: 3, at: 2,
			first: []string{"0002844", "Fantômas - À l'ombre de la guillotine (1913)", "Crime|Drama"},
			line:  []string{"0004936", "The Bank (1915)", "Comedy|Short"}},
		{path: "movietweetings/interactions.csv", delimiter: ",", rows: 17_172, fields: 4, at: 2,
			first: []string{"user_id", "item_id", "timestamp", "rating"}, line: []string{"1", "tt0074958", "1362093742", "9"},
			last: []string{"600", "tt1194173", "1377929242", "6"}},
		{path: "movietweetings/items.csv", delimiter: ",", rows: 4_375, fields: 3, at: 6,
			first: []string{"item_id", "title", "genres"}, line: []string{"tt0013442", "Nosferatu, eine Symphonie des Grauens (1922)", "Horror"},
			last: []string{"tt3094914", "Bakit hindi ka crush ng crush mo? (2013)", "Drama"}},
		{path: "online-retail/interactions.csv", delimiter: ",", rows: 33_199, fields: 3, at: 2,
			first: []string{"user_id", "item_id", "timestamp"}, line: []string{"1", "20780", "1291733820"},
			last: []string{"500", "72799E", "1323261780"}},
		{path: "online-retail/items.csv", delimiter: ",", rows: 2_918, fields: 2, at: 2,
			first: []string{"item_id", "title"}, line: []string{"10002", "INFLATABLE POLITICAL GLOBE"},
			last: []string{"90214S", `LETTER "S" BLING KEY RING`}},
	} {
		t.Run(tc.path, func(t *testing.T) {
			path := filepath.Join("..", "..", "..", "shared", "data", tc.path)
			text, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				t.Skipf("%s is not there", path)
			}
			if err != nil {
				t.Fatal(err)
			}
			if d, ok := Sniff(text[:min(len(text), 1<<16)]); d != tc.delimiter || !ok {
				t.Errorf("the delimiter is taken for %q", d)
			}
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			rows, err := scanAll(t, file, Options{Delimiter: tc.delimiter, Name: tc.path})
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) != tc.rows {
				t.Fatalf("%d rows, want %d", len(rows), tc.rows)
			}
			for i, r := range rows {
				if r.bad != "" || len(r.fields) != tc.fields || r.line != int64(i+1) {
					t.Fatalf("row %d, on line %d: %q %s", i+1, r.line, r.fields, r.bad)
				}
				for _, f := range r.fields {
					if !utf8.ValidString(f) {
						t.Fatalf("row %d: %q is not UTF-8", i+1, f)
					}
				}
			}
			if got := rows[0].fields; !slices.Equal(got, tc.first) {
				t.Errorf("the first row is %q", got)
			}
			if got := rows[tc.at-1].fields; !slices.Equal(got, tc.line) {
				t.Errorf("line %d is %q", tc.at, got)
			}
			if got := rows[len(rows)-1].fields; tc.last != nil && !slices.Equal(got, tc.last) {
				t.Errorf("the last row is %q", got)
			}
		})
	}
}
