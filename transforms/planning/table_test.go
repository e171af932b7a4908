package planning

import (
	"testing"

	"foray/schemas"
)

func TestListed(t *testing.T) {
	for _, c := range []struct {
		listed []int // by key with a plan
		want   int
	}{{nil, 0}, {[]int{1}, 1}, {[]int{10, 1, 1}, 1}, {[]int{3, 10}, 3}, {[]int{10, 3, 10}, 10}} {
		table := &Table{Rows: []schemas.Lookup{{Status: schemas.StatusNotPlanned}, {Status: schemas.StatusFailed}, {Status: schemas.StatusFailed}}}
		for _, n := range c.listed {
			table.Rows = append(table.Rows, schemas.Lookup{Status: schemas.StatusOK, Candidates: make([]schemas.Candidate, n)})
		}
		if got := table.Listed(); got != c.want {
			t.Errorf("of %v most keys list %d plans, want %d", c.listed, got, c.want)
		}
	}
}
