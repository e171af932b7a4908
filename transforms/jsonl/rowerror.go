package jsonl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"foray/transforms/fields"
)

// fault is what is wrong with a line: what was found at the byte at, and what
// to do.
type fault struct {
	at            int
	found, advice string
}

// adviceRow is what to do where nothing better is known.
const adviceRow = "write a row as a JSON object on one line"

func (f *fault) Error() string { return f.found + ": " + f.advice }

// faultOf is the fault that reading a line met.
func faultOf(err error, line []byte) *fault {
	if f := (*fault)(nil); errors.As(err, &f) {
		return f
	}
	syntax := (*jsontext.SyntacticError)(nil)
	if !errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &fault{len(line), "the end of the line within the object",
			"write every object whole, and on one line (jq -c . makes them so)"}
	}
	at := int(syntax.ByteOffset)
	if r, n := utf8.DecodeRune(line[at:]); r == utf8.RuneError && n == 1 {
		return &fault{at, fmt.Sprintf("the byte 0x%02x, which is not UTF-8", line[at]),
			"convert the file, for instance with iconv -f WINDOWS-1252 -t UTF-8"}
	}
	if f := faultMissing(at, line); f != nil {
		return f
	}
	return &fault{at, syntax.Err.Error(), adviceRow}
}

// faultMissing is the fault of a comma or colon that stands right before a
// closing bracket, either of which is at at; nil if that is not the fault. Of
// these, jsontext says that it wants what stands there.
func faultMissing(at int, line []byte) *fault {
	before, behind := bytes.TrimRight(line[:at], blanks), bytes.TrimLeft(line[at:], blanks)
	if len(behind) > 0 && behind[0] == ',' {
		before, behind = behind[:1], bytes.TrimLeft(behind[1:], blanks)
	}
	if len(before) == 0 || len(behind) == 0 || behind[0] != '}' && behind[0] != ']' {
		return nil
	}
	advice := ""
	switch before[len(before)-1] {
	case ',':
		advice = "remove the comma, or write what belongs behind it"
	case ':':
		advice = "write a value behind the colon, such as null"
	default:
		return nil
	}
	return &fault{at, fmt.Sprintf("%q before %q", before[len(before)-1:], behind[:1]), advice}
}

func faultLongLine(most int) *fault {
	return &fault{0, fmt.Sprintf("a line longer than %d bytes", most), "check that the file has a JSON object a line"}
}

func faultNoObject(line []byte, kind jsontext.Kind) *fault {
	return &fault{len(line) - len(bytes.TrimLeft(line, blanks)), what(kind) + " for a row", adviceRow}
}

func faultBehind(at int, behind []byte) *fault {
	return &fault{at, fields.Quote(behind) + " behind the object", "write one JSON object a line, and nothing else"}
}

func faultTwice(at int, name string) *fault {
	return &fault{at, "a second field " + fields.Quote(name), "give every field a name of its own"}
}

// faultObject suggests the first field of the object.
func faultObject(at int, column string, object []byte) *fault {
	advice := "name one of its fields as the column"
	if names, err := namesIn(object, column+"."); err == nil && len(names) > 0 {
		advice = "name one of its fields, such as " + fields.Quote(names[0])
	}
	return &fault{at, "an object in the column " + fields.Quote(column), advice}
}

// faultElement says of what kind an element of a list is that does not go with
// the first one, or into any list.
func faultElement(at int, column string, first, kind jsontext.Kind) *fault {
	found := what(kind)
	if what(first) != found {
		found += " beside " + what(first)
	}
	return &fault{at, found + " in the list in the column " + fields.Quote(column), "write a list of strings, or of numbers"}
}

// what names a kind of value.
func what(kind jsontext.Kind) string {
	switch kind {
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '[':
		return "a list"
	case '{':
		return "an object"
	}
	return kind.String() // null, true or false
}
