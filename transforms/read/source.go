// Package read turns files into packed blocks of items and events.
//
// Inspect runs in the launcher: it lists the files, reads their headers and
// first rows, and resolves columns, delimiter and time unit, so that what is
// wrong with them is said before a job starts. Items and Events are the
// transforms that read all of it on the workers.
package read

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"foray/schemas"
	"foray/transforms/delimited"
	"foray/transforms/fields"
)

// Spec says where input is and how it is written, as the user told.
type Spec struct {
	// Flag and Pattern are the option that names the files, and its value.
	Flag, Pattern string
	Layout
	// Columns are the columns wanted.
	Columns []Column
}

// Layout says how files are written, as far as the user told.
type Layout struct {
	// Format is one of InputFormats; "" lets extension and content decide.
	Format string
	// Delimiter is one string of any length; "" lets them decide, too.
	Delimiter string
	NoHeader  bool
}

// Column is one column wanted of an input.
type Column struct {
	// Flag is the option that names it, Name its name (a number counted from
	// 1 where there is no header).
	Flag, Name string
	// Optional columns may be missing.
	Optional bool
	use      use
}

// use is what the values of a column are used as.
type use int

const (
	asID use = iota
	asTime
	asNumber
	asText
	asVector
)

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
	Files  []File
	Splits []Split
	// Names are the wanted columns, as the user calls them.
	Names []string
	// Of is what the files hold: "items" or "events".
	Of string
}

// File is one file of a Source.
type File struct {
	schemas.Input
	Format      Format
	Compression Compression `json:",omitempty"`
	Delimiter   string      `json:",omitempty"`
	NoHeader    bool        `json:",omitempty"`
	// Fields is how many fields a row of delimited text has, which its first
	// row tells.
	Fields int `json:",omitempty"`
	// Columns holds the place of each wanted column, −1 if absent. In formats
	// that find columns by name, any other number says that it is there.
	Columns []int
	// TypedTimes says that times have a type of their own, and so no unit that
	// has to be found out.
	TypedTimes bool `json:",omitempty"`
}

// Inputs are the files, for a manifest.
func (s Source) Inputs() []schemas.Input {
	var in []schemas.Input
	for _, f := range s.Files {
		f.Input.Of, f.Input.Format = s.Of, f.Described()
		in = append(in, f.Input)
	}
	return in
}

// headBytes is how much of a file Inspect looks at.
const headBytes = 1 << 20

// Inspect finds an input's files, resolves their columns and cuts large files
// into splits. sample is called with the wanted columns (nil where absent) of
// the rows at the head of each file, until it returns false.
func Inspect(ctx context.Context, spec Spec, sample func(row [][]byte) bool) (Source, error) {
	files, err := Files(ctx, spec.Flag, spec.Pattern)
	if err != nil {
		return Source{}, err
	}
	s := Source{Of: spec.Flag}
	heads := &sampler{sample: sample}
	for _, c := range spec.Columns {
		s.Names = append(s.Names, c.Name)
	}
	for _, in := range files {
		f, err := inspect(ctx, spec, in, heads)
		if err != nil {
			return Source{}, err
		}
		s.Files = append(s.Files, f)
		splits, err := f.splits(ctx, len(s.Files)-1)
		if err != nil {
			return Source{}, err
		}
		s.Splits = append(s.Splits, splits...)
	}
	return s, heads.verdict(spec)
}

// sampler takes the rows at the heads of files.
type sampler struct {
	sample func(row [][]byte) bool
	// good tells that there was one, bad what is wrong with the first that is
	// none.
	good bool
	bad  error
}

// take takes a row; it returns whether the file's next one is wanted.
func (s *sampler) take(row [][]byte) bool {
	s.good = true
	return s.sample(row)
}

// reject takes what is wrong with a row.
func (s *sampler) reject(why error) {
	if s.bad == nil {
		s.bad = why
	}
}

// verdict is an error if no file has a row at its head that can be read.
func (s *sampler) verdict(spec Spec) error {
	switch {
	case s.good:
		return nil
	case s.bad != nil:
		return fmt.Errorf("--%s=%s: no row at the head can be read: %w", spec.Flag, spec.Pattern, s.bad)
	}
	return fmt.Errorf("--%s=%s: holds no rows", spec.Flag, spec.Pattern)
}

