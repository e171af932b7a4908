package jsonl

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// bufferBytes is the size of the read buffer, which longer lines are copied
// out of: it fits a core's second-level cache.
const bufferBytes = 256 << 10

// blanks are what JSON allows around its tokens, but for line ends.
const blanks = " \t\r"

// aroundRow is how many bytes of a line are not of its row: a byte order mark
// and CRLF.
const aroundRow = 5

// errUTF16 is told of a file that starts with UTF-16's byte order mark.
var errUTF16 = errors.New("the text is UTF-16: convert the file to UTF-8 (iconv -f UTF-16 -t UTF-8)")

// lines reads lines of any length, of which it keeps no more than max bytes.
type lines struct {
	in  *bufio.Reader
	max int
	// text is the line without its end, offset the place of its first byte in
	// the file, and line its number. If it is tooLong, text is its first max
	// bytes.
	text         []byte
	tooLong      bool
	offset, line int64
	// ahead is the place in the file of what is read next; if skip is set,
	// the rest of the line comes first.
	ahead int64
	skip  bool
	long  []byte // room for lines that the buffer does not hold
}

func newLines(r io.Reader, size int, opt Options) lines {
	return lines{
		in:    bufio.NewReaderSize(r, size),
		max:   opt.MaxRow,
		ahead: opt.Offset,
		line:  max(opt.Line, 1) - 1,
	}
}

// next moves to the next line; io.EOF if there is none. A line that a read
// error cut is none.
func (l *lines) next() error {
	if err := l.skipRest(); err != nil {
		return err
	}
	l.line++
	l.offset = l.ahead
	text, err := l.readSlice()
	if err == bufio.ErrBufferFull {
		text, err = l.readLong(text)
	}
	if err == io.EOF && len(text) > 0 {
		err = nil // the last line has no end
	}
	if err != nil {
		return err
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	if l.offset == 0 {
		mark, err := markOf(text)
		if err != nil {
			return err
		}
		l.offset += int64(mark)
		text = text[mark:]
	}
	l.tooLong = len(text) > l.max
	l.text = text[:min(len(text), l.max)]
	return nil
}

func (l *lines) readSlice() ([]byte, error) {
	part, err := l.in.ReadSlice('\n')
	l.ahead += int64(len(part))
	return part, err
}

// readLong reads a line that the buffer does not hold, as far as is needed to
// tell whether it is too long. The head was read already.
func (l *lines) readLong(head []byte) ([]byte, error) {
	l.long = append(l.long[:0], head...)
	for len(l.long) <= l.max+aroundRow {
		part, err := l.readSlice()
		l.long = append(l.long, part...)
		if err != bufio.ErrBufferFull {
			return l.long, err
		}
	}
	l.skip = true
	return l.long, nil
}

// skipRest moves behind the rest of a line that was too long to keep.
func (l *lines) skipRest() error {
	for l.skip {
		_, err := l.readSlice()
		if err != nil && err != bufio.ErrBufferFull {
			return err
		}
		l.skip = err != nil
	}
	return nil
}

// markOf is the length of the byte order mark at the file's start.
func markOf(head []byte) (int, error) {
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return 3, nil
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return 0, errUTF16
	}
	return 0, nil
}
