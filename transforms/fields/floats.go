package fields

import (
	"bytes"
	"errors"
	"fmt"
)

// brackets may stand around a list of floats.
var brackets = map[byte]byte{'[': ']', '{': '}', '(': ')'}

var errNoFloats = errors.New("the list of floats is empty: give every item its embedding")

// Floats reads a list of floats, as an embedding is: [0.1, 0.2], with or
// without the brackets, and parted by one of comma, semicolon or bar, or by
// blanks alone. It is an error if the list is empty, if separators are mixed
// (in "0,1;0,2" the commas are decimal), or if an element is not finite; such
// errors name its place, counted from 1.
func Floats(field []byte) ([]float32, error) {
	list := bytes.TrimSpace(field)
	if len(list) > 0 {
		if closing := brackets[list[0]]; closing != 0 {
			if last := list[len(list)-1]; last != closing {
				return nil, fmt.Errorf("the list of floats %s opens with %q and does not end with %q: check that it is whole", Quote(field), list[0], closing)
			}
			list = bytes.TrimSpace(list[1 : len(list)-1])
		}
	}
	if len(list) == 0 {
		return nil, errNoFloats
	}
	separator, err := separatorOf(list)
	if err != nil {
		return nil, err
	}
	if separator == ' ' {
		return parseFloats(bytes.FieldsSeq(list), 1+len(list)/8)
	}
	by := []byte{separator}
	return parseFloats(bytes.SplitSeq(list, by), 1+bytes.Count(list, by))
}

// separatorOf is the byte that parts a list; a space if only blanks do.
func separatorOf(list []byte) (byte, error) {
	separator := byte(' ')
	for _, c := range []byte(",;|") {
		if bytes.IndexByte(list, c) < 0 {
			continue
		}
		if separator != ' ' {
			return 0, fmt.Errorf("the list of floats %s has both %q and %q: part the floats by one of them, and write decimals with a point", Quote(list), separator, c)
		}
		separator = c
	}
	return separator, nil
}

// parseFloats reads the elements of a list, of which there are about n.
func parseFloats(elements func(func([]byte) bool), n int) ([]float32, error) {
	floats := make([]float32, 0, n)
	for element := range elements {
		element = bytes.TrimSpace(element)
		number, problem := parseFloat(element, 32)
		if problem != "" {
			return nil, fmt.Errorf("number %d of the list of floats, %s, %s", len(floats)+1, Quote(element), problem)
		}
		floats = append(floats, float32(number))
	}
	return floats, nil
}
