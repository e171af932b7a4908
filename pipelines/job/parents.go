package job

import (
	"context"
	"errors"
	"fmt"

	"foray/schemas"
	"foray/transforms/store"
)

// Current is the published version of a table, as a UsageError that names the
// command to run first where there is none.
func (c *Command) Current(ctx context.Context, table string) (string, error) {
	v, err := store.Current(ctx, c.Bucket, table)
	if errors.Is(err, store.ErrNotExist) {
		return "", UsageError("%w; run foray %s first", err, maker(table))
	}
	if err != nil {
		return "", &Exit{Failed, err}
	}
	return v, nil
}

// maker is the command that writes a table.
func maker(table string) string {
	switch table {
	case schemas.ClustersTable, schemas.ItemClustersTable, schemas.ClusterModelTable:
		return "cluster"
	case schemas.TransitionsTable, schemas.KeysTable, schemas.TrainingTable, schemas.ValidationTable, schemas.AlignmentTable:
		return "curate"
	case schemas.LookupTable:
		return "plan"
	case schemas.ItemPolicyTable:
		return "train"
	}
	return "run"
}

// Parents gives the parents of a version, which must be there still.
func (c *Command) Parents(ctx context.Context, table, version string) (map[string]string, schemas.Manifest, error) {
	m, err := store.ReadManifest(ctx, c.Bucket, table, version)
	if err != nil {
		return nil, m, &Exit{Failed, err}
	}
	for parent, v := range m.Parents {
		if _, err := store.ReadManifest(ctx, c.Bucket, parent, v); err != nil {
			return nil, m, &Exit{Failed, fmt.Errorf("%s %s was made from %s %s, which cannot be read: %w; make the table again", table, version, parent, v, err)}
		}
	}
	return m.Parents, m, nil
}
