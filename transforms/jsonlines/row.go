package jsonlines

import (
	"bytes"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"foray/transforms/fields"
)

// columns finds wanted columns by the names of fields.
type columns struct {
	byName map[string]*column
}

// column is what a field of one name is wanted for.
type column struct {
	place  int // among the wanted columns, −1 if it is not one itself
	name   string
	within columns // the fields of its object that are wanted
}

func newColumns(names []string) columns {
	root := columns{map[string]*column{}}
	for place, name := range names {
		root.at(name).set(place, name)
		// A name with dots is that of a field in an object, too.
		object := root
		for rest := name; ; {
			head, tail, ok := cutDot(rest)
			if !ok {
				if rest != name {
					object.at(rest).set(place, name)
				}
				break
			}
			c := object.at(head)
			if c.within.byName == nil {
				c.within.byName = map[string]*column{}
			}
			object, rest = c.within, tail
		}
	}
	return root
}

func cutDot(name string) (head, tail string, ok bool) {
	for i := 1; i < len(name)-1; i++ {
		if name[i] == '.' {
			return name[:i], name[i+1:], true
		}
	}
	return "", "", false
}

func (c columns) at(name string) *column {
	if c.byName[name] == nil {
		c.byName[name] = &column{place: -1}
	}
	return c.byName[name]
}

func (c *column) set(place int, name string) { c.place, c.name = place, name }

// row takes the wanted columns out of objects.
type row struct {
	decoder *jsontext.Decoder
	source  bytes.Buffer
	fields  [][]byte
	depths  []int  // how deep in the object each field was found
	room    []byte // the fields' texts
	name    []byte // room for a name with escapes
}

func (r *row) init(columns int) {
	// Only wanted fields are held against each other here, which takes less.
	r.decoder = jsontext.NewDecoder(&r.source, jsontext.AllowDuplicateNames(true))
	r.fields, r.depths = make([][]byte, columns), make([]int, columns)
}

func (r *row) reset() {
	clear(r.fields)
	clear(r.depths)
	r.room = r.room[:0]
}

// problem is what is wrong with a row.
type problem struct {
	at            int64 // in bytes
	found, advice string
}

func (p *problem) Error() string { return p.found + ": " + p.advice }

// parse takes the wanted columns out of one line.
func (r *row) parse(line []byte, wanted columns) error {
	r.source.Reset()
	r.source.Write(line)
	r.decoder.Reset(&r.source, jsontext.AllowDuplicateNames(true))
	if kind := r.decoder.PeekKind(); kind != '{' && kind != 0 {
		return &problem{found: describe(kind), advice: "write a JSON object a line (jq -c '.[]' makes that of a list)"}
	}
	if err := r.object(wanted, 1); err != nil {
		return err
	}
	if rest := bytes.TrimLeft(line[r.decoder.InputOffset():], " \t\r"); len(rest) > 0 {
		return &problem{at: int64(len(line) - len(rest)), found: fields.Quote(rest) + " behind the object", advice: "write one JSON object a line"}
	}
	return nil
}

// object reads an object whose opening brace comes next.
func (r *row) object(wanted columns, depth int) error {
	if _, err := r.decoder.ReadToken(); err != nil {
		return err
	}
	for r.decoder.PeekKind() != '}' {
		name, err := r.decoder.ReadValue()
		if err != nil {
			return err
		}
		c, err := r.find(wanted, name)
		if err != nil {
			return err
		}
		switch {
		case c == nil:
			err = r.decoder.SkipValue()
		case c.within.byName != nil && r.decoder.PeekKind() == '{':
			err = r.object(c.within, depth+1)
		case c.place < 0, r.depths[c.place] > 0 && r.depths[c.place] < depth:
			err = r.decoder.SkipValue()
		case r.depths[c.place] == depth:
			return &problem{at: r.decoder.InputOffset() - int64(len(name)), found: fmt.Sprintf("a second %s", name), advice: "give every field a name of its own"}
		default:
			r.depths[c.place] = depth
			err = r.value(c)
		}
		if err != nil {
			return err
		}
	}
	_, err := r.decoder.ReadToken()
	return err
}

