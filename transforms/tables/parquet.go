// Package tables turns rows into the Parquet parts of a table and back.
//
// Every part is written alike: zstd, row groups of 65,536 rows, pages of about
// 32 KiB and whole strings in the column index, so that a reader that looks
// for one key reads one page. The same rows give the same bytes.
package tables

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"foray/schemas"
	"foray/transforms/store"
)

// Ext is the extension of a part.
const Ext = ".parquet"

const (
	rowGroupRows = 65536
	pageBytes    = 32 << 10
)

// Compression of all files. One codec for the process, since each keeps
// encoders of 8 MB.
var Compression = parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest})

func options(schema *parquet.Schema) []parquet.WriterOption {
	return []parquet.WriterOption{
		schema,
		Compression,
		parquet.PageBufferSize(pageBytes),
		parquet.ColumnIndexSizeLimit(func([]string) int { return 64 }),
		parquet.CreatedBy("foray", fmt.Sprint(schemas.Version), ""),
	}
}

// Writer writes one Parquet file, some rows after the other.
type Writer[T any] struct {
	out   *parquet.GenericWriter[T]
	group int // rows in the row group
}

// NewWriter starts a file.
func NewWriter[T any](w io.Writer) *Writer[T] {
	return &Writer[T]{out: parquet.NewGenericWriter[T](w, options(parquet.SchemaOf(new(T)))...)}
}

// Write adds rows.
func (w *Writer[T]) Write(rows []T) error {
	for len(rows) > 0 {
		n := min(len(rows), rowGroupRows-w.group)
		if _, err := w.out.Write(rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
		if w.group += n; w.group == rowGroupRows {
			w.group = 0
			if err := w.out.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close ends the file.
func (w *Writer[T]) Close() error { return w.out.Close() }

// Encode writes rows as one Parquet file.
func Encode[T any](w io.Writer, rows []T) error {
	pw := NewWriter[T](w)
	if err := pw.Write(rows); err != nil {
		return err
	}
	return pw.Close()
}

// Decode reads all rows of one Parquet file.
func Decode[T any](data []byte) ([]T, error) {
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	r := parquet.NewGenericReader[T](f)
	defer r.Close()
	rows := make([]T, r.NumRows())
	for n := 0; n < len(rows); {
		k, err := r.Read(rows[n:])
		n += k
		if err != nil && (err != io.EOF || n < len(rows)) {
			return nil, err
		}
		if k == 0 && n < len(rows) {
			return nil, io.ErrUnexpectedEOF
		}
	}
	return rows, nil
}

// WriteShard stores rows as an attempt at one shard of a version.
func WriteShard[T any](ctx context.Context, b store.Bucket, table, version string, shard, shards int, rows []T) (store.Receipt, error) {
	return store.WriteAttempt(ctx, b, table, version, shard, shards, Ext, func(w io.Writer) (int64, error) {
		return int64(len(rows)), Encode(w, rows)
	})
}

// Read reads all rows of a version, held against the manifest's hashes.
func Read[T any](ctx context.Context, b store.Bucket, table, version string) ([]T, schemas.Manifest, error) {
	return read(ctx, b, table, version, Decode[T])
}

func read[T any](ctx context.Context, b store.Bucket, table, version string, decode func([]byte) ([]T, error)) ([]T, schemas.Manifest, error) {
	m, err := store.ReadManifest(ctx, b, table, version)
	if err != nil {
		return nil, m, err
	}
	rows := make([]T, 0, m.Rows())
	for _, p := range m.Parts {
		data, err := store.ReadPart(ctx, b, table, version, p)
		if err != nil {
			return nil, m, err
		}
		part, err := decode(data)
		if err != nil {
			return nil, m, fmt.Errorf("read %s of %s %s: %w", p.Name, table, version, err)
		}
		rows = append(rows, part...)
	}
	return rows, m, nil
}
