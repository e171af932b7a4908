package columnar

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// valueOf is the value of a column of testdata's files in a row, counted from
// 0: nil, text, int64, float64 or a list of them. It is as make.py has it,
// less the nulls in lists of text.
func valueOf(column string, i int) any {
	orNull := func(v any) any {
		if i%11 == 3 {
			return nil
		}
		return v
	}
	list := func(element func(j int) any) any {
		n := i % 7
		if n == 6 {
			return nil
		}
		elements := []any{}
		for j := range n {
			if e := element(j); n < 5 && e != nil {
				elements = append(elements, e)
			}
		}
		return elements
	}
	micros := int64(1365019507123456 + i*1_000_003)
	if i == 0 {
		micros = -1
	}
	switch column {
	case "user_id":
		return fmt.Sprintf("user %03d", i*7%50)
	case "item_id":
		return int64(i)*1_000_000_007 - 5
	case "timestamp", "ns":
		return micros
	case "ms":
		return int64(math.Floor(float64(micros)/1000)) * 1000
	case "day":
		return int64(i-10) * 24 * 60 * 60 * 1e6
	case "rating":
		if i%13 == 5 {
			return orNull(math.NaN())
		}
		return orNull(float64(i) / 8)
	case "weight":
		return orNull(float64(i) / 4)
	case "flag":
		if i%3 == 0 {
			return orNull(int64(1))
		}
		return orNull(int64(0))
	case "rank":
		return orNull(int64(i - 100))
	case "big":
		return int64(4_000_000_000 + i)
	case "huge":
		return int64(1<<62 + i)
	case "title":
		return orNull(strings.Repeat(fmt.Sprintf("a title with a shared start, %04d", i), i%3))
	case "code":
		return fmt.Sprintf("%04d", i)
	case "whole":
		return int64(i - 7)
	case "nothing":
		return nil
	case "id":
		return fmt.Sprintf("00000000-0000-4000-8000-%012x", i)
	case "embedding":
		return list(func(j int) any { return float64(i) + float64(j)/2 })
	case "counts":
		return list(func(j int) any { return float64(i - j) })
	case "tags":
		return list(func(j int) any {
			if (i+j)%5 == 4 {
				return nil
			}
			return fmt.Sprintf("tag %d %d", i%3, j)
		})
	case "in.n":
		return orNull(int64(i))
	case "in.side.word":
		if (i+1)%11 == 3 {
			return nil
		}
		return orNull(fmt.Sprintf("w%d", i))
	}
	panic(column)
}

// cells are the values of a column in a batch, as valueOf has them.
func cells(c Column, v *Values, rows int) []any {
	out := make([]any, rows)
	for i := range rows {
		if v.Null[i] {
			continue
		}
		switch c.Kind {
		case Text:
			out[i] = string(v.Texts[i])
		case Float:
			out[i] = v.Floats[i]
		case FloatList, TextList:
			elements := []any{}
			for k := v.Starts[i]; k < v.Starts[i+1]; k++ {
				if c.Kind == FloatList {
					elements = append(elements, v.Floats[k])
				} else {
					elements = append(elements, string(v.Texts[k]))
				}
			}
			out[i] = elements
		default:
			out[i] = v.Ints[i]
		}
	}
	return out
}

// readAll returns the values of some columns of a file, a slice each.
func readAll(f *File, names ...string) ([][]any, error) {
	columns := make([]Column, len(names))
	for i, name := range names {
		var err error
		if columns[i], err = f.Find(name); err != nil {
			return nil, err
		}
	}
	all := make([][]any, len(columns))
	for g, group := range f.Groups() {
		r := f.Read(g, columns)
		next := group.First
		for {
			b, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, err
			}
			if b.First != next || b.Rows < 1 {
				return nil, fmt.Errorf("a batch starts at row %d and has %d, want row %d", b.First, b.Rows, next)
			}
			next += int64(b.Rows)
			for i, c := range columns {
				all[i] = append(all[i], cells(c, &b.Columns[i], b.Rows)...)
			}
		}
		if next != group.First+group.Rows {
			return nil, fmt.Errorf("row group %d ends before row %d, want %d", g+1, next, group.First+group.Rows)
		}
	}
	return all, nil
}

func openBytes(data []byte) (*File, error) {
	return Open(bytes.NewReader(data), int64(len(data)), "t.parquet")
}

