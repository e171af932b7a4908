package clustering

import (
	"cmp"
	"fmt"
	"slices"

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
// and line, stays. The others become rejects, as do embeddings of another
// length than most.
func (cfg Config) gather(blocks func(*read.Items) bool, rejects *commit.Rejects) (*catalogue, error) {
	type row struct {
		block *read.Items
		at    int
	}
	var rows []row
	lengths := map[int]int{} // items by the length of their embeddings
	for b := new(read.Items); blocks(b); b = new(read.Items) {
		lengths[b.Dims] += len(b.IDs)
		for i := range b.IDs {
			rows = append(rows, row{b, i})
		}
	}
	dims := usual(lengths)
	slices.SortFunc(rows, func(x, y row) int {
		return cmp.Or(
			cmp.Compare(x.block.IDs[x.at], y.block.IDs[y.at]),
			cmp.Compare(x.block.File, y.block.File),
			cmp.Compare(x.block.Lines[x.at], y.block.Lines[y.at]))
	})
	c := &catalogue{}
	var first row
	reject := func(r row, column, format string, args ...any) error {
		raw := r.block.IDs[r.at] + " " + r.block.Texts[r.at]
		return rejects.Add(read.ItemRowsRejected, r.block.File, r.block.Lines[r.at], column, fmt.Sprintf(format, args...), []byte(raw))
	}
	for _, r := range rows {
		id := r.block.IDs[r.at]
		var err error
		switch n := len(c.IDs); {
		case r.block.Dims != dims:
			err = reject(r, cfg.EmbeddingColumn, "the embedding has %d floats, most have %d: give all items as many", r.block.Dims, dims)
		case n > 0 && c.IDs[n-1] == id:
			err = reject(r, cfg.ItemIDColumn, "the item id is that of %s:%d: give every item an id of its own; the first one stays", first.block.File, first.block.Lines[first.at])
		default:
			first = r
			c.IDs = append(c.IDs, id)
			c.Texts = append(c.Texts, r.block.Texts[r.at])
			c.Vectors.Data = append(c.Vectors.Data, r.block.Vectors[r.at*dims:(r.at+1)*dims]...)
		}
		if err != nil {
			return nil, err
		}
	}
	c.Vectors.Rows, c.Vectors.Cols = len(c.IDs), dims
	return c, nil
}

// drop takes items out.
func (c *catalogue) drop(out func(i int) bool) {
	n := 0
	for i := range c.IDs {
		if out(i) {
			continue
		}
		c.IDs[n], c.Texts[n] = c.IDs[i], c.Texts[i]
		copy(c.Vectors.Row(n), c.Vectors.Row(i))
		n++
	}
	c.IDs, c.Texts = c.IDs[:n], c.Texts[:n]
	c.Vectors.Rows, c.Vectors.Data = n, c.Vectors.Data[:n*c.Vectors.Cols]
}

// usual is the length that most items have, of equals the greatest; 0 of none.
func usual(lengths map[int]int) (dims int) {
	for length, items := range lengths {
		if most := lengths[dims]; items > most || items == most && length > dims {
			dims = length
		}
	}
	return dims
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
