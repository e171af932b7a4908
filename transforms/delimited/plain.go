package delimited

import "bytes"

// splitPlain parts the row buf[pos:rowEnd], in which quotes mean nothing.
func (s *Scanner) splitPlain() {
	row := s.buf[s.pos:s.rowEnd]
	fields := s.fields[:0]
	rest := row
	if len(s.delim) == 1 {
		d := s.delim[0]
		for i := bytes.IndexByte(rest, d); i >= 0; i = bytes.IndexByte(rest, d) {
			fields = append(fields, rest[:i:i])
			rest = rest[i+1:]
		}
	} else {
		for i := s.indexDelim(rest); i >= 0; i = s.indexDelim(rest) {
			fields = append(fields, rest[:i:i])
			rest = rest[i+len(s.delim):]
		}
	}
	s.fields = append(fields, rest[:len(rest):len(rest)])
	if len(row) > s.maxField {
		s.measure()
	}
}

// measure rejects a row without quotes if a field of it is too long.
func (s *Scanner) measure() {
	at := s.pos
	for _, f := range s.fields {
		if len(f) > s.maxField {
			s.rejectLongField(at, s.rowEnd)
			return
		}
		at += len(f) + len(s.delim)
	}
}

// indexDelim is bytes.Index of the delimiter, for fields that are mostly
// short: there it costs half as much.
func (s *Scanner) indexDelim(text []byte) int {
	for from := 0; ; from++ {
		i := bytes.IndexByte(text[from:], s.delim[0])
		if i < 0 {
			return -1
		}
		from += i
		if bytes.HasPrefix(text[from:], s.delim) {
			return from
		}
	}
}
