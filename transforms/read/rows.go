package read

import (
	"context"
	"errors"
	"io"

	"foray/transforms/commit"
	"foray/transforms/delimited"
)

// scanner reads the rows of a text format.
type scanner interface {
	Scan() bool
	Fields() [][]byte
	RowErr() error
	Raw() []byte
	Line() int64
	Err() error
}

// rowReader reads one split's rows, keeping those that are not used.
type rowReader struct {
	source  Source
	file    File
	count   string // what the rejected rows are counted as
	rejects *commit.Rejects
	scan    scanner
	// Row holds the wanted columns of the row at Line.
	Row  [][]byte
	Line int64
	// Read and Rejected count rows.
	Read, Rejected int64
}

// columnError says which column of a row is wrong.
type columnError struct {
	column int // place in Source.Names
	err    error
}

func (e *columnError) Error() string { return e.err.Error() }

// open opens the rows of a split.
func (s Source) open(ctx context.Context, at Split) (io.ReadCloser, scanner, error) {
	f := s.Files[at.File]
	var in io.ReadCloser
	var err error
	if f.Compression != Plain {
		in, err = unpack(ctx, f.Path, f.Compression)
	} else {
		in, err = open(ctx, f.Path, at.Offset, at.Length)
	}
	if err != nil {
		return nil, nil, err
	}
	if f.Format == JSONL {
		return in, newJSONScanner(in, s.Names, f.Path, at), nil
	}
	return in, delimited.NewScanner(in, delimited.Options{Delimiter: f.Delimiter, Name: f.Path, Offset: at.Offset, Line: at.Line}), nil
}

// eachRow calls use for every row of a split of a text file that has all
// wanted columns. An error of use rejects the row. It returns how many rows
// were read and rejected; an error if the file cannot be read to its end.
func (s Source) eachRow(ctx context.Context, at Split, count string, rejects *commit.Rejects, use func(*rowReader) error) (*rowReader, error) {
	f := s.Files[at.File]
	r := &rowReader{source: s, file: f, count: count, rejects: rejects, Row: make([][]byte, len(f.Columns))}
	in, scan, err := s.open(ctx, at)
	if err != nil {
		return r, err
	}
	defer in.Close()
	r.scan = scan
	header := f.Format == Delimited && !f.NoHeader && at.Offset == 0
	for scan.Scan() {
		if header {
			header = false
			continue
		}
		r.Read++
		r.Line = scan.Line()
		err := r.pick()
		if err == nil {
			err = use(r)
		}
		if err != nil {
			if err := r.drop(err); err != nil {
				return r, err
			}
		}
		if r.Read%8192 == 0 && ctx.Err() != nil {
			return r, ctx.Err()
		}
	}
	return r, scan.Err()
}

// pick takes the wanted columns of the row.
func (r *rowReader) pick() error {
	if err := r.scan.RowErr(); err != nil {
		return err
	}
	if r.file.Format == JSONL {
		copy(r.Row, r.scan.Fields())
		return nil
	}
	return r.file.pick(r.scan.Fields(), r.Row)
}

// drop keeps the row among the rejects.
func (r *rowReader) drop(why error) error {
	r.Rejected++
	column := ""
	if c := (*columnError)(nil); errors.As(why, &c) {
		column = r.source.Names[c.column]
	}
	return r.rejects.Add(r.count, r.file.Path, r.Line, column, reason(why), r.scan.Raw())
}

// reason is an error without the place, which stands beside it.
func reason(why error) string {
	if row := (*delimited.RowError)(nil); errors.As(why, &row) {
		return row.Reason()
	}
	return why.Error()
}