func inspect(ctx context.Context, spec Spec, in schemas.Input, heads *sampler) (File, error) {
	f := File{Input: in, Delimiter: spec.Delimiter, NoHeader: spec.NoHeader}
	head, err := f.unpackHead(ctx)
	if err != nil {
		return f, err
	}
	if len(head) == 0 {
		return f, fmt.Errorf("%s: is empty: want a header row and rows", in.Path)
	}
	f.Format = formatOf(spec.Format, in.Path, head)
	if f.Format == Parquet {
		return f, f.inspectParquet(ctx, spec.Columns, heads)
	}
	if len(head) == headBytes { // the last row may be cut
		if i := bytes.LastIndexByte(head, '\n'); i > 0 {
			head = head[:i+1]
		}
	}
	if f.Format == JSONL {
		return f, f.inspectJSON(spec.Columns, head, heads)
	}
	if f.Delimiter == "" {
		f.Delimiter = delimiterOf(spec.Format, in.Path, head)
	}
	return f, f.inspectDelimited(spec.Columns, head, heads)
}

// unpackHead reads the head of the content, and tells how it is packed.
func (f *File) unpackHead(ctx context.Context) ([]byte, error) {
	r, err := open(ctx, f.Path, 0, int64(len(zstdMagic)))
	if err != nil {
		return nil, err
	}
	magic, err := io.ReadAll(r)
	r.Close()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	f.Compression = compressionOf(f.Path, magic)
	if r, err = unpack(ctx, f.Path, f.Compression); err != nil {
		return nil, err
	}
	defer r.Close()
	head, err := io.ReadAll(io.LimitReader(r, headBytes))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	return head, nil
}

// inspectDelimited finds columns in the header.
func (f *File) inspectDelimited(columns []Column, head []byte, heads *sampler) error {
	scan := delimited.NewScanner(bytes.NewReader(head), delimited.Options{Delimiter: f.Delimiter, Name: f.Path})
	if !scan.Scan() {
		if err := scan.Err(); err != nil {
			return err
		}
		return fmt.Errorf("%s: has no row: want a header row and rows", f.Path)
	}
	if err := scan.RowErr(); err != nil && !f.NoHeader {
		return fmt.Errorf("the header row: %w", err)
	}
	header := fields.Header(scan.Fields(), f.NoHeader)
	f.Fields = len(header)
	if err := f.find(columns, func(name string) (int, error) { return fields.Find(header, name) }); err != nil {
		return err
	}
	row := make([][]byte, len(f.Columns))
	for more := f.NoHeader || scan.Scan(); more; more = scan.Scan() {
		err := scan.RowErr()
		if err == nil {
			err = f.pick(scan.Fields(), row)
		}
		if err != nil {
			heads.reject(fmt.Errorf("%s:%d: %s", f.Path, scan.Line(), reason(err)))
		} else if !heads.take(row) {
			break
		}
	}
	return nil
}

func names(columns []Column) []string {
	var all []string
	for _, c := range columns {
		all = append(all, c.Name)
	}
	return all
}

// find sets Columns.
func (f *File) find(columns []Column, place func(name string) (int, error)) error {
	for _, c := range columns {
		at, err := place(c.Name)
		if err != nil {
			if !c.Optional || !errors.Is(err, fields.ErrNoColumn) {
				return optionError("%s: --%s: %w", f.Path, c.Flag, err)
			}
			at = -1
		}
		f.Columns = append(f.Columns, at)
	}
	return nil
}

// pick puts the wanted columns of a row of delimited text into into. A row with
// more or fewer fields than the first is an error, since nobody knows which of
// its fields stand in the wrong column. A delimiter that ends the row is none.
func (f *File) pick(row, into [][]byte) error {
	if n := len(row); n != f.Fields && !(n == f.Fields+1 && len(row[f.Fields]) == 0) {
		return f.miscounted(n)
	}
	for i, at := range f.Columns {
		into[i] = nil
		if at >= 0 {
			into[i] = row[at]
		}
	}
	return nil
}

// miscounted says what is wrong with a row of so many fields.
func (f *File) miscounted(found int) error {
	first, noun, advice := "the header", "fields", "a field with the delimiter in it needs quotes"
	if f.NoHeader {
		first = "the first row"
	}
	if found == 1 {
		noun = "field"
	}
	switch {
	case found < f.Fields:
		advice = "give every column a field, an empty one too; a field with a line end in it needs quotes"
	case !delimited.Quotes(f.Delimiter):
		advice = fmt.Sprintf("no field can hold %q, which parts them: take a delimiter that stands in no field", f.Delimiter)
	}
	return fmt.Errorf("found %d %s, while %s has %d: %s", found, noun, first, f.Fields, advice)
}
