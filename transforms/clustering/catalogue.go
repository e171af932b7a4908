package clustering

import (
	"fmt"

	"foray/transforms/kernel"
)

// catalogue is items as a whole, each id once; a fit has them sorted by id.
type catalogue struct {
	// items are their numbers in the listing.
	items []int32
	// stands is the weight that each stands for in a fit; nil for its events.
	stands     []float64
	IDs, Texts []string
	// Vectors are the given embeddings; no columns without them.
	Vectors kernel.Matrix
}

// drop takes items out.
func (c *catalogue) drop(out func(i int) bool) {
	n := 0
	for i := range c.IDs {
		if out(i) {
			continue
		}
		c.items[n], c.IDs[n], c.Texts[n] = c.items[i], c.IDs[i], c.Texts[i]
		if c.stands != nil {
			c.stands[n] = c.stands[i]
		}
		if c.Vectors.Cols > 0 {
			copy(c.Vectors.Row(n), c.Vectors.Row(i))
		}
		n++
	}
	c.items, c.IDs, c.Texts = c.items[:n], c.IDs[:n], c.Texts[:n]
	if c.stands != nil {
		c.stands = c.stands[:n]
	}
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
