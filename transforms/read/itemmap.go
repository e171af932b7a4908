package read

import (
	"context"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"

	"foray/schemas"
	"foray/transforms/once"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// ItemMap maps items to leaves, loaded once a process from a pinned version
// of item_clusters/: a side input would be sent, and looked up, far slower.
type ItemMap struct {
	// IDs and Clusters are the items sorted by id.
	IDs      []string
	Clusters []int32
	// Leaves are the leaf ids that occur, sorted.
	Leaves []int32
	// index finds items by the hash of their ids: a word to compare instead
	// of a text elsewhere in memory. That an unknown id has the hash of one
	// of a million items has a probability of 5·10⁻¹⁴.
	index map[uint64]int32
}

// Index gives an item's place in IDs.
func (m *ItemMap) Index(id []byte) (int32, bool) {
	i, ok := m.index[xxhash.Sum64(id)]
	return i, ok
}

var itemMaps once.Cache[[2]string, *ItemMap] // by output and version

// LoadItemMap gives the map of a version, reading it at the first call in
// this process only.
func LoadItemMap(ctx context.Context, output, version string) (*ItemMap, error) {
	return itemMaps.Get([2]string{output, version}, func() (*ItemMap, error) {
		return loadItemMap(context.WithoutCancel(ctx), output, version)
	})
}

func loadItemMap(ctx context.Context, output, version string) (*ItemMap, error) {
	b, err := store.Open(ctx, output)
	if err != nil {
		return nil, err
	}
	rows, _, err := tables.Read[schemas.ItemCluster](ctx, b, schemas.ItemClustersTable, version)
	if err != nil {
		return nil, fmt.Errorf("read the items' clusters: %w", err)
	}
	m := &ItemMap{IDs: make([]string, len(rows)), Clusters: make([]int32, len(rows)), index: make(map[uint64]int32, len(rows))}
	for i, r := range rows {
		m.IDs[i], m.Clusters[i] = r.ItemID, r.ClusterID
		hash := xxhash.Sum64String(r.ItemID)
		if j, ok := m.index[hash]; ok {
			return nil, fmt.Errorf("the items %q and %q have the same hash: change one of the ids", m.IDs[j], r.ItemID)
		}
		m.index[hash] = int32(i)
	}
	m.Leaves = slices.Clone(m.Clusters)
	slices.Sort(m.Leaves)
	m.Leaves = slices.Compact(m.Leaves)
	return m, nil
}
