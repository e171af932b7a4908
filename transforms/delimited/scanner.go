// Package delimited reads rows of delimited text: CSV and TSV as RFC 4180 has
// them, and text with a delimiter of any length, such as the "::" of
// MovieLens.
//
// It stands in for encoding/csv because every event of a catalogue passes
// here: rows are found by bulk searches in one large buffer and allocate
// nothing, any delimiter is allowed, and a bad row is reported and left
// behind instead of ending the file.
//
// Where the delimiter is a single character, a field that starts with a quote
// (") is quoted as in RFC 4180: it may hold delimiters, line ends, and quotes
// written twice. A quote elsewhere in a field is itself (5" nails). Where the
// delimiter is longer, quotes mean nothing. Lines end in LF or CRLF; empty
// lines and a byte order mark are skipped; all other bytes are data.
package delimited

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// DefaultMaxField is Options.MaxField where it is not set.
const DefaultMaxField = 16 << 20

// maxRowFields is how many fields of the greatest size a row may hold.
const maxRowFields = 4

// Options say how the text is written.
type Options struct {
	// Delimiter parts the fields; "," if empty. It holds no line end.
	Delimiter string
	// Name is what errors call the input, mostly its path.
	Name string
	// Offset is the place in the file, in bytes, of the reader's first byte,
	// and Line the number of the line that starts there (1 if 0). A byte order
	// mark is looked for at offset 0 only.
	Offset, Line int64
	// MaxField bounds a field, in bytes as written (with its quotes), and so
	// how far an unclosed quote can run; DefaultMaxField if 0. A row may be
	// four times as long. Longer ones are malformed.
	MaxField int
}

// Scanner reads rows. It is for one goroutine.
type Scanner struct {
	input
	name     string
	delim    []byte
	quotes   bool
	maxField int
	maxRow   int

	// What the last Scan found: buf[pos:rowEnd] is the row as written, and
	// next the place where the next one starts, linesTaken lines on. unquoted
	// holds the fields in which doubled quotes were made single.
	rowEnd, next int
	line         int64
	linesTaken   int64
	fields       [][]byte
	unquoted     []byte
	rowErr       *RowError
	// skip tells that the line at next is the rest of one that was too long.
	skip bool
	// quote is the place of the first quote at or behind pos, end if the
	// buffer has none; it is less than pos if it was not looked for.
	quote int
	// reread counts the bytes that rejected rows ran over beyond their first
	// lines, and that were then read again.
	reread int64
	err    error
}

// NewScanner makes a Scanner of r. A delimiter that cannot be one is told by
// Err after the first Scan.
func NewScanner(r io.Reader, opt Options) *Scanner {
	if opt.Delimiter == "" {
		opt.Delimiter = ","
	}
	if opt.MaxField <= 0 {
		opt.MaxField = DefaultMaxField
	}
	s := &Scanner{
		input:    input{r: r, first: opt.Offset, base: opt.Offset},
		name:     opt.Name,
		delim:    []byte(opt.Delimiter),
		quotes:   Quotes(opt.Delimiter),
		maxField: opt.MaxField,
		maxRow:   maxRowFields * opt.MaxField,
		line:     max(opt.Line, 1),
		quote:    -1,
	}
	if strings.ContainsAny(opt.Delimiter, "\r\n") || opt.Delimiter == `"` {
		s.err = fmt.Errorf("the delimiter %q cannot part fields: take one that is neither a quote nor a line end", opt.Delimiter)
	}
	return s
}

// Quotes tells whether quotes mean anything where that delimiter parts fields.
func Quotes(delimiter string) bool { return utf8.RuneCountInString(delimiter) == 1 }

// Scan moves to the next row; false at the end of the input, or if it cannot
// be read on (then Err tells why). A malformed row counts as a row: RowErr
// tells what is wrong with it, and the Scan after it goes on with the line
// behind the row's first line, so that no other line is lost.
func (s *Scanner) Scan() bool {
	if s.err != nil {
		return false
	}
	s.pos = s.next
	s.line += s.linesTaken
	s.linesTaken = 0
	s.rowErr = nil
	if s.skip {
		s.skipLine()
	}
	for {
		n := bytes.IndexByte(s.buf[s.pos:s.end], '\n')
		switch {
		case n > s.maxRow, n < 0 && s.end-s.pos > s.maxRow:
			s.rejectLine()
			return true
		case n >= 0:
		case !s.done:
			s.fill()
			continue
		case s.pos == s.end, s.readErr != nil:
			return s.finish()
		default:
			n = s.end - s.pos // the last line has no end
		}
		lineEnd := s.pos + n
		s.next = min(lineEnd+1, s.end)
		s.rowEnd = s.trimCR(s.pos, lineEnd)
		if s.rowEnd == s.pos {
			s.pos = s.next
			s.line++
			continue
		}
		s.linesTaken = 1
		if !s.quotes || !s.quoteBefore(lineEnd) {
			s.splitPlain()
			return true
		}
		if s.splitQuoted(lineEnd) {
			return true
		}
		if s.done {
			return s.finish()
		}
		s.fill()
	}
}

// trimCR returns the end of the text in front of the line end at end.
func (s *Scanner) trimCR(start, end int) int {
	if end > start && s.buf[end-1] == '\r' {
		return end - 1
	}
	return end
}

// skipLine moves behind the rest of a line that was too long to keep.
func (s *Scanner) skipLine() {
	for s.skip {
		if n := bytes.IndexByte(s.buf[s.pos:s.end], '\n'); n >= 0 {
			s.pos += n + 1
			s.line++
			s.skip = false
			return
		}
		s.pos = s.end
		s.skip = !s.done
		if s.skip {
			s.fill()
		}
	}
}

// finish ends the scan; a row that a read error cut is no row.
func (s *Scanner) finish() bool {
	s.fields = s.fields[:0]
	s.pos, s.next, s.rowEnd = s.end, s.end, s.end
	s.err = io.EOF
	if s.readErr != nil {
		s.err = fmt.Errorf("%scannot read on: %w", place(s.name, s.line, 0), s.readErr)
	}
	return false
}

// fill reads on.
func (s *Scanner) fill() {
	s.input.fill()
	s.quote = -1
}

// quoteBefore tells whether a quote stands at or behind pos and before end.
// Looking for it once for many rows costs nearly nothing where quotes are
// rare.
func (s *Scanner) quoteBefore(end int) bool {
	if s.quote < s.pos {
		s.quote = s.indexQuote(s.pos)
	}
	return s.quote < end
}

func (s *Scanner) indexQuote(from int) int {
	if i := bytes.IndexByte(s.buf[from:s.end], '"'); i >= 0 {
		return from + i
	}
	return s.end
}

// Fields are the row's fields, without their quotes; none of a malformed row.
// They hold until the next Scan.
func (s *Scanner) Fields() [][]byte { return s.fields }

// Raw is the row as written, without its last line end; of a malformed row,
// its first line. It holds until the next Scan.
func (s *Scanner) Raw() []byte { return s.buf[s.pos:s.rowEnd:s.rowEnd] }

// Line is the number of the line, counted from 1, on which the row starts.
func (s *Scanner) Line() int64 { return s.line }

// Offset is the place of the row's first byte in the file.
func (s *Scanner) Offset() int64 { return s.base + int64(s.pos) }

// RowErr tells what is wrong with the row, as a *RowError; nil if nothing is.
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
