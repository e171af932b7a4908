package jsonl

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"

	"foray/transforms/delimited"
)

var fuzzColumns = []string{"a", "b", "a.b", "a.b.c", "é", "."}

// FuzzScanner holds that every line is a row, a malformed row or blank, that
// rows are as encoding/json has them, and that they do not depend on how the
// text is parted. Its seeds are in testdata.
func FuzzScanner(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte, limit uint8) {
		opt := Options{Columns: fuzzColumns, Name: "in", MaxRow: int(limit)}
		rows, err := scanAll(t, bytes.NewReader(in), opt)
		want, refused := linesOf(in, NewScanner(nil, opt).lines.max)
		if refused != nil {
			if !errors.Is(err, refused) || len(rows) > 0 {
				t.Fatalf("%d rows and error %v, want %v", len(rows), err, refused)
			}
			return
		}
		if err != nil || len(rows) != len(want) {
			t.Fatalf("%d lines, got\n%s%v", len(want), show(rows), err)
		}
		for i, row := range rows {
			if row.line != want[i].line || row.offset != want[i].offset || row.raw != want[i].raw {
				t.Fatalf("row at line %d, offset %d is %q; want line %d, offset %d, %q",
					row.line, row.offset, row.raw, want[i].line, want[i].offset, want[i].raw)
			}
			if want[i].bad == "" {
				checkRow(t, row)
			} else if !strings.Contains(row.bad, want[i].bad) {
				t.Fatalf("row %q: %q, want %q", row.raw, row.bad, want[i].bad)
			}
		}
		for i, r := range []io.Reader{iotest.OneByteReader(bytes.NewReader(in)), iotest.DataErrReader(bytes.NewReader(in))} {
			s := newScanner(r, opt, 16)
			if got := collect(t, s, len(fuzzColumns)); !slices.EqualFunc(got, rows, same) || s.Err() != nil {
				t.Errorf("reader %d: got\n%s%v, want\n%s", i, show(got), s.Err(), show(rows))
			}
		}
		checkHalves(t, in, opt, rows)
		checkErrors(t, in, opt, rows)
		checkNames(t, in)
	})
}

func same(a, b seen) bool {
	return a.line == b.line && a.offset == b.offset && a.raw == b.raw && a.bad == b.bad && slices.Equal(a.fields, b.fields)
}

// linesOf are the lines that are not blank, with an error where they are too
// long; or why the text as a whole is refused.
func linesOf(in []byte, most int) (rows []seen, refused error) {
	offset := int64(0)
	for i, line := range bytes.SplitAfter(in, []byte("\n")) {
		row := seen{line: int64(i + 1), offset: offset}
		offset += int64(len(line))
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if i == 0 {
			if bytes.HasPrefix(line, []byte("\xff\xfe")) || bytes.HasPrefix(line, []byte("\xfe\xff")) {
				return nil, errUTF16
			}
			text := bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
			row.offset += int64(len(line) - len(text))
			line = text
		}
		if len(line) > most {
			line = line[:most]
			row.bad = "found a line longer than"
		}
		row.raw = string(line)
		text := strings.Trim(row.raw, " \t\r")
		if text == "" && row.bad == "" {
			continue
		}
		if len(rows) == 0 && strings.HasPrefix(text, "[") {
			return nil, errList
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// checkRow holds a row against encoding/json, which lets some of what is not
// UTF-8 pass, and names that stand twice.
func checkRow(t *testing.T, row seen) {
	t.Helper()
	line := jsontext.Value(row.raw)
	if !line.IsValid() {
		if row.bad == "" && !line.IsValid(jsontext.AllowDuplicateNames(true)) {
			t.Fatalf("row %q passed as %q", row.raw, row.fields)
		}
		return
	}
	if want, ok := reference(line, fuzzColumns); ok != (row.bad == "") || !slices.Equal(row.fields, want) {
		t.Fatalf("row %s: got %q %s, want %q %v", row.raw, row.fields, row.bad, want, ok)
	}
}

// checkNames holds that names are those of fields in rows as encoding/json
// has them, each once.
func checkNames(t *testing.T, in []byte) {
	t.Helper()
	known := map[string]bool{}
	for _, name := range Names(in) {
		if known[name] {
			t.Fatalf("the name %q is told twice", name)
		}
		known[name] = true
		there := slices.ContainsFunc(bytes.Split(bytes.TrimPrefix(in, []byte("\xef\xbb\xbf")), []byte("\n")), func(line []byte) bool {
			if !jsontext.Value(line).IsValid() {
				// Of a name that stands twice, encoding/json takes the last.
				return jsontext.Value(line).IsValid(jsontext.AllowDuplicateNames(true))
			}
			return len(slices.Concat(lookUp(line, name)...)) > 0
		})
		if !there {
			t.Fatalf("there is no field %q", name)
		}
	}
}

// checkHalves holds that the text can be read from any line on.
func checkHalves(t *testing.T, in []byte, opt Options, want []seen) {
	t.Helper()
	for cut := range in {
		if in[cut] != '\n' {
			continue
		}
		rows, err := scanAll(t, bytes.NewReader(in[:cut+1]), opt)
		if err != nil {
			t.Fatal(err)
		}
		opt := opt
		opt.Offset, opt.Line = int64(cut+1), int64(1+bytes.Count(in[:cut+1], []byte("\n")))
		rest, err := scanAll(t, bytes.NewReader(in[cut+1:]), opt)
		if got := append(rows, rest...); err != nil || !slices.EqualFunc(got, want, same) {
			t.Fatalf("cut at %d: got\n%s%v, want\n%s", cut, show(got), err, show(want))
		}
	}
}

// checkErrors holds that errors point into their lines.
func checkErrors(t *testing.T, in []byte, opt Options, rows []seen) {
	t.Helper()
	s := NewScanner(bytes.NewReader(in), opt)
	for _, row := range rows {
		s.Scan()
		refused := (*delimited.RowError)(nil)
		if !errors.As(s.RowErr(), &refused) {
			continue
		}
		if refused.Line != row.line || refused.Column < 1 || refused.Column > int64(len(row.raw))+1 || refused.Found == "" || refused.Advice == "" {
			t.Fatalf("row %q: %#v", row.raw, refused)
		}
	}
}
