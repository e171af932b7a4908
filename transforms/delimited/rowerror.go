package delimited

import (
	"bytes"
	"fmt"

	"foray/transforms/fields"
)

// snippetBytes is how much of the text errors look at; they show less.
const snippetBytes = 256

// RowError says what is wrong with a row, where, and what to do.
type RowError struct {
	// Name is Options.Name.
	Name string
	// Line and Column, in bytes and counted from 1, are where Found stands.
	Line, Column int64
	// Found is what was found there, Advice what to do.
	Found, Advice string
}

// Error is "file:line:column: found …: …", a sentence for people.
func (e *RowError) Error() string {
	return place(e.Name, e.Line, e.Column) + e.Reason()
}

// Reason is Error without the place.
func (e *RowError) Reason() string { return "found " + e.Found + ": " + e.Advice }

// place is how a message starts; it leaves out a column of 0.
func place(name string, line, column int64) string {
	switch {
	case name == "" && column == 0:
		return fmt.Sprintf("line %d: ", line)
	case name == "":
		return fmt.Sprintf("line %d, column %d: ", line, column)
	case column == 0:
		return fmt.Sprintf("%s:%d: ", name, line)
	}
	return fmt.Sprintf("%s:%d:%d: ", name, line, column)
}

// reject makes the row malformed for what stands at at. The row becomes its
// first line, which Scan left in rowEnd and next; ran is the place up to which
// it was looked at.
func (s *Scanner) reject(at, ran int, found, advice string) {
	s.fields = s.fields[:0]
	s.reread += int64(max(ran-s.next, 0))
	before := s.buf[s.pos:at]
	s.rowErr = &RowError{
		Name:   s.name,
		Line:   s.line + int64(bytes.Count(before, []byte("\n"))),
		Column: int64(len(before) - bytes.LastIndexByte(before, '\n')),
		Found:  found,
		Advice: advice,
	}
}

func (s *Scanner) rejectUnclosed(at, ran int, within string) {
	s.reject(at, ran, fmt.Sprintf("the field %s without a closing quote %s", s.snippet(at, ran), within),
		`close it, and write a quote that belongs to the text twice ("")`)
}

func (s *Scanner) rejectBehindQuote(at int) {
	s.reject(at, at, s.snippet(at, s.end)+" behind a closing quote",
		`write a quote that belongs to the text twice ("")`)
}

func (s *Scanner) rejectLongField(at, ran int) {
	s.reject(at, ran, fmt.Sprintf("a field longer than %d bytes", s.maxField),
		"shorten it, or check the delimiter and the quotes before it")
}

// rejectLongRow rejects a row of several lines that runs beyond its limit.
func (s *Scanner) rejectLongRow(limit int) {
	s.reject(s.pos, limit, fmt.Sprintf("a row of several lines that is longer than %d bytes", limit-s.pos),
		"check its quotes, of which one may be missing")
}

// rejectLine rejects a line that is too long to be kept; Scan skips its rest.
func (s *Scanner) rejectLine() {
	s.rowEnd = s.pos + s.maxRow
	s.next = s.rowEnd
	s.skip = true
	s.reject(s.pos, s.pos, fmt.Sprintf("a line longer than %d bytes", s.maxRow),
		"check that the file is text, with line ends")
}

// snippet shows the text between two places, up to the end of its line.
func (s *Scanner) snippet(at, end int) string {
	text := s.buf[at:min(end, at+snippetBytes)]
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		text = text[:i]
	}
	return fields.Quote(bytes.TrimSuffix(text, []byte("\r")))
}
