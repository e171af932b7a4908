package delimited

import (
	"bytes"
	"fmt"
)

// outcome is what came of reading a field.
type outcome int

const (
	fieldRead outcome = iota
	lastRead          // and the row ends behind it
	malformed
	cutShort // the buffer ends too early to tell
)

// quotedRow is a row with quotes while it is read.
type quotedRow struct {
	// at is the place of the next field.
	at int
	// lineEnd is the end of the line on which at stands, if that is known; it
	// is less than at if not.
	lineEnd int
	// limit is the place up to which the row may run.
	limit int
}

// splitQuoted parts the row at pos, whose first line ends at lineEnd and holds
// a quote. It returns false if the buffer ends too early to tell.
func (s *Scanner) splitQuoted(lineEnd int) bool {
	s.fields, s.unquoted = s.fields[:0], s.unquoted[:0]
	row := quotedRow{at: s.pos, lineEnd: lineEnd, limit: max(lineEnd, s.pos+s.mayRun())}
	for {
		if row.at > row.limit {
			s.rejectLongRow(row.limit)
			return true
		}
		var read outcome
		if row.at < s.end && s.buf[row.at] == '"' {
			read = s.quotedField(&row)
		} else {
			read = s.unquotedField(&row)
		}
		switch read {
		case lastRead:
			s.linesTaken = 1
			if s.rowEnd > lineEnd {
				s.linesTaken += int64(bytes.Count(s.buf[lineEnd:s.rowEnd], []byte("\n")))
			}
			return true
		case malformed:
			return true
		case cutShort:
			return false
		}
	}
}

// quotedField reads the field whose opening quote is at row.at.
func (s *Scanner) quotedField(row *quotedRow) outcome {
	limit := min(row.limit, row.at+s.maxField)
	doubled := false
	from, end := row.at+1, 0 // of the text between the quotes
	for at := from; ; at = end + 2 {
		window := min(limit, s.end)
		i := -1
		if at < window {
			i = bytes.IndexByte(s.buf[at:window], '"')
		}
		switch {
		case i < 0 && limit <= s.end:
			s.rejectUnclosed(row.at, limit, fmt.Sprintf("in %d bytes", limit-row.at))
			return malformed
		case i < 0 && s.mayBeCut():
			return cutShort
		case i < 0:
			s.rejectUnclosed(row.at, s.end, "up to the end of the file")
			return malformed
		}
		end = at + i
		if end+1 == s.end || s.buf[end+1] != '"' {
			break
		}
		doubled = true
	}
	text := s.buf[from:end:end]
	if doubled {
		text = s.single(text)
	}
	s.fields = append(s.fields, text)
	return s.behindQuote(row, end+1)
}

// behindQuote reads what follows a closing quote: a delimiter or a line end.
func (s *Scanner) behindQuote(row *quotedRow, at int) outcome {
	rest := s.buf[at:s.end]
	switch {
	case len(rest) < max(2, len(s.delim)) && s.mayBeCut():
		return cutShort
	case bytes.HasPrefix(rest, s.delim):
		row.at = at + len(s.delim)
		return fieldRead
	case len(rest) == 0 || rest[0] == '\n':
		return s.endRow(at, at)
	case rest[0] == '\r' && (len(rest) == 1 || rest[1] == '\n'):
		return s.endRow(at, at+1)
	}
	if len(rest) < snippetBytes && s.mayBeCut() {
		return cutShort
	}
	s.rejectBehindQuote(at)
	return malformed
}

// unquotedField reads the field at row.at, which ends with its line at the
// latest.
func (s *Scanner) unquotedField(row *quotedRow) outcome {
	if row.at > row.lineEnd {
		i := bytes.IndexByte(s.buf[row.at:s.end], '\n')
		row.lineEnd = row.at + i
		if i < 0 {
			row.lineEnd = s.end
		}
		if i < 0 && s.end <= row.limit && s.mayBeCut() {
			return cutShort
		}
		if row.lineEnd > row.limit {
			s.rejectLongRow(row.limit)
			return malformed
		}
	}
	text := s.buf[row.at:row.lineEnd]
	i := s.indexDelim(text)
	last := i < 0
	if last {
		i = s.trimCR(row.at, row.lineEnd) - row.at
	}
	if i > s.maxField {
		s.rejectLongField(row.at, row.at+i)
		return malformed
	}
	s.fields = append(s.fields, text[:i:i])
	if last {
		return s.endRow(row.at+i, row.lineEnd)
	}
	row.at += i + len(s.delim)
	return fieldRead
}

// endRow ends the row at end; lineEnd is where its line end is, if it has one.
func (s *Scanner) endRow(end, lineEnd int) outcome {
	s.rowEnd, s.next = end, min(lineEnd+1, s.end)
	return lastRead
}

// single copies text with every doubled quote made single.
func (s *Scanner) single(text []byte) []byte {
	start := len(s.unquoted)
	for {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			break
		}
		s.unquoted = append(s.unquoted, text[:i+1]...)
		text = text[i+2:]
	}
	s.unquoted = append(s.unquoted, text...)
	end := len(s.unquoted)
	return s.unquoted[start:end:end]
}

// mayBeCut tells whether the buffer may end before the row does.
func (s *Scanner) mayBeCut() bool { return !s.done || s.readErr != nil }

// maxReread is how many bytes may be read a second time for a byte of input,
// so that a file full of bad quotes takes linear time.
const maxReread = 4

// mayRun is how far a row may run beyond its first line: the longest row, as
// long as that was not tried in vain too often. A rejected row's other lines
// are read again, and one bad quote a line could make each of them run.
func (s *Scanner) mayRun() int {
	left := maxReread*(int64(s.maxRow)+s.Offset()-s.first) - s.reread
	return int(min(max(left, 0), int64(s.maxRow)))
}
