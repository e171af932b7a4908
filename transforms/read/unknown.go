package read

import (
	"context"
	"errors"
	"fmt"

	"foray/transforms/commit"
	"foray/transforms/fields"
)

// errEnough ends a search.
var errEnough = errors.New("enough was found")

// UnknownItems finds the first few events of items that are not known, as
// "file:line names "id"".
func UnknownItems(ctx context.Context, source EventSource, known func(id []byte) bool, n int) ([]string, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var found []string
	look := func(file string, line int64, id []byte) {
		if len(found) == n || len(id) == 0 || known(id) {
			return
		}
		if found = append(found, fmt.Sprintf("%s:%d names %s", file, line, fields.Quote(id))); len(found) == n {
			stop(errEnough)
		}
	}
	none := commit.NewRejects("")
	for _, at := range source.Splits {
		file := source.Files[at.File]
		var err error
		if file.Format == Parquet {
			_, _, err = source.eachParquetRow(ctx, at, "", none, func(r *parquetRow) error {
				look(file.Path, r.batch.First+int64(r.row), r.text(eventItemColumn))
				return nil
			}, func(int64) {})
		} else {
			_, err = source.eachRow(ctx, at, "", none, func(r *rowReader) error {
				look(file.Path, r.Line, r.Row[eventItemColumn])
				return nil
			})
		}
		if context.Cause(ctx) == errEnough {
			break
		}
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

// ItemIDs are the ids of all items of an input.
func ItemIDs(ctx context.Context, source ItemSource) (map[string]bool, error) {
	ids := map[string]bool{}
	for _, at := range source.Splits {
		_, _, err := source.eachItem(ctx, at, commit.NewRejects(""), func(it item) error {
			ids[string(it.id)] = true
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return ids, nil
}
