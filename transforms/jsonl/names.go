package jsonl

import (
	"bytes"
	"errors"
	"io"
)

// namesDepth is how deep in objects Names looks. Names of deeper fields help
// nobody, and each is as long as all those around it.
const namesDepth = 16

// errNoRow is told of a text that is not one JSON object.
var errNoRow = errors.New("no JSON object")

// Names are the names of the fields in the rows at a file's head, in the order
// in which they first come: those of objects' fields with dots, as
// Options.Columns has them, and not those of objects themselves. Malformed
// rows do not count, nor does a last one that the head cuts short.
func Names(head []byte) []string {
	var all []string
	known := map[string]bool{}
	for line := range bytes.Lines(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))) {
		names, err := namesIn(line, "")
		if err != nil {
			continue
		}
		for _, name := range names {
			if !known[name] {
				known[name] = true
				all = append(all, name)
			}
		}
	}
	return all
}

// namesIn are the names of the fields of the object that is the text, each
// behind the prefix.
func namesIn(text []byte, prefix string) ([]string, error) {
	n := namer{tokens: newTokens(), name: []byte(prefix)}
	n.tokens.reset(text)
	if n.tokens.PeekKind() != '{' {
		return nil, errNoRow
	}
	if err := n.object(1); err != nil {
		return nil, err
	}
	if _, err := n.tokens.ReadToken(); err != io.EOF {
		return nil, errNoRow
	}
	return n.names, nil
}

// namer collects the names of fields.
type namer struct {
	tokens tokens
	names  []string
	name   []byte // what stands before a field's own name
}

// object collects the names of the fields of the object that comes next.
func (n *namer) object(depth int) error {
	if _, err := n.tokens.ReadToken(); err != nil {
		return err
	}
	before := len(n.name)
	for n.tokens.PeekKind() != '}' {
		name, err := n.tokens.ReadToken()
		if err != nil {
			return err
		}
		n.name = append(n.name, name.String()...)
		if n.tokens.PeekKind() == '{' && depth < namesDepth {
			n.name = append(n.name, '.')
			err = n.object(depth + 1)
		} else {
			if n.tokens.PeekKind() != '{' {
				n.names = append(n.names, string(n.name))
			}
			_, err = n.tokens.ReadValue()
		}
		if err != nil {
			return err
		}
		n.name = n.name[:before]
	}
	_, err := n.tokens.ReadToken()
	return err
}