// find finds the column of a name as written.
func (r *row) find(wanted columns, name jsontext.Value) (*column, error) {
	if len(name) >= 2 && name[0] == '"' && bytes.IndexByte(name, '\\') < 0 {
		return wanted.byName[string(name[1:len(name)-1])], nil
	}
	var err error
	r.name, err = jsontext.AppendUnquote(r.name[:0], name)
	return wanted.byName[string(r.name)], err
}

// value reads the value of a wanted column.
func (r *row) value(c *column) error {
	kind, at := r.decoder.PeekKind(), r.decoder.InputOffset()
	if kind == '{' {
		return &problem{at: at, found: fmt.Sprintf("column %s is an object", fields.Quote(c.name)), advice: fmt.Sprintf("name one of its fields, such as %s.id", c.name)}
	}
	value, err := r.decoder.ReadValue()
	if err != nil {
		return err
	}
	start := len(r.room)
	switch kind {
	case 'n':
		r.fields[c.place] = nil
		return nil
	case '"':
		r.room, err = jsontext.AppendUnquote(r.room, value)
	case '[':
		err = r.list(value, c.name, at)
	default:
		r.room = append(r.room, value...)
	}
	r.fields[c.place] = r.room[start:len(r.room):len(r.room)]
	return err
}

// listSeparator stands between the texts of a list.
const listSeparator = ", "

// list reads a list of texts, or of numbers.
func (r *row) list(value jsontext.Value, name string, at int64) error {
	start := len(r.room)
	d := jsontext.NewDecoder(bytes.NewReader(value))
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	texts, numbers := 0, 0
	for d.PeekKind() != ']' {
		element, err := d.ReadValue()
		if err != nil {
			return err
		}
		switch element.Kind() {
		case '"':
			if texts++; texts > 1 {
				r.room = append(r.room, listSeparator...)
			}
			if r.room, err = jsontext.AppendUnquote(r.room, element); err != nil {
				return err
			}
		case '0':
			numbers++
		default:
			return &problem{at: at, found: fmt.Sprintf("column %s is a list with %s in it", fields.Quote(name), describe(element.Kind())), advice: "write a list of texts or of numbers"}
		}
		if texts > 0 && numbers > 0 {
			return &problem{at: at, found: fmt.Sprintf("column %s is a list of texts and numbers", fields.Quote(name)), advice: "write a list of either"}
		}
	}
	if numbers > 0 {
		r.room = append(r.room[:start], value...)
	}
	return nil
}

// describe says what a value is.
func describe(kind jsontext.Kind) string {
	switch kind {
	case '"':
		return "a text"
	case '0':
		return "a number"
	case '[':
		return "a list"
	case '{':
		return "an object"
	case 'n':
		return "null"
	}
	return "true or false"
}

// Names are the names of all fields in the rows at a file's head, those in
// objects with dots, in the order in which they first come. A last line that
// is cut short does not count.
func Names(head []byte) []string {
	var all []string
	seen := map[string]bool{}
	for line := range bytes.Lines(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))) {
		d := jsontext.NewDecoder(bytes.NewReader(line))
		var names []string
		if namesOf(d, "", &names) != nil {
			continue
		}
		for _, name := range names {
			if !seen[name] {
				seen[name] = true
				all = append(all, name)
			}
		}
	}
	return all
}

// namesOf reads one value and collects the names of what stands in it.
func namesOf(d *jsontext.Decoder, prefix string, names *[]string) error {
	if d.PeekKind() != '{' {
		if prefix == "" {
			return io.ErrUnexpectedEOF // no object
		}
		*names = append(*names, prefix)
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		full := name.String()
		if prefix != "" {
			full = prefix + "." + full
		}
		if err := namesOf(d, full, names); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}
