package fields

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// TextSeparator stands between the text columns of an item: a line's end, so
// that no phrase runs from one into the next.
const TextSeparator = "\n"

// CheckUTF8 is an error if the field is not valid UTF-8.
func CheckUTF8(field []byte) error {
	if utf8.Valid(field) {
		return nil
	}
	at := 0
	for {
		r, n := utf8.DecodeRune(field[at:])
		if r == utf8.RuneError && n == 1 {
			return fmt.Errorf("the text %s is not UTF-8 (byte %d is 0x%02x): convert the file, for instance with iconv -f WINDOWS-1252 -t UTF-8",
				Quote(field), at+1, field[at])
		}
		at += n
	}
}

// Text is a field as text: control and invisible characters and runs of blanks
// become single spaces, and none is left at the ends. It is an error if the
// field is not valid UTF-8.
func Text(field []byte) (string, error) {
	if err := CheckUTF8(field); err != nil {
		return "", err
	}
	text := string(field)
	if isClean(text) {
		return text, nil
	}
	return strings.Join(strings.FieldsFunc(text, isBlank), " "), nil
}

// JoinTexts joins the cleaned texts of an item's columns by TextSeparator,
// without those that are empty. It is an error if one is not valid UTF-8.
func JoinTexts(columns [][]byte) (string, error) {
	texts := make([]string, 0, len(columns))
	for _, column := range columns {
		text, err := Text(column)
		if err != nil {
			return "", err
		}
		if text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, TextSeparator), nil
}

func isBlank(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\u200b' || r == '\ufeff'
}

// isClean tells whether Text leaves a text as it is.
func isClean(text string) bool {
	blank := true // behind a blank, or at the start
	for _, r := range text {
		switch {
		case r == ' ' && !blank:
			blank = true
		case isBlank(r):
			return false
		default:
			blank = false
		}
	}
	return !blank || text == ""
}
