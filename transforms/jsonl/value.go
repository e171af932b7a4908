package jsonl

import "bytes"

// listSeparator stands between the strings of a list.
const listSeparator = ", "

// notNumbers start the values that are no numbers; in a list of numbers none
// of these bytes stands.
const notNumbers = `"[{tfn`

// text is a column's value as Fields has it.
func (r *row) text(column int, f found) ([]byte, error) {
	if f.depth == 0 {
		return nil, nil
	}
	at := f.value
	switch r.line[at.start] {
	case 'n':
		return nil, nil
	case '"':
		return r.unquote(at)
	case '[':
		return r.listText(column, at)
	case '{':
		return nil, faultObject(at.start, r.columns[column], r.line[at.start:at.end])
	}
	return r.line[at.start:at.end:at.end], nil
}

// listText is the text of a list of strings, or of numbers.
func (r *row) listText(column int, at span) ([]byte, error) {
	list := r.line[at.start:at.end:at.end]
	elements := bytes.Trim(list[1:len(list)-1], blanks)
	if len(elements) == 0 {
		return list[:0:0], nil
	}
	if !bytes.ContainsAny(elements, notNumbers) {
		return list, nil
	}
	r.list.reset(list)
	if _, err := r.list.ReadToken(); err != nil {
		return nil, err
	}
	start := len(r.room)
	first := r.list.PeekKind()
	for kind := first; kind != ']'; kind = r.list.PeekKind() {
		element, err := r.list.readSpan()
		if err != nil {
			return nil, err
		}
		element.start, element.end = element.start+at.start, element.end+at.start
		if kind != first || kind != '"' && kind != '0' {
			return nil, faultElement(element.start, r.columns[column], first, kind)
		}
		if kind == '0' {
			continue // some element behind it is no number
		}
		if err := r.unquoteInto(element); err != nil {
			return nil, err
		}
		r.room = append(r.room, listSeparator...)
	}
	r.room = r.room[:len(r.room)-len(listSeparator)]
	return r.room[start:len(r.room):len(r.room)], nil
}
