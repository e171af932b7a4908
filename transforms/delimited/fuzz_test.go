package delimited

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// fuzzDelimiters are what the fuzz targets part fields by.
var fuzzDelimiters = []string{",", "\t", ";", "§", "::", "aab"}

var fuzzSeeds = []string{
	"", "\n", "a,b\nc,d\n", "a,b\r\nc,d", "a,b\r", "\xef\xbb\xbfa,b\n", "\xff\xfea",
	"1,\"a\"\"b\",\"c\nd\"\r\n2,x,y\n", "1,\"a\"b,c\n2,d\n", "1,\"open\n2,b\n3,c\n", "5\" nails,\"x\n\",\"\"\n",
	"1::2::3\n:::\n::\n", "aaab1aab\n", "\"a\"\r\r\n", "\"\r\n\",\"\"\"\n", "a§\"b§\"§\xc2\xa7\n", "\x00,\xff\n",
	"\"a\nb\",x,y\nz\n", "\"\"\"a\nb\",\n5\"\n\"", "ab\n\xef\xbb\xbfc\n", "\"a\n\",0123456789012345678901234567890123456789\nx\n",
}

func addSeeds(f *testing.F) {
	for _, seed := range fuzzSeeds {
		for i := range fuzzDelimiters {
			f.Add([]byte(seed), uint8(i), uint8(0))
			f.Add([]byte(seed), uint8(i), uint8(9))
		}
	}
}

// fuzzOptions makes Options of two bytes; a small limit meets the text.
func fuzzOptions(delimiter, limit uint8) Options {
	return Options{Delimiter: fuzzDelimiters[int(delimiter)%len(fuzzDelimiters)], MaxField: int(limit)}
}

// FuzzEncodingCSV compares with encoding/csv: rows are equal up to the first
// that it refuses, and what it refuses for a quote other than a bare one is
// malformed here, too.
func FuzzEncodingCSV(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, in []byte, delimiter, _ uint8) {
		opt := fuzzOptions(delimiter%4, 0)
		if bytes.HasPrefix(in, []byte("\xff\xfe")) || bytes.HasPrefix(in, []byte("\xfe\xff")) {
			t.Skip("is taken for UTF-16")
		}
		want := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(in, []byte("\xef\xbb\xbf"))))
		want.Comma = []rune(opt.Delimiter)[0]
		want.FieldsPerRecord = -1
		rows, err := scanAll(t, bytes.NewReader(in), opt)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range rows {
			record, err := want.Read()
			var refused *csv.ParseError
			if errors.As(err, &refused) {
				if errors.Is(err, csv.ErrBareQuote) {
					return
				}
				if got.bad == "" || got.line != int64(refused.StartLine) {
					t.Fatalf("got line %d %q %s, encoding/csv says %v", got.line, got.fields, got.bad, err)
				}
				return
			}
			if err != nil {
				t.Fatalf("encoding/csv ends before row %q at line %d", got.fields, got.line)
			}
			line, _ := want.FieldPos(0)
			// encoding/csv makes every CRLF a LF.
			for i := range got.fields {
				got.fields[i] = strings.ReplaceAll(got.fields[i], "\r\n", "\n")
			}
			if got.bad != "" || got.line != int64(line) || !slices.Equal(got.fields, record) {
				t.Fatalf("got line %d %q %s, encoding/csv line %d %q", got.line, got.fields, got.bad, line, record)
			}
		}
		if record, err := want.Read(); err != io.EOF {
			t.Fatalf("encoding/csv has more: %q %v", record, err)
		}
	})
}

