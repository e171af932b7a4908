// Package jsonlines reads rows of JSON Lines: a JSON object a line. It is
// delimited's sister: a bad row is reported and left behind, and the columns
// that are wanted come out as text.
//
// JSON is held against RFC 8259 strictly, by the token reader that Go's
// standard library is to have: invalid UTF-8, wanted names that stand twice, and
// what follows an object make a row malformed.
package jsonlines

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"foray/transforms/delimited"
)

// DefaultMaxRow is Options.MaxRow where it is not set.
const DefaultMaxRow = 64 << 20

// Options say what is wanted.
type Options struct {
	// Columns are the names of fields. "user.id" is the field of that very
	// name, else the field id of the object user.
	Columns []string
	// Name is what errors call the input, mostly its path.
	Name string
	// Offset is the place in the file, in bytes, of the reader's first byte,
	// and Line the number of the line that starts there (1 if 0).
	Offset, Line int64
	// MaxRow bounds a row, in bytes; DefaultMaxRow if 0. Longer ones are
	// malformed.
	MaxRow int
}

// Scanner reads rows. It is for one goroutine.
type Scanner struct {
	name    string
	in      *bufio.Reader
	max     int
	first   bool // no line was read yet
	columns columns
	line    int64
	raw     []byte // the row as written
	long    []byte // room for a row that the reader's buffer does not hold
	cut     bool   // raw is the head of a row that is too long
	row     row
	rowErr  *delimited.RowError
	err     error
}

// bufferBytes is the size of the reader's buffer.
const bufferBytes = 256 << 10

// NewScanner makes a Scanner of r.
func NewScanner(r io.Reader, opt Options) *Scanner {
	if opt.MaxRow <= 0 {
		opt.MaxRow = DefaultMaxRow
	}
	s := &Scanner{
		name: opt.Name, in: bufio.NewReaderSize(r, bufferBytes), max: opt.MaxRow,
		first: opt.Offset == 0, line: max(opt.Line, 1) - 1, columns: newColumns(opt.Columns),
	}
	s.row.init(len(opt.Columns))
	return s
}

// Scan moves to the next line that is not blank; false at the end of the
// input, or if it cannot be read on (then Err tells why). A malformed row
// counts as a row: RowErr tells what is wrong with it.
func (s *Scanner) Scan() bool {
	s.rowErr = nil
	for s.err == nil {
		more := s.readLine()
		if s.err != nil || !more {
			return false
		}
		if len(bytes.TrimSpace(s.raw)) > 0 {
			s.parse()
			return true
		}
	}
	return false
}

// readLine puts the next line into raw; false if there is none.
func (s *Scanner) readLine() bool {
	s.long, s.cut = s.long[:0], false
	s.line++
	for {
		part, err := s.in.ReadSlice('\n')
		whole := err == nil && len(s.long) == 0
		switch {
		case whole:
			s.raw = part
		case len(s.long)+len(part) > s.max:
			s.long = append(s.long, part[:max(0, min(len(part), s.max-len(s.long)))]...)
			s.cut = true
		default:
			s.long = append(s.long, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if !whole {
			s.raw = s.long
		}
		if err != nil && err != io.EOF {
			s.err = fmt.Errorf("%s:%d: cannot read on: %w", s.name, s.line, err)
			return false
		}
		if s.first {
			s.first = false
			if !s.skipMark() {
				return false
			}
		}
		if !s.cut && len(s.raw) > s.max {
			s.raw, s.cut = s.raw[:s.max], true
		}
		s.raw = bytes.TrimSuffix(bytes.TrimSuffix(s.raw, []byte("\n")), []byte("\r"))
		return err == nil || len(s.raw) > 0
	}
}

// skipMark takes off a byte order mark.
func (s *Scanner) skipMark() bool {
	switch {
	case bytes.HasPrefix(s.raw, []byte("\xef\xbb\xbf")):
		s.raw = s.raw[3:]
	case bytes.HasPrefix(s.raw, []byte("\xff\xfe")), bytes.HasPrefix(s.raw, []byte("\xfe\xff")):
		s.err = fmt.Errorf("%s:1: cannot read on: the text is UTF-16: convert the file to UTF-8 (iconv -f UTF-16 -t UTF-8)", s.name)
		return false
	}
	return true
}

// parse takes the wanted columns out of raw.
func (s *Scanner) parse() {
	s.row.reset()
	if s.cut {
		s.reject(1, fmt.Sprintf("a line longer than %d bytes", s.max), "check that the file holds an object a line")
		return
	}
	if err := s.row.parse(s.raw, s.columns); err != nil {
		s.row.reset()
		var problem *problem
		if !errors.As(err, &problem) {
			problem = syntaxProblem(err, s.raw)
		}
		s.reject(problem.at+1, problem.found, problem.advice)
	}
}

func (s *Scanner) reject(column int64, found, advice string) {
	s.rowErr = &delimited.RowError{Name: s.name, Line: s.line, Column: column, Found: found, Advice: advice}
}

// syntaxProblem says what the token reader found.
func syntaxProblem(err error, raw []byte) *problem {
	p := &problem{found: "what is no JSON", advice: "write a JSON object a line"}
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF:
		p.at, p.found = int64(len(raw)), "the end of the line within the object"
	case errors.As(err, &syntax):
		p.at = syntax.ByteOffset
		p.found = strings.TrimPrefix(syntax.Err.Error(), "jsontext: ")
	}
	return p
}

// Fields are the values of the wanted columns: the text of a string, numbers,
// true and false as written, the texts of a list joined by ", ", a list of
// numbers as written; nil where the field is absent or null. They hold until
// the next Scan.
func (s *Scanner) Fields() [][]byte { return s.row.fields }

// Raw is the row as written, without its line end. It holds until the next
// Scan.
func (s *Scanner) Raw() []byte { return s.raw }

// Line is the number of the row's line, counted from 1.
func (s *Scanner) Line() int64 { return s.line }

// RowErr tells what is wrong with the row, as a *delimited.RowError; nil if
// nothing is.
func (s *Scanner) RowErr() error {
	if s.rowErr == nil {
		return nil
	}
	return s.rowErr
}

// Err tells why the input could not be read to its end; nil if it could.
func (s *Scanner) Err() error { return s.err }
