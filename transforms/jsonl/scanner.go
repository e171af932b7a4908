// Package jsonl reads rows of JSON Lines: one JSON object a line. It is the
// sister of package delimited: a row's fields come out as text, a bad row is
// reported and left behind instead of ending the file, and rows allocate
// nothing.
//
// Lines are held to RFC 8259 by jsontext, the tokenizer of encoding/json/v2.
// It was taken for its strictness: it refuses invalid UTF-8 and lone
// surrogates, which fastjson, jsonparser and gjson let pass, and is as fast.
//
// Lines end in LF or CRLF; blank lines and a byte order mark are skipped.
package jsonl

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"foray/transforms/delimited"
)

// DefaultMaxRow is Options.MaxRow where it is not set.
const DefaultMaxRow = 64 << 20

// Options say what is wanted of the rows.
type Options struct {
	// Columns are the names of the wanted fields. The name "user.id" is the
	// field of that name, or else the field id of the object user, and so on
	// in deeper objects: where a row has several such fields, the one in the
	// fewest objects counts.
	Columns []string
	// Name is what errors call the input, mostly its path.
	Name string
	// Offset is the place in the file, in bytes, of the reader's first byte,
	// and Line the number of the line that starts there (1 if 0). A byte order
	// mark is looked for at offset 0 only.
	Offset, Line int64
	// MaxRow bounds a row, in bytes without its line end; DefaultMaxRow if 0.
	// Longer ones are malformed.
	MaxRow int
}

// Scanner reads rows. It is for one goroutine.
type Scanner struct {
	lines  lines
	name   string
	row    row
	fields [][]byte
	rowErr *delimited.RowError
	// start tells that all before was blank, from the file's start on.
	start bool
	err   error
}

// errList is told of a file that is a JSON list. If its lines were taken for
// rows, the one without a comma behind it would pass for the only good row.
var errList = errors.New("the file is one JSON list: write a row a line (jq -c '.[]' rows.json > rows.jsonl)")

// NewScanner makes a Scanner of r.
func NewScanner(r io.Reader, opt Options) *Scanner { return newScanner(r, opt, bufferBytes) }

// newScanner makes a Scanner that reads by a buffer of size bytes.
func newScanner(r io.Reader, opt Options, size int) *Scanner {
	if opt.MaxRow <= 0 {
		opt.MaxRow = DefaultMaxRow
	}
	return &Scanner{
		lines:  newLines(r, size, opt),
		name:   opt.Name,
		row:    newRow(opt.Columns),
		fields: make([][]byte, 0, len(opt.Columns)),
		start:  opt.Offset == 0,
	}
}

// Scan moves to the next line that is not blank; false at the end of the
// input, or if it cannot be read on (then Err tells why). A malformed line
// counts as a row: RowErr tells what is wrong with it, and the Scan after it
// goes on with the next line.
func (s *Scanner) Scan() bool {
	s.fields, s.rowErr = s.fields[:0], nil
	for s.err == nil {
		if err := s.lines.next(); err != nil {
			s.fail(err)
			break
		}
		text := bytes.TrimLeft(s.lines.text, blanks)
		if len(text) == 0 && !s.lines.tooLong {
			continue
		}
		if s.start && len(text) > 0 && text[0] == '[' {
			s.fail(errList)
			break
		}
		s.start = false
		s.readRow()
		return true
	}
	s.lines.text = nil
	return false
}

// readRow reads the line as a row.
func (s *Scanner) readRow() {
	if s.lines.tooLong {
		s.reject(faultLongLine(s.lines.max))
		return
	}
	var err error
	if s.fields, err = s.row.read(s.lines.text, s.fields); err != nil {
		s.fields = s.fields[:0]
		s.reject(faultOf(err, s.lines.text))
	}
}

// reject makes the row malformed.
func (s *Scanner) reject(f *fault) {
	s.rowErr = &delimited.RowError{Name: s.name, Line: s.lines.line, Column: int64(f.at) + 1, Found: f.found, Advice: f.advice}
}

// fail ends the scan.
func (s *Scanner) fail(err error) {
	s.err = io.EOF
	switch {
	case err == io.EOF:
	case s.name == "":
		s.err = fmt.Errorf("line %d: cannot read on: %w", s.lines.line, err)
	default:
		s.err = fmt.Errorf("%s:%d: cannot read on: %w", s.name, s.lines.line, err)
	}
}

// Fields are the row's values, one for each of Options.Columns; none of a
// malformed row. They hold until the next Scan.
//
// A string is its text, without quotes and escapes. Numbers, true and false
// are as written, and so is a list of numbers, as fields.Floats reads it. A
// list of strings is joined by ", ". A field that is absent or null is nil;
// an empty string and an empty list are empty, but not nil. Objects and other
// lists make the row malformed.
func (s *Scanner) Fields() [][]byte { return s.fields }

// Raw is the row as written, without its line end; of a line that is too long,
// the first MaxRow bytes. It holds until the next Scan.
func (s *Scanner) Raw() []byte { return s.lines.text[:len(s.lines.text):len(s.lines.text)] }

// Line is the number of the row's line, counted from 1.
func (s *Scanner) Line() int64 { return s.lines.line }

// Offset is the place of the row's first byte in the file.
func (s *Scanner) Offset() int64 { return s.lines.offset }

// RowErr tells what is wrong with the row, as a *delimited.RowError; nil if
// nothing is.
func (s *Scanner) RowErr() error {
	if s.rowErr == nil {
		return nil
	}
	return s.rowErr
}

// Err tells why the input could not be read to its end; nil if it could.
func (s *Scanner) Err() error {
	if s.err == io.EOF {
		return nil
	}
	return s.err
}
