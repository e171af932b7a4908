package tables

import (
	"fmt"
	"io"
	"unsafe"

	"github.com/parquet-go/parquet-go"

	"foray/schemas"
)

// KeyedWriter writes one Parquet file of rows with keys of k clusters. It
// hands the library columns of values rather than rows: half a million rows
// with ten candidates each are most of the time that a table takes.
type KeyedWriter[T schemas.Keyed] struct {
	k       int
	out     *parquet.GenericWriter[any]
	columns []column
	batch   int // rows in columns
	group   int // rows in the row group
	count   int64
}

// batchRows is the number of rows handed over at once.
const batchRows = 1024

// column collects the values of one column, numbered for the library.
type column struct {
	number int
	values []parquet.Value
}

// add appends a value at repetition and definition levels.
func (c *column) add(v parquet.Value, repetition, definition int) {
	c.values = append(c.values, v.Level(repetition, definition, c.number))
}

// NewKeyedWriter starts a file.
func NewKeyedWriter[T schemas.Keyed](w io.Writer, k int) *KeyedWriter[T] {
	schema := schemas.KeyedSchema[T](k)
	kw := &KeyedWriter[T]{k: k, out: parquet.NewGenericWriter[any](w, options(schema)...), columns: make([]column, len(schema.Columns()))}
	for i := range kw.columns {
		kw.columns[i].number = i
	}
	return kw
}

// Write adds one row. Rows must come sorted by key.
func (w *KeyedWriter[T]) Write(row *T) error {
	key := *keyOf(row)
	if len(key) != w.k {
		return fmt.Errorf("a key of %d clusters in a table of %d", len(key), w.k)
	}
	for i, c := range key {
		w.columns[i].add(parquet.Int32Value(c), 0, 0)
	}
	addRow(w.columns[w.k:], row)
	w.count++
	if w.batch++; w.batch == batchRows {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if w.group++; w.group == rowGroupRows {
		w.group = 0
		if err := w.flush(); err != nil {
			return err
		}
		return w.out.Flush()
	}
	return nil
}

// addRow appends the values of a row behind its key, in the order of the
// fields of its type.
func addRow[T schemas.Keyed](c []column, row *T) {
	switch r := any(row).(type) {
	case *schemas.Transition:
		c[0].add(parquet.Int32Value(r.Next), 0, 0)
		c[1].add(parquet.Int64Value(r.Users), 0, 0)
	case *schemas.KeyTraffic:
		c[0].add(parquet.Int64Value(r.Users), 0, 0)
	case *schemas.Lookup:
		c[0].add(text(r.Status), 0, 0)
		if r.NovelCluster != nil {
			c[1].add(parquet.Int32Value(*r.NovelCluster), 0, 1)
		} else {
			c[1].add(parquet.NullValue(), 0, 0)
		}
		c[2].add(text(r.NovelDescription), 0, 0)
		c[3].add(parquet.Int32Value(r.Votes), 0, 0)
		c[4].add(parquet.Int32Value(r.Samples), 0, 0)
		addCandidates(c[5:8], r.Candidates)
		c[8].add(parquet.DoubleValue(r.Traffic), 0, 0)
		c[9].add(text(r.Model), 0, 0)
		c[10].add(text(r.PromptVersion), 0, 0)
	}
}

// addCandidates appends a list: definition level 1 says that there is an
// element, repetition level 1 that it is not a row's first.
func addCandidates(c []column, candidates []schemas.Candidate) {
	if len(candidates) == 0 {
		for i := range c {
			c[i].add(parquet.NullValue(), 0, 0)
		}
		return
	}
	for i, candidate := range candidates {
		repetition := min(i, 1)
		c[0].add(parquet.Int32Value(candidate.Cluster), repetition, 1)
		c[1].add(parquet.Int32Value(candidate.Votes), repetition, 1)
		c[2].add(parquet.DoubleValue(candidate.Score), repetition, 1)
	}
}

// text makes a value of a string without copying it; the library copies it
// before flush returns.
func text(s string) parquet.Value {
	return parquet.ByteArrayValue(unsafe.Slice(unsafe.StringData(s), len(s)))
}

func (w *KeyedWriter[T]) flush() error {
	for i, out := range w.out.ColumnWriters() {
		if _, err := out.WriteRowValues(w.columns[i].values); err != nil {
			return err
		}
		clear(w.columns[i].values) // holds no string longer than needed
		w.columns[i].values = w.columns[i].values[:0]
	}
	w.batch = 0
	return nil
}

// Close ends the file and tells how many rows it holds.
func (w *KeyedWriter[T]) Close() (int64, error) {
	if err := w.flush(); err != nil {
		return w.count, err
	}
	return w.count, w.out.Close()
}