// FuzzReads holds that rows do not depend on how the reader parts the text.
func FuzzReads(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, in []byte, delimiter, limit uint8) {
		opt := fuzzOptions(delimiter, limit)
		want, wantErr := scanAll(t, bytes.NewReader(in), opt)
		for i, r := range []io.Reader{
			iotest.OneByteReader(bytes.NewReader(in)),
			iotest.HalfReader(bytes.NewReader(in)),
			iotest.DataErrReader(bytes.NewReader(in)),
		} {
			got, err := scanAll(t, r, opt)
			if show(got) != show(want) || (err == nil) != (wantErr == nil) {
				t.Errorf("reader %d: got\n%s%v\nwant\n%s%v", i, show(got), err, show(want), wantErr)
			}
		}
		// Here the buffer itself ends at every place of the text in turn; it
		// must have room for a byte order mark.
		for size := 3; size <= min(len(in), 64); size++ {
			s := NewScanner(bytes.NewReader(in), opt)
			s.buf = make([]byte, size)
			if got := show(collect(t, s)); got != show(want) {
				t.Errorf("buffer of %d: got\n%swant\n%s", size, got, show(want))
			}
		}
	})
}

// FuzzNothingIsLost holds that every byte is in a row as written, but for
// line ends, the byte order mark and what is cut from lines that are too long.
func FuzzNothingIsLost(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, in []byte, delimiter, limit uint8) {
		opt := fuzzOptions(delimiter, limit)
		s := NewScanner(iotest.HalfReader(bytes.NewReader(in)), opt)
		at := int64(0)
		for s.Scan() {
			between := in[at:s.Offset()]
			if at == 0 {
				between = bytes.TrimPrefix(between, []byte("\xef\xbb\xbf"))
			}
			if s.maxRow > len(in) && strings.Trim(string(between), "\r\n") != "" {
				t.Fatalf("%q is in no row", between)
			}
			at = s.Offset() + int64(len(s.Raw()))
			if !bytes.Equal(in[s.Offset():at], s.Raw()) {
				t.Fatalf("row at %d is %q, not %q", s.Offset(), in[s.Offset():at], s.Raw())
			}
			if want := int64(1 + bytes.Count(in[:s.Offset()], []byte("\n"))); s.Line() != want {
				t.Fatalf("row %q is on line %d, not %d", s.Raw(), s.Line(), want)
			}
			if s.RowErr() != nil {
				continue
			}
			for _, field := range s.Fields() {
				if len(field) > s.maxField {
					t.Fatalf("field %q is too long", field)
				}
			}
			if !s.quotes || !bytes.Contains(s.Raw(), []byte(`"`)) {
				if got, want := string(bytes.Join(s.Fields(), s.delim)), string(s.Raw()); got != want {
					t.Fatalf("fields are %q of row %q", got, want)
				}
				if len(s.Fields()) != 1+bytes.Count(s.Raw(), s.delim) {
					t.Fatalf("%q has %d fields", s.Raw(), len(s.Fields()))
				}
			}
		}
		if rest := in[at:]; s.Err() == nil && s.maxRow > len(in) && strings.Trim(string(rest), "\r\n\xef\xbb\xbf") != "" {
			t.Fatalf("the end %q is in no row", rest)
		}
	})
}

// FuzzRoundTrip holds that what is written as RFC 4180 asks comes back.
func FuzzRoundTrip(f *testing.F) {
	f.Add("a", "b\"\n", "\r\n", "")
	f.Add(",", "\"\"", " ", "\x00\xff")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		want := [][]string{{a, b}, {c, d, a}}
		var text bytes.Buffer
		for _, row := range want {
			for i, field := range row {
				if i > 0 {
					text.WriteString(",")
				}
				text.WriteString(`"` + strings.ReplaceAll(field, `"`, `""`) + `"`)
			}
			text.WriteString("\r\n")
		}
		rows, err := scanAll(t, &text, Options{})
		if err != nil || len(rows) != 2 || !slices.Equal(rows[0].fields, want[0]) || !slices.Equal(rows[1].fields, want[1]) {
			t.Fatalf("wrote %q, read %s%v", want, show(rows), err)
		}
	})
}

// FuzzSniff holds that Sniff names a delimiter that parts the first row.
func FuzzSniff(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, in []byte, _, _ uint8) {
		d, ok := Sniff(in)
		if !ok {
			return
		}
		rows, err := scanAll(t, bytes.NewReader(in), Options{Delimiter: d})
		if err != nil || len(rows) == 0 || len(rows[0].fields) < 2 {
			t.Fatalf("%q does not part the first row", d)
		}
	})
}
