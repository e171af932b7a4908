package read

import (
	"context"
	"errors"
	"fmt"

	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/delimited"
)

// rowReader reads one file's rows, keeping those that are not used.
type rowReader struct {
	stage string
	file  File
	scan  *delimited.Scanner
	// Row holds the wanted columns of the row at Line.
	Row  [][]byte
	Line int64
	// Read and Rejected count rows.
	Read, Rejected int64
	reject         func(commit.Entry)
}

// eachRow calls use for every row of a file that has all wanted columns. An
// error of use rejects the row. It returns how many rows were read and
// rejected; an error if the file cannot be read to its end.
func eachRow(ctx context.Context, stage string, f File, reject func(commit.Entry), use func(*rowReader) error) (*rowReader, error) {
	in, err := open(ctx, f.Path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	r := &rowReader{stage: stage, file: f, reject: reject, Row: make([][]byte, len(f.Columns))}
	r.scan = delimited.NewScanner(in, delimited.Options{Delimiter: f.Delimiter, Name: f.Path})
	header := !f.NoHeader
	for r.scan.Scan() {
		if header {
			header = false
			continue
		}
		r.Read++
		r.Line = r.scan.Line()
		if err := r.scan.RowErr(); err != nil {
			r.drop(err)
			continue
		}
		if !pick(r.scan.Fields(), f.Columns, r.Row) {
			r.drop(fmt.Errorf("the row has %d columns, too few for those asked for", len(r.scan.Fields())))
			continue
		}
		if err := use(r); err != nil {
			r.drop(err)
		}
		if r.Read%8192 == 0 && ctx.Err() != nil {
			return r, ctx.Err()
		}
	}
	return r, r.scan.Err()
}

// drop keeps the row among the rejects.
func (r *rowReader) drop(why error) {
	r.Rejected++
	reason := why.Error()
	if row := (*delimited.RowError)(nil); errors.As(why, &row) {
		reason = row.Reason() // the place stands in Source
	}
	r.reject(commit.Entry{Reject: &schemas.Reject{
		Stage:  r.stage,
		Source: fmt.Sprintf("%s:%d", r.file.Path, r.Line),
		Reason: reason,
		Raw:    commit.Cut(string(r.scan.Raw())),
	}})
}
