package read

import (
	"bytes"
	"context"
	"io"

	"foray/transforms/delimited"
)

// Split is a stretch of a file that is read in one piece.
type Split struct {
	// File is the place of the file in Source.Files.
	File int
	// Offset and Length are the stretch in bytes of a text file: what is
	// appended later is not read. Line is the number of the line that starts
	// at Offset.
	Offset, Length, Line int64
	// Groups are the row groups of a Parquet file, from the first to before
	// the second.
	Groups [2]int
}

// splitBytes is about how long a split of a text file is. What is split is
// what the file's size says, never the number of cores.
var splitBytes int64 = 8 << 20

// splits cuts a file. Text is cut where rows begin, which takes a look at all
// of it: worth it for a local file. A packed file has no places to start at.
func (f File) splits(ctx context.Context, file int) ([]Split, error) {
	switch {
	case f.Format == Parquet:
		return f.parquetSplits(ctx, file)
	case f.Compression != Plain || !isLocal(f.Path) || f.Bytes < 2*splitBytes:
		return []Split{{File: file, Length: f.Bytes, Line: 1}}, nil
	}
	at := func(offset int64) (io.ReadCloser, error) { return open(ctx, f.Path, offset, -1) }
	quotes := f.Format == Delimited && delimited.Quotes(f.Delimiter)
	starts, err := rowStarts(at, f.Delimiter, quotes, splitBytes)
	if err != nil {
		return nil, err
	}
	var all []Split
	for i, s := range starts {
		end := f.Bytes
		if i+1 < len(starts) {
			end = starts[i+1].offset
		}
		all = append(all, Split{File: file, Offset: s.offset, Length: end - s.offset, Line: s.line})
	}
	return all, nil
}

// rowStart is a place where a row begins.
type rowStart struct{ offset, line int64 }

// windowBytes is how much is looked at in one go.
const windowBytes = 1 << 20

// rowStarts gives the first row of a text and the first behind every size
// bytes. Where quotes have a meaning, a line's end may be part of a row, and
// only reading tells: so rows are read from a line with a quote on, until a
// whole window has none. All other lines are counted in bulk.
func rowStarts(open func(offset int64) (io.ReadCloser, error), delimiter string, quotes bool, size int64) ([]rowStart, error) {
	c := cutter{starts: []rowStart{{0, 1}}, size: size, at: rowStart{0, 1}}
	for {
		quote, err := c.plain(open, quotes)
		if err != nil || !quote {
			return c.starts, err
		}
		if done, err := c.quoted(open, delimiter); err != nil || done {
			return c.starts, err
		}
	}
}

// cutter is how far rowStarts has come: at is a place where a row begins.
type cutter struct {
	starts []rowStart
	size   int64
	at     rowStart
}

// reach notes that a row begins at a place.
func (c *cutter) reach(at rowStart) {
	c.at = at
	if at.offset >= c.starts[len(c.starts)-1].offset+c.size {
		c.starts = append(c.starts, at)
	}
}

// plain goes on line by line up to the first line with a quote, or to the end.
func (c *cutter) plain(open func(int64) (io.ReadCloser, error), quotes bool) (quote bool, err error) {
	r, err := open(c.at.offset)
	if err != nil {
		return false, err
	}
	defer r.Close()
	window := make([]byte, windowBytes)
	base, line := c.at.offset, c.at.line // of the window
	for {
		n, err := io.ReadFull(r, window)
		text := window[:n]
		if quotes {
			if i := bytes.IndexByte(text, '"'); i >= 0 {
				text, quote = text[:i], true
			}
		}
		for {
			due := c.starts[len(c.starts)-1].offset + c.size - base
			from := max(due-1, 0)
			if from >= int64(len(text)) {
				break
			}
			i := bytes.IndexByte(text[from:], '\n')
			if i < 0 {
				break
			}
			end := from + int64(i) + 1
			c.reach(rowStart{base + end, line + int64(bytes.Count(text[:end], newline))})
		}
		if i := bytes.LastIndexByte(text, '\n'); i >= 0 && base+int64(i)+1 > c.at.offset {
			c.at = rowStart{base + int64(i) + 1, line + int64(bytes.Count(text, newline))}
		}
		if quote || err == io.EOF || err == io.ErrUnexpectedEOF {
			return quote, nil
		}
		if err != nil {
			return false, err
		}
		base, line = base+int64(n), line+int64(bytes.Count(text, newline))
	}
}

var newline = []byte("\n")

// quoted reads rows until a whole window has had no quote, or to the end.
func (c *cutter) quoted(open func(int64) (io.ReadCloser, error), delimiter string) (done bool, err error) {
	r, err := open(c.at.offset)
	if err != nil {
		return false, err
	}
	defer r.Close()
	scan := delimited.NewScanner(r, delimited.Options{Delimiter: delimiter, Offset: c.at.offset, Line: c.at.line})
	last := c.at.offset // of a row with a quote
	for scan.Scan() {
		c.reach(rowStart{scan.Offset(), scan.Line()})
		if bytes.IndexByte(scan.Raw(), '"') >= 0 {
			last = scan.Offset()
		} else if scan.Offset()-last > windowBytes {
			return false, nil
		}
	}
	return true, scan.Err()
}