func testdata(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.parquet")
	if err != nil || len(paths) == 0 {
		t.Fatal("there are no files in testdata", err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimSuffix(filepath.Base(path), ".parquet")] = data
	}
	return files
}

func same(a, b any) bool {
	x, ok1 := a.(float64)
	y, ok2 := b.(float64)
	if ok1 && ok2 && math.IsNaN(x) && math.IsNaN(y) {
		return true
	}
	s, ok1 := a.([]any)
	u, ok2 := b.([]any)
	if ok1 && ok2 {
		return slices.EqualFunc(s, u, same)
	}
	return !ok1 && !ok2 && a == b
}

// unreadable are columns of testdata's files that are no text, number or time.
var unreadable = []string{"half", "price", "clock", "pairs", "rows", "nested", "nothing"}

// beyondLibrary are columns that parquet-go 0.32 cannot decode: unsigned
// numbers beyond 31 bits as deltas, and INT96 pages with padding.
var beyondLibrary = map[string]string{"duckdb_v2_zstd": "big", "fastparquet_int96": "timestamp"}

func TestWriters(t *testing.T) {
	flat := "user_id item_id timestamp ms ns day rating weight flag rank big huge title code whole"
	readable := flat + " embedding counts tags in.side.word in.n"
	duck := strings.NewReplacer(" ns", "").Replace(readable) + " ns id"
	polars := strings.NewReplacer(" code", "", " whole", "").Replace(readable)
	want := map[string]string{
		"arrow_v1_snappy":       flat + " embedding counts tags in.side.word in.n",
		"arrow_v2_zstd":         readable,
		"arrow_plain_none":      flat,
		"arrow_dictionary_gzip": readable,
		"arrow_v2_lz4":          readable,
		"arrow_brotli":          flat,
		"arrow_int96":           "user_id timestamp",
		"arrow_fallback":        "user_id item_id title",
		"arrow_delta_v1":        flat,
		"arrow_delta_v2":        flat,
		"arrow_split":           flat,
		"duckdb_v1":             duck,
		"duckdb_v2_zstd":        duck,
		"duckdb_lz4":            "user_id timestamp title rating tags",
		"polars":                polars,
		"polars_snappy":         polars,
		"pandas":                "user_id item_id timestamp ms flag title embedding",
		"fastparquet":           "user_id item_id timestamp title weight",
		"fastparquet_int96":     "user_id timestamp",
	}
	files := testdata(t)
	if len(files) != len(want) {
		t.Fatalf("%d files, want %d", len(files), len(want))
	}
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			f, err := openBytes(data)
			if err != nil {
				t.Fatal(err)
			}
			names := strings.Fields(want[name])
			var got []string
			for _, name := range f.Names() {
				if _, err := f.Find(name); err == nil {
					got = append(got, name)
				} else if !slices.Contains(unreadable, name) || !strings.Contains(err.Error(), name) {
					t.Error(err)
				}
			}
			if !slices.Equal(got, names) {
				t.Errorf("columns %q, want %q", got, names)
			}
			if f.Rows() != 120 {
				t.Errorf("%d rows", f.Rows())
			}
			// What parquet-go cannot decode is said, and the rest is read.
			if hard := beyondLibrary[name]; hard != "" {
				if _, err := readAll(f, names...); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("row group 1, column %q", hard)) {
					t.Errorf("got %v, want an error of column %s", err, hard)
				}
				names = slices.DeleteFunc(names, func(n string) bool { return n == hard })
			}
			for _, columns := range [][]string{names, names[:1], {names[len(names)-1], names[0], names[0]}} {
				all, err := readAll(f, columns...)
				if err != nil {
					t.Fatal(err)
				}
				for k, column := range columns {
					if len(all[k]) != 120 {
						t.Fatalf("%s has %d rows", column, len(all[k]))
					}
					for i, got := range all[k] {
						if want := valueOf(column, i); !same(got, want) {
							t.Fatalf("%s of row %d is %v (%T), want %v", column, i+1, got, got, want)
						}
					}
				}
			}
		})
	}
}

