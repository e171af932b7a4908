package read

import (
	"bytes"
	"cmp"
	"fmt"
	"io"

	"foray/transforms/fields"
	"foray/transforms/jsonl"
)

// inspectJSON finds columns among the names at the head.
func (f *File) inspectJSON(columns []Column, head []byte, heads *sampler) error {
	var first error // what is wrong with the first row
	scan := jsonl.NewScanner(bytes.NewReader(head), jsonl.Options{Columns: names(columns), Name: f.Path})
	for scan.Scan() {
		if err := scan.RowErr(); err != nil {
			first = cmp.Or(first, err)
			heads.reject(err)
		} else if !heads.take(scan.Fields()) {
			break
		}
	}
	if err := scan.Err(); err != nil {
		return err
	}
	there := jsonl.Names(head)
	if len(there) == 0 && first == nil {
		return fmt.Errorf("%s: has no row: want a JSON object a line", f.Path)
	}
	if len(there) == 0 {
		return fmt.Errorf("%s: none of the lines at its head is a JSON object: %w", f.Path, first)
	}
	return f.find(columns, func(name string) (int, error) { return fields.Find(there, name) })
}

// newJSONScanner reads the wanted columns of a split.
func newJSONScanner(in io.Reader, names []string, file string, at Split) scanner {
	return jsonl.NewScanner(in, jsonl.Options{Columns: names, Name: file, Offset: at.Offset, Line: at.Line})
}
