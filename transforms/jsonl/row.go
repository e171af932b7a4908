package jsonl

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// row finds the wanted columns in objects.
type row struct {
	columns []string
	tokens  tokens
	line    []byte
	found   []found // by column
	// wanted is a stack: what is wanted of the object that is being read comes
	// last, behind what is wanted of the objects around it. So is names, of the
	// names in them that were wanted.
	wanted []want
	names  [][]byte
	room   []byte // the texts that are not in the line as they are
	list   tokens
}

// want is a field of an object that leads to a column: the one of the name
// columns[column][from:], or one that this name starts with before a dot.
type want struct{ column, from int }

// found is a column's value.
type found struct {
	value span
	depth int // how many objects it stands in; 0 if it was not found
	again int // where the name of another one as deep stands; 0 if nowhere
}

// span is a part of the line.
type span struct{ start, end int }

// tokens reads the tokens of a text.
type tokens struct {
	*jsontext.Decoder
	source bytes.Buffer
}

func newTokens() tokens { return tokens{Decoder: jsontext.NewDecoder(new(bytes.Buffer))} }

// reset starts with a text, which it does not copy. Names may stand twice in
// an object, for those that are not wanted do no harm.
func (t *tokens) reset(text []byte) {
	t.source = *bytes.NewBuffer(text)
	t.Reset(&t.source, jsontext.AllowDuplicateNames(true))
}

// readSpan reads a value and returns its place.
func (t *tokens) readSpan() (span, error) {
	value, err := t.ReadValue()
	end := int(t.InputOffset())
	return span{end - len(value), end}, err
}

func newRow(columns []string) row {
	return row{columns: columns, tokens: newTokens(), list: newTokens(), found: make([]found, len(columns))}
}

// read reads a line and appends the wanted columns to fields. They hold until
// the next read, as long as the line does.
func (r *row) read(line []byte, fields [][]byte) ([][]byte, error) {
	clear(r.found)
	r.line, r.room, r.names, r.wanted = line, r.room[:0], r.names[:0], r.wanted[:0]
	for column := range r.columns {
		r.wanted = append(r.wanted, want{column: column})
	}
	r.tokens.reset(line)
	if kind := r.tokens.PeekKind(); kind != '{' && kind != jsontext.KindInvalid {
		return fields, faultNoObject(line, kind)
	}
	object, err := r.object(0, 1)
	if err != nil {
		return fields, err
	}
	if behind := bytes.TrimLeft(line[object.end:], blanks); len(behind) > 0 {
		return fields, faultBehind(len(line)-len(behind), behind)
	}
	// Only now is it known which field of a column's name counts, and that
	// the line is whole.
	for column, f := range r.found {
		if f.again > 0 {
			return fields, faultTwice(f.again, r.columns[column])
		}
		text, err := r.text(column, f)
		if err != nil {
			return fields, err
		}
		fields = append(fields, text)
	}
	return fields, nil
}

// object reads the object that comes next and stands in depth-1 others;
// wanted[low:] is wanted of it.
func (r *row) object(low, depth int) (span, error) {
	if _, err := r.tokens.ReadToken(); err != nil {
		return span{}, err
	}
	start := int(r.tokens.InputOffset()) - 1
	high, names := len(r.wanted), len(r.names)
	for r.tokens.PeekKind() != '}' {
		if err := r.field(low, high, names, depth); err != nil {
			return span{}, err
		}
	}
	_, err := r.tokens.ReadToken()
	r.names = r.names[:names]
	return span{start, int(r.tokens.InputOffset())}, err
}

// field reads a field of an object of which wanted[low:high] is wanted, and
// whose names[names:] were read.
func (r *row) field(low, high, names, depth int) error {
	at, err := r.tokens.readSpan()
	if err != nil {
		return err
	}
	name, err := r.unquote(at)
	if err != nil {
		return err
	}
	isColumn := r.lead(low, high, name)
	isWanted := isColumn || len(r.wanted) > high
	if isWanted {
		for _, other := range r.names[names:] {
			if bytes.Equal(other, name) {
				return faultTwice(at.start, string(name))
			}
		}
		r.names = append(r.names, name)
	}
	var value span
	if len(r.wanted) > high && r.tokens.PeekKind() == '{' {
		value, err = r.object(high, depth+1)
	} else {
		value, err = r.tokens.readSpan()
	}
	r.wanted = r.wanted[:high]
	if err == nil && isColumn {
		r.keep(low, high, name, at.start, found{value: value, depth: depth})
	}
	return err
}

// lead pushes what is wanted of the object that may be the field's value, and
// tells whether the field is a column itself.
func (r *row) lead(low, high int, name []byte) (isColumn bool) {
	for _, w := range r.wanted[low:high] {
		rest := r.columns[w.column][w.from:]
		switch n := len(name); {
		case len(rest) < n || rest[:n] != string(name):
		case len(rest) == n:
			isColumn = true
		case rest[n] == '.':
			r.wanted = append(r.wanted, want{w.column, w.from + n + 1})
		}
	}
	return isColumn
}

// keep notes the value of a field, whose name stands at at, for its columns.
func (r *row) keep(low, high int, name []byte, at int, f found) {
	for _, w := range r.wanted[low:high] {
		if r.columns[w.column][w.from:] != string(name) {
			continue
		}
		switch now := &r.found[w.column]; {
		case now.depth == 0 || f.depth < now.depth:
			*now = f
		case f.depth == now.depth:
			// As "b.c" in the object a, and c in the object "a.b".
			now.again = at
		}
	}
}

// unquote returns the text of the string at a place.
func (r *row) unquote(at span) ([]byte, error) {
	quoted := r.line[at.start:at.end]
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1 : len(quoted)-1], nil
	}
	start := len(r.room)
	err := r.unquoteInto(at)
	return r.room[start:len(r.room):len(r.room)], err
}

// unquoteInto appends the text of the string at a place to room.
func (r *row) unquoteInto(at span) (err error) {
	r.room, err = jsontext.AppendUnquote(r.room, r.line[at.start:at.end])
	return err
}
