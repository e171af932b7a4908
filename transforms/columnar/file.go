// Package columnar reads chosen columns of any Parquet file, row group by row
// group. It stands between parquet-go, which decodes pages, and readers who
// want text, numbers and times, whatever types the file's writer chose; and it
// turns what is wrong with a file into sentences.
package columnar

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// File is an opened file. Any number of Readers may read it at once.
type File struct {
	name    string
	file    *parquet.File
	columns []Column
	leaves  []format.SchemaElement
}

// windowBytes is how much is read at once: a file may be in an object store.
const windowBytes = 1 << 20

// tailBytes is the file's end: the length of the footer, and the magic bytes.
const tailBytes = 8

// Open reads the footer of a file; name is what errors call it.
func Open(r io.ReaderAt, size int64, name string) (f *File, err error) {
	// The library takes for granted that a footer holds together.
	defer func() {
		if damage := recover(); damage != nil {
			err = fmt.Errorf("%s: the footer is damaged (%v): write the file again", name, damage)
		}
	}()
	if err := checkEnds(r, size); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(windowBytes))
	if err != nil {
		return nil, fmt.Errorf("%s: the footer is damaged: write the file again: %w", name, err)
	}
	f = &File{name: name, file: file}
	for _, e := range file.Metadata().Schema {
		if e.Type.Valid {
			f.leaves = append(f.leaves, e)
		}
	}
	for _, c := range file.Root().Columns() {
		f.add(c, nil, 0)
	}
	return f, nil
}

var magic = "PAR1"

// checkEnds tells a file that is cut short from one that is no Parquet at all.
func checkEnds(r io.ReaderAt, size int64) error {
	head := make([]byte, len(magic))
	if size < int64(len(magic)) {
		return errors.New("is no Parquet file: it is too short")
	}
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return err
	}
	if string(head) == "PARE" {
		return errors.New("is encrypted: write it without encryption")
	}
	if string(head) != magic {
		return fmt.Errorf("is no Parquet file: it starts with %q", head)
	}
	tail := make([]byte, tailBytes)
	if size < 2*tailBytes {
		return errCut
	}
	if _, err := r.ReadAt(tail, size-tailBytes); err != nil && err != io.EOF {
		return err
	}
	if string(tail[4:]) != magic || int64(binary.LittleEndian.Uint32(tail)) > size-tailBytes-int64(len(magic)) {
		return errCut
	}
	return nil
}

var errCut = errors.New("is cut short: the footer is missing; copy the file again, whole")

// Rows is the number of rows.
func (f *File) Rows() int64 { return f.file.NumRows() }

// Group is a row group.
type Group struct {
	// Rows is the number of its rows, First that of the first one in the
	// file, counted from 1.
	Rows, First int64
}

// Groups are the row groups in their order.
func (f *File) Groups() []Group {
	var groups []Group
	first := int64(1)
	for _, g := range f.file.RowGroups() {
		groups = append(groups, Group{Rows: g.NumRows(), First: first})
		first += g.NumRows()
	}
	return groups
}
