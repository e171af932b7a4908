package tables

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"foray/schemas"
	"foray/transforms/store"
)

// KeyLength tells K of a file: the number of its columns cluster_1, cluster_2, ….
func KeyLength(schema *parquet.Schema) int {
	k := 0
	for {
		if _, ok := schema.Lookup(schemas.KeyColumn(k)); !ok {
			return k
		}
		k++
	}
}

// keyOf points at the key of a row; the type switch is the one place that
// knows the row types apart.
func keyOf[T schemas.Keyed](row *T) *[]int32 {
	switch r := any(row).(type) {
	case *schemas.Transition:
		return &r.Key
	case *schemas.KeyTraffic:
		return &r.Key
	case *schemas.Lookup:
		return &r.Key
	}
	panic("unreachable: schemas.Keyed lists the types")
}

// KeyedFile is one file of rows with keys, opened. Safe for concurrent use.
type KeyedFile[T schemas.Keyed] struct {
	File *parquet.File
	// K is the number of clusters of a key.
	K      int
	schema *parquet.Schema
	rest   *parquet.Schema
}

// OpenKeyed opens one file. A file without columns for a key, or with more
// than a key can have, is an error.
func OpenKeyed[T schemas.Keyed](data []byte) (*KeyedFile[T], error) {
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	k := KeyLength(f.Schema())
	if k == 0 {
		return nil, fmt.Errorf("no column %s", schemas.KeyColumn(0))
	}
	if k > schemas.MaxHistory {
		return nil, fmt.Errorf("keys of %d clusters, at most %d can be read", k, schemas.MaxHistory)
	}
	return &KeyedFile[T]{File: f, K: k, schema: schemas.KeyedSchema[T](k), rest: parquet.SchemaOf(new(T))}, nil
}

// Read reads up to n rows, from the one numbered from, counted from 0.
func (f *KeyedFile[T]) Read(from int64, n int) ([]T, error) {
	n = int(max(0, min(int64(n), f.File.NumRows()-from)))
	rows := make([]T, 0, n)
	keys := make([]int32, 0, n*f.K)
	reader := parquet.NewReader(f.File, f.schema)
	defer reader.Close()
	if from > 0 {
		if err := reader.SeekToRow(from); err != nil {
			return nil, err
		}
	}
	buf := make([]parquet.Row, min(n, 256))
	for len(rows) < n {
		got, err := reader.ReadRows(buf[:min(len(buf), n-len(rows))])
		for _, r := range buf[:got] {
			var row T
			for _, v := range r[:f.K] {
				keys = append(keys, v.Int32())
			}
			own := r[f.K:]
			for i, v := range own {
				own[i] = v.Level(v.RepetitionLevel(), v.DefinitionLevel(), v.Column()-f.K)
			}
			if err := f.rest.Reconstruct(&row, own); err != nil {
				return nil, err
			}
			*keyOf(&row) = keys[len(keys)-f.K : len(keys) : len(keys)]
			rows = append(rows, row)
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		if got == 0 && len(rows) < n {
			return nil, io.ErrUnexpectedEOF
		}
	}
	return rows, nil
}

// DecodeKeyed reads all rows of one file.
func DecodeKeyed[T schemas.Keyed](data []byte) ([]T, error) {
	f, err := OpenKeyed[T](data)
	if err != nil {
		return nil, err
	}
	return f.Read(0, int(f.File.NumRows()))
}

// WriteKeyedShard stores rows as an attempt at one shard of a version.
func WriteKeyedShard[T schemas.Keyed](ctx context.Context, b store.Bucket, table, version string, shard, shards, k int, rows []T) (store.Receipt, error) {
	return store.WriteAttempt(ctx, b, table, version, shard, shards, Ext, func(w io.Writer) (int64, error) {
		kw := NewKeyedWriter[T](w, k)
		for i := range rows {
			if err := kw.Write(&rows[i]); err != nil {
				return 0, err
			}
		}
		return kw.Close()
	})
}

// ReadKeyed reads all rows of a version, held against the manifest's hashes.
func ReadKeyed[T schemas.Keyed](ctx context.Context, b store.Bucket, table, version string) ([]T, schemas.Manifest, error) {
	return read(ctx, b, table, version, DecodeKeyed[T])
}
