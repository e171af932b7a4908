package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/parquet-go/parquet-go"

	"foray/schemas"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// column is a column of a Parquet table.
type column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// sampleRow is a row by column: a number, a text, null, or a list of these.
// Fields of structs have dotted names.
type sampleRow map[string]any

// sample reads the schema and the first rows of any table: sampleRows, or
// json.RawMessages of a table of JSON lines.
func sample(ctx context.Context, b store.Bucket, m schemas.Manifest, rows int) (columns []column, sampled []any, err error) {
	for i, p := range m.Parts {
		if i > 0 && len(sampled) >= rows {
			break
		}
		data, err := store.ReadPart(ctx, b, m.Table, m.Version, p)
		if err != nil {
			return nil, nil, err
		}
		if path.Ext(p.Name) != tables.Ext {
			sampled = sampleLines(sampled, data, rows)
		} else {
			columns, sampled, err = sampleParquet(sampled, data, rows)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", b.URL(path.Join(m.Table, m.Version, p.Name)), err)
		}
	}
	return columns, sampled, nil
}

func sampleLines(sampled []any, data []byte, rows int) []any {
	for line := range bytes.Lines(data) {
		if len(sampled) >= rows {
			break
		}
		sampled = append(sampled, json.RawMessage(bytes.TrimSpace(line)))
	}
	return sampled
}

func sampleParquet(sampled []any, data []byte, rows int) ([]column, []any, error) {
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, nil, err
	}
	var columns []column
	for _, field := range f.Schema().Fields() {
		columns = append(columns, column{field.Name(), typeName(field)})
	}
	r := parquet.NewReader(f)
	defer r.Close()
	buf := make([]parquet.Row, 1)
	paths := f.Schema().Columns()
	for len(sampled) < rows {
		n, err := r.ReadRows(buf)
		if n == 0 {
			if err == io.EOF {
				err = nil
			}
			return columns, sampled, err
		}
		row := sampleRow{}
		buf[0].Range(func(at int, values []parquet.Value) bool {
			leaf, _ := f.Schema().Lookup(paths[at]...)
			row[shortName(paths[at])] = jsonValue(values, leaf.MaxRepetitionLevel > 0)
			return true
		})
		sampled = append(sampled, row)
	}
	return columns, sampled, nil
}

// shortName leaves out of a path what Parquet's lists add to it.
func shortName(names []string) string {
	var kept []string
	for i, name := range names {
		if i > 0 && (name == "list" || name == "element") {
			continue
		}
		kept = append(kept, name)
	}
	return strings.Join(kept, ".")
}

func jsonValue(values []parquet.Value, list bool) any {
	one := func(v parquet.Value) any {
		switch {
		case v.IsNull():
			return nil
		case v.Kind() == parquet.Int32:
			return v.Int32()
		case v.Kind() == parquet.Int64:
			return v.Int64()
		case v.Kind() == parquet.Float:
			return v.Float()
		case v.Kind() == parquet.Double:
			return v.Double()
		case v.Kind() == parquet.Boolean:
			return v.Boolean()
		}
		return string(v.ByteArray())
	}
	if !list {
		return one(values[0])
	}
	all := []any{}
	for _, v := range values {
		if !v.IsNull() { // an empty list is one null
			all = append(all, one(v))
		}
	}
	return all
}

// typeName names a type as the documentation of the tables does.
func typeName(n parquet.Node) string {
	if n.Leaf() {
		switch n.Type().Kind() {
		case parquet.ByteArray:
			return "STRING"
		case parquet.Int32:
			return "INT32"
		case parquet.Int64:
			return "INT64"
		}
		return n.Type().String()
	}
	if inner := n.Fields(); len(inner) == 1 && inner[0].Repeated() && len(inner[0].Fields()) == 1 {
		return "LIST<" + typeName(inner[0].Fields()[0]) + ">"
	}
	var fields []string
	for _, f := range n.Fields() {
		fields = append(fields, f.Name()+" "+typeName(f))
	}
	return "STRUCT<" + strings.Join(fields, ", ") + ">"
}
