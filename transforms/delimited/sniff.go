package delimited

import (
	"bytes"
)

// sniffed are the delimiters that Sniff knows. Of those that fit as well, the
// first is taken: tabs and "::" hardly ever stand in text, while commas part
// the decimals of "1,5;2,5" and bars the genres of "1,Crime|Drama".
var sniffed = []string{"\t", "::", ";", ",", "|"}

// sniffRows is how many rows Sniff looks at.
const sniffRows = 100

// sniffFit is the least share of rows with as many fields as the first.
const sniffFit = 0.8

// Sniff tells the delimiter from the head of a file: the one that parts the
// first row, and most rows into as many fields as the first. It is not ok
// where there is none, and for JSON lines and Parquet. The head may end within
// a row.
func Sniff(head []byte) (delimiter string, ok bool) {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \r\n")
	if bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("PAR1")) {
		return "", false
	}
	if i := bytes.LastIndexByte(head, '\n'); i >= 0 {
		head = head[:i+1]
	}
	best := 0.0
	for _, d := range sniffed {
		if fit := fitOf(head, d); fit >= sniffFit && fit > best {
			delimiter, best = d, fit
		}
	}
	return delimiter, best > 0
}

// fitOf is the share of rows with as many fields as the first row, which has
// two at least; 0 if not.
func fitOf(head []byte, delimiter string) float64 {
	s := NewScanner(bytes.NewReader(head), Options{Delimiter: delimiter})
	rows, fit, fields := 0, 0, 0
	for rows < sniffRows && s.Scan() {
		if rows == 0 {
			fields = len(s.Fields())
		}
		if len(s.Fields()) == fields && fields > 1 {
			fit++
		}
		rows++
	}
	if rows == 0 || s.Err() != nil {
		return 0
	}
	return float64(fit) / float64(rows)
}
