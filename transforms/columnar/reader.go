package columnar

import (
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"foray/transforms/fields"
)

// batchRows is the most rows of a batch: three columns of them fit in a core's
// cache.
const batchRows = 1024

// Batch is some rows of some columns, as they follow in the file.
type Batch struct {
	Rows int
	// First is the number of the first row in the file, counted from 1.
	First int64
	// Columns are as Read was given them.
	Columns []Values
}

// Values are those of one column in a batch. Those that are null, or of a
// number that does not fit, are Null and have zeros in their places.
type Values struct {
	Null []bool
	// Ints are the values of an Int or a Time.
	Ints []int64
	// Floats are the values of a Float, or the elements of a FloatList.
	Floats []float64
	// Texts are the values of a Text, or the elements of a TextList.
	Texts [][]byte
	// Starts tell where lists start: the elements of row i are those from
	// Starts[i] up to Starts[i+1]. A list of
	// numbers with a null in it is null; a null among texts is left out.
	Starts []int
}

// Reader reads a row group in batches. It is for one goroutine.
type Reader struct {
	file    *File
	number  int
	group   Group
	columns []Column
	chunks  []*chunk
	done    int64
	batch   Batch
	err     error
}

// Read starts reading columns, which Find returned, of the row group of a
// place among Groups. Nothing is read before Next.
func (f *File) Read(group int, columns []Column) *Reader {
	return &Reader{file: f, number: group, group: f.Groups()[group], columns: columns, batch: Batch{Columns: make([]Values, len(columns))}}
}

// Next returns the next rows, and io.EOF behind the last. The batch and all
// that it holds are valid until Next is called again. An error names file, row
// group and column, and stays.
func (r *Reader) Next() (*Batch, error) {
	if r.err == nil && r.done == r.group.Rows {
		r.err = r.Close()
		if r.err == nil {
			r.err = io.EOF
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	r.batch.Rows = int(min(batchRows, r.group.Rows-r.done))
	r.batch.First = r.group.First + r.done
	for i := range r.columns {
		if err := r.fill(i); err != nil {
			r.err = fmt.Errorf("%s: row group %d, column %s cannot be read; it may be damaged: write the file again, by another tool if there is one: %w", r.file.name, r.number+1, fields.Quote(r.columns[i].Name), err)
			return nil, r.err
		}
	}
	r.done += int64(r.batch.Rows)
	return &r.batch, nil
}

// fill reads one column of the batch.
func (r *Reader) fill(column int) (err error) {
	// The library takes for granted that pages hold together.
	defer func() {
		if damage := recover(); damage != nil {
			err = fmt.Errorf("%v", damage)
		}
	}()
	if r.chunks == nil {
		for _, c := range r.columns {
			source := r.file.file.RowGroups()[r.number].ColumnChunks()[c.leaf]
			r.chunks = append(r.chunks, &chunk{column: c, source: parquet.NewColumnChunkValueReader(source)})
		}
	}
	return r.chunks[column].read(r.batch.Rows, &r.batch.Columns[column])
}

// Close lets go of the file's buffers; Next does so behind the last batch.
func (r *Reader) Close() error {
	var first error
	for _, c := range r.chunks {
		if err := c.source.Close(); err != nil && first == nil {
			first = err
		}
	}
	r.chunks = nil
	return first
}

// chunk reads one column of a row group.
type chunk struct {
	column Column
	source parquet.ColumnChunkValueReader
	// Of room, the values from at to end were read and not yet used.
	room    [batchRows]parquet.Value
	at, end int
	// bytes holds the batch's texts, ends where each one ends.
	bytes []byte
	ends  []int
}

// next gives the next value. What it points at is gone when room is filled
// again.
func (c *chunk) next() (*parquet.Value, error) {
	if c.at == c.end {
		n, err := c.source.ReadValues(c.room[:])
		if n == 0 {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF // fewer values than rows
			}
			return nil, err
		}
		c.at, c.end = 0, n
	}
	c.at++
	return &c.room[c.at-1], nil
}

// peek tells whether the next value goes on with the list of the last.
func (c *chunk) peek() (more bool, err error) {
	v, err := c.next()
	if err == io.ErrUnexpectedEOF {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c.at--
	return v.RepetitionLevel() > 0, nil
}

// read reads the values of so many rows.
func (c *chunk) read(rows int, v *Values) error {
	v.Null, v.Ints, v.Floats, v.Texts, v.Starts = v.Null[:0], v.Ints[:0], v.Floats[:0], v.Texts[:0], v.Starts[:0]
	c.bytes, c.ends = c.bytes[:0], c.ends[:0]
	for range rows {
		if c.column.present > 0 {
			if err := c.list(v); err != nil {
				return err
			}
			continue
		}
		value, err := c.next()
		if err != nil {
			return err
		}
		v.Null = append(v.Null, !c.add(v, value))
	}
	if c.column.present > 0 {
		v.Starts = append(v.Starts, c.elements(v))
	}
	start := 0
	for _, end := range c.ends {
		v.Texts = append(v.Texts, c.bytes[start:end:end])
		start = end
	}
	return nil
}

// list reads one row of a list.
func (c *chunk) list(v *Values) error {
	v.Starts = append(v.Starts, c.elements(v))
	null := false
	for first := true; ; first = false {
		value, err := c.next()
		if err != nil {
			return err
		}
		if value.DefinitionLevel() >= c.column.present {
			// A text that is null is none; a number that is null leaves the
			// list without its length.
			if c.column.Kind == FloatList || !value.IsNull() {
				null = !c.add(v, value) || null
			}
		} else if first {
			// An empty list is one without elements; a null one is that, too.
			null = value.DefinitionLevel() < c.column.present-1
		}
		more, err := c.peek()
		if err != nil {
			return err
		}
		if !more {
			v.Null = append(v.Null, null)
			return nil
		}
	}
}

// elements is the number of elements so far.
func (c *chunk) elements(v *Values) int {
	if c.column.text != nil {
		return len(c.ends)
	}
	return len(v.Floats)
}

// add appends a value, a zero if it is null or does not fit, and tells whether
// it is a value.
func (c *chunk) add(v *Values, value *parquet.Value) (ok bool) {
	ok = !value.IsNull()
	switch c.column.Kind {
	case Text, TextList:
		if ok {
			c.bytes = c.column.text(c.bytes, *value)
		}
		c.ends = append(c.ends, len(c.bytes))
	case Int, Time:
		var n int64
		if ok {
			n, ok = c.column.whole(*value)
		}
		v.Ints = append(v.Ints, n)
	default:
		var n float64
		if ok {
			n, ok = c.column.number(*value)
		}
		v.Floats = append(v.Floats, n)
	}
	return ok
}
