package planning

import (
	"context"
	"slices"

	"foray/schemas"
	"foray/transforms/once"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// Table is a version of lookup/ in memory, as the planner that made it.
type Table struct {
	Rows     []schemas.Lookup // sorted by key
	Manifest schemas.Manifest
}

var lookupTables once.Cache[[2]string, *Table] // by output and version

// LoadTable reads a version of lookup/, at the first call in this process only.
func LoadTable(ctx context.Context, output, version string) (*Table, error) {
	return lookupTables.Get([2]string{output, version}, func() (*Table, error) {
		ctx := context.WithoutCancel(ctx)
		b, err := store.Open(ctx, output)
		if err != nil {
			return nil, err
		}
		rows, m, err := tables.ReadKeyed[schemas.Lookup](ctx, b, schemas.LookupTable, version)
		return &Table{rows, m}, err
	})
}

// Listed is how many plans most keys with a plan list: the median, the lower of
// two; 0 without any plan.
func (t *Table) Listed() int {
	var listed []int
	for _, r := range t.Rows {
		if r.Status == schemas.StatusOK {
			listed = append(listed, len(r.Candidates))
		}
	}
	if len(listed) == 0 {
		return 0
	}
	slices.Sort(listed)
	return listed[(len(listed)-1)/2]
}

// Plan implements planner.Planner: what the table plans for a key, nothing
// for a key without a plan.
func (t *Table) Plan(key []int32, n int, into []schemas.Candidate) []schemas.Candidate {
	i, ok := slices.BinarySearchFunc(t.Rows, key, func(r schemas.Lookup, key []int32) int { return slices.Compare(r.Key, key) })
	if !ok || t.Rows[i].Status != schemas.StatusOK {
		return into
	}
	c := t.Rows[i].Candidates
	return append(into, c[:min(n, len(c))]...)
}
