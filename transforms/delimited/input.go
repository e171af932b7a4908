package delimited

import (
	"bytes"
	"errors"
	"io"
)

// bufferBytes is the size of the buffer, which grows for longer rows only: it
// fits a core's second-level cache.
const bufferBytes = 256 << 10

// emptyReads is how often a reader may return neither bytes nor an error.
const emptyReads = 100

// errUTF16 is told of a file that starts with UTF-16's byte order mark.
var errUTF16 = errors.New("the text is UTF-16: convert the file to UTF-8 (iconv -f UTF-16 -t UTF-8)")

// input is a window into a reader: buf[pos:end] was read and not yet used.
type input struct {
	r        io.Reader
	buf      []byte
	pos, end int
	// base is the offset in the file of buf[0], first that of the reader's
	// first byte.
	base, first int64
	// done tells that nothing more will come: readErr, or the end if nil.
	done    bool
	readErr error
}

// fill reads until the buffer is full or the input ends. It moves what is
// behind pos to the front, and doubles the buffer if that fills it. A row is
// looked at anew after every fill; since fills double what is there, that stays
// linear whatever sizes the reader hands out.
func (in *input) fill() {
	in.base += int64(in.pos)
	in.end = copy(in.buf, in.buf[in.pos:in.end])
	in.pos = 0
	start := in.base == 0 && in.end == 0
	if in.end == len(in.buf) {
		size := 2 * len(in.buf)
		if size == 0 {
			size = bufferBytes
		}
		grown := make([]byte, size)
		copy(grown, in.buf)
		in.buf = grown
	}
	for empty := 0; in.end < len(in.buf) && !in.done; {
		n, err := in.r.Read(in.buf[in.end:])
		in.end += n
		if empty++; n > 0 {
			empty = 0
		}
		switch {
		case err == io.EOF:
			in.done = true
		case err != nil:
			in.done, in.readErr = true, err
		case empty == emptyReads:
			in.done, in.readErr = true, io.ErrNoProgress
		}
	}
	if start {
		in.pos = in.skipMark()
	}
}

// skipMark returns the length of the byte order mark at the file's start.
func (in *input) skipMark() int {
	head := in.buf[:in.end]
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return 3
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		in.end, in.done, in.readErr = 0, true, errUTF16
	}
	return 0
}
