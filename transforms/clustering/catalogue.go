package clustering

import (
	"cmp"
	"fmt"
	"slices"

	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/kernel"
	"foray/transforms/read"
)

// catalogue is all items, sorted by id, each id once.
type catalogue struct {
	IDs, Texts []string
	// Vectors are the given embeddings; no columns without them.
	Vectors kernel.Matrix
}

// gather joins blocks of items. Of items with the same id the first, by file
// and line, stays; the others become rejects. An error says what no reading
// again can mend.
func gather(stage string, blocks func(*read.Items) bool, reject func(commit.Entry)) (*catalogue, error) {
	type row struct {
		block *read.Items
		at    int
	}
	var rows []row
	dims, where := 0, ""
	for b := new(read.Items); blocks(b); b = new(read.Items) {
		if b.Dims > 0 && dims > 0 && b.Dims != dims {
			return nil, fmt.Errorf("the embeddings of %s have %d floats, those of %s have %d: give all items as many", b.File, b.Dims, where, dims)
		}
		if b.Dims > 0 {
			dims, where = b.Dims, b.File
		}
		for i := range b.IDs {
			rows = append(rows, row{b, i})
		}
	}
	slices.SortFunc(rows, func(x, y row) int {
		return cmp.Or(
			cmp.Compare(x.block.IDs[x.at], y.block.IDs[y.at]),
			cmp.Compare(x.block.File, y.block.File),
			cmp.Compare(x.block.Lines[x.at], y.block.Lines[y.at]))
	})
	c := &catalogue{}
	var first row
	for _, r := range rows {
		id := r.block.IDs[r.at]
		if n := len(c.IDs); n > 0 && c.IDs[n-1] == id {
			reject(commit.Entry{Reject: &schemas.Reject{
				Stage: stage, Source: fmt.Sprintf("%s:%d", r.block.File, r.block.Lines[r.at]),
				Reason: fmt.Sprintf("the item id is that of %s:%d: the first one stays", first.block.File, first.block.Lines[first.at]),
				Raw:    commit.Cut(id + " " + r.block.Texts[r.at]),
			}})
			continue
		}
		first = r
		c.IDs = append(c.IDs, id)
		c.Texts = append(c.Texts, r.block.Texts[r.at])
		if dims > 0 {
			c.Vectors.Data = append(c.Vectors.Data, r.block.Vectors[r.at*dims:(r.at+1)*dims]...)
		}
	}
	c.Vectors.Rows, c.Vectors.Cols = len(c.IDs), dims
	return c, nil
}

// defaultClusters is the paper's number of clusters; fewer where items are
// few, so that a cluster holds twenty, but never under leastClusters.
const (
	defaultClusters = 761
	itemsPerCluster = 20
	leastClusters   = 8
)

// clustersFor is the number of clusters of so many items, as asked for or
// (asked 0) by default.
func clustersFor(items, asked int) (int, error) {
	k := asked
	if k == 0 {
		k = max(leastClusters, min(defaultClusters, items/itemsPerCluster))
	}
	if items < k {
		return 0, fmt.Errorf("%d items cannot fill %d clusters: give more items, or fewer --clusters", items, k)
	}
	return k, nil
}