func TestFind(t *testing.T) {
	f, err := openBytes(testdata(t)["arrow_v1_snappy"])
	if err != nil {
		t.Fatal(err)
	}
	if c, err := f.Find("USER_ID"); err != nil || c.Name != "user_id" {
		t.Errorf("another case: %+v, %v", c, err)
	}
	for name, want := range map[string]string{
		"user":   "there is no column",
		"price":  "DECIMAL",
		"pairs":  "is a map",
		"rows":   "a list of lists or of structs",
		"in":     "there is no column",
		"tags.x": "there is no column",
	} {
		if _, err := f.Find(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

// readAllColumns reads all that can be read of a file.
func readAllColumns(f *File) (rows int, err error) {
	var names []string
	for _, name := range f.Names() {
		if _, err := f.Find(name); err == nil {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return 0, nil
	}
	all, err := readAll(f, names...)
	if len(all) > 0 {
		rows = len(all[0])
	}
	return rows, err
}

func TestCutFiles(t *testing.T) {
	for name, data := range testdata(t) {
		for n := 0; n < len(data); n += 97 {
			if _, err := openBytes(data[:n]); err == nil || !strings.Contains(err.Error(), "t.parquet: ") {
				t.Fatalf("%s, cut to %d of %d bytes: %v", name, n, len(data), err)
			}
		}
		if strings.Contains(name, "lz4") {
			continue // the library asks for ever more memory for a damaged LZ4 page
		}
		// A piece of the middle is missing: the footer is whole.
		for n := 100; n < len(data)/2; n += 499 {
			cut := slices.Concat(data[:n], data[n+50:])
			f, err := openBytes(cut)
			if err != nil {
				continue
			}
			if rows, err := readAllColumns(f); err == nil && rows != 120 {
				t.Fatalf("%s without 50 bytes at %d: %d rows and no error", name, n, rows)
			}
		}
	}
}

func TestNoParquet(t *testing.T) {
	good := testdata(t)["pandas"]
	for _, tc := range []struct{ data, want string }{
		{"", "no Parquet file"},
		{"PAR", "no Parquet file"},
		{"user_id,item_id\nu,i\n", `starts with "user"`},
		{"PAR1", "cut short"},
		{string(good[:len(good)-4]), "cut short"},
		{string(good[:len(good)-8]) + "\xff\xff\xff\x7fPAR1", "cut short"},
		{"PARE" + string(good[4:]), "encrypted"},
		{string(good[:len(good)-60]) + strings.Repeat("\xff", 52) + string(good[len(good)-8:]), "damaged"},
	} {
		if _, err := openBytes([]byte(tc.data)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%.20q: got %v, want %q", tc.data, err, tc.want)
		}
	}
}

// counting counts the bytes that are read.
type counting struct {
	io.ReaderAt
	bytes int
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.bytes += n
	return n, err
}

func TestReadsOnlyWhatIsNeeded(t *testing.T) {
	// One short column beside one that is nearly all of the file.
	type row struct {
		Text string `parquet:"text"`
		N    int64  `parquet:"n"`
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var buf bytes.Buffer
	w := parquet.NewGenericWriter[row](&buf)
	for i := range 20_000 {
		text := make([]byte, 500)
		for j := range text {
			text[j] = byte('a' + rng.IntN(26))
		}
		if _, err := w.Write([]row{{string(text), int64(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c := &counting{ReaderAt: bytes.NewReader(buf.Bytes())}
	f, err := Open(c, int64(buf.Len()), "t.parquet")
	if err != nil {
		t.Fatal(err)
	}
	all, err := readAll(f, "n")
	if err != nil || len(all[0]) != 20_000 || all[0][777] != int64(777) {
		t.Fatal(len(all[0]), err)
	}
	if c.bytes > buf.Len()/4 {
		t.Errorf("%d of %d bytes were read for a column of 160 kB", c.bytes, buf.Len())
	}
}

func FuzzOpen(f *testing.F) {
	for name, data := range testdata(f) {
		if len(data) < 20_000 && !strings.Contains(name, "lz4") {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := openBytes(data)
		if err != nil {
			return
		}
		total := int64(0)
		for _, g := range file.Groups() {
			total += g.Rows
		}
		if total > 10_000 {
			return // reading so many rows of nothing takes long
		}
		if _, err := readAllColumns(file); err != nil && !strings.Contains(err.Error(), "t.parquet: ") {
			t.Errorf("the error does not name the file: %v", err)
		}
	})
}
