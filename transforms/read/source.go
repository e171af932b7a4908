// Package read turns files into packed blocks of items and events.
//
// Inspect runs in the launcher: it lists the files, reads their headers and
// first rows, and resolves columns, delimiter and time unit, so that what is
// wrong with them is said before a job starts. Items and Events are the
// transforms that read all of it on the workers.
package read

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"foray/schemas"
	"foray/transforms/delimited"
	"foray/transforms/fields"
)

// Spec says where input is and how it is written, as the user told.
type Spec struct {
	// Flag and Pattern are the option that names the files, and its value.
	Flag, Pattern string
	// Delimiter is one string of any length; "" lets extension and content
	// decide.
	Delimiter string
	NoHeader  bool
	// Columns are the columns wanted.
	Columns []Column
}

// Column is one column wanted of an input.
type Column struct {
	// Flag is the option that names it, Name its name (a number counted from
	// 1 where there is no header).
	Flag, Name string
	// Optional columns may be missing.
	Optional bool
}

// OptionError is an error that another value of an option mends: what the
// options name is not there.
type OptionError struct{ Err error }

func (e *OptionError) Error() string { return e.Err.Error() }

// Unwrap gives the error itself.
func (e *OptionError) Unwrap() error { return e.Err }

func optionError(format string, args ...any) error {
	return &OptionError{fmt.Errorf(format, args...)}
}

// Source is an input whose files are known to be readable; it travels to the
// workers as the configuration of a DoFn.
type Source struct {
	Files []File
}

// File is one file of a Source.
type File struct {
	schemas.Input
	Delimiter string
	NoHeader  bool
	// Columns holds the place of each column of the Spec, −1 if absent.
	Columns []int
}

// Inputs are the files, for a manifest.
func (s Source) Inputs() []schemas.Input {
	var in []schemas.Input
	for _, f := range s.Files {
		in = append(in, f.Input)
	}
	return in
}

// headBytes is how much of a file Inspect looks at.
const headBytes = 1 << 20

// Inspect finds an input's files and resolves their columns. sample is called
// with the wanted columns (nil where absent) of the rows at the head of each
// file, until it returns false.
func Inspect(ctx context.Context, spec Spec, sample func(row [][]byte) bool) (Source, error) {
	files, err := Files(ctx, spec.Flag, spec.Pattern)
	if err != nil {
		return Source{}, err
	}
	var s Source
	for _, in := range files {
		f, err := inspect(ctx, spec, in, sample)
		if err != nil {
			return Source{}, err
		}
		s.Files = append(s.Files, f)
	}
	return s, nil
}

func inspect(ctx context.Context, spec Spec, in schemas.Input, sample func([][]byte) bool) (File, error) {
	f := File{Input: in, Delimiter: spec.Delimiter, NoHeader: spec.NoHeader}
	r, err := open(ctx, in.Path)
	if err != nil {
		return f, err
	}
	defer r.Close()
	head, err := io.ReadAll(io.LimitReader(r, headBytes))
	if err != nil {
		return f, fmt.Errorf("%s: %w", in.Path, err)
	}
	if len(head) == 0 {
		return f, fmt.Errorf("%s: is empty: want a header row and rows", in.Path)
	}
	if f.Delimiter == "" {
		f.Delimiter = delimiterOf(in.Path, head)
	}
	if len(head) == headBytes { // the last row may be cut
		if i := strings.LastIndexByte(string(head), '\n'); i > 0 {
			head = head[:i+1]
		}
	}
	scan := delimited.NewScanner(strings.NewReader(string(head)), delimited.Options{Delimiter: f.Delimiter, Name: in.Path})
	if !scan.Scan() {
		if err := scan.Err(); err != nil {
			return f, err
		}
		return f, fmt.Errorf("%s: has no row: want a header row and rows", in.Path)
	}
	header := fields.Header(scan.Fields(), f.NoHeader)
	for _, c := range spec.Columns {
		at, err := fields.Find(header, c.Name)
		if err != nil {
			if !c.Optional {
				return f, optionError("%s: --%s: %w", in.Path, c.Flag, err)
			}
			at = -1
		}
		f.Columns = append(f.Columns, at)
	}
	row := make([][]byte, len(f.Columns))
	for more := f.NoHeader || scan.Scan(); more; more = scan.Scan() {
		if scan.RowErr() != nil {
			continue
		}
		if pick(scan.Fields(), f.Columns, row) && !sample(row) {
			break
		}
	}
	return f, nil
}

// pick puts the wanted columns of a row into into; false if the row is too
// short.
func pick(row [][]byte, columns []int, into [][]byte) bool {
	for i, at := range columns {
		switch {
		case at < 0:
			into[i] = nil
		case at < len(row):
			into[i] = row[at]
		default:
			return false
		}
	}
	return true
}

// delimiterOf tells by the extension, else by the content.
func delimiterOf(name string, head []byte) string {
	switch ext := path.Ext(strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")); ext {
	case ".csv":
		// Spreadsheets write .csv with semicolons where commas are decimal.
		if d, ok := delimited.Sniff(head); ok && slices.Contains([]string{",", ";"}, d) {
			return d
		}
		return ","
	case ".tsv", ".tab":
		return "\t"
	}
	if d, ok := delimited.Sniff(head); ok {
		return d
	}
	return ","
}
