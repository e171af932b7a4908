package clustering

import (
	"context"
	"fmt"
	"slices"

	"foray/schemas"
	"foray/transforms/balance"
	"foray/transforms/describe"
	"foray/transforms/kernel"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// previous is the clustering that a fit goes on from. Its nodes are numbered
// as in balance.Tree, whatever their ids: leaves first.
type previous struct {
	version string
	// ids are the cluster ids of the nodes; next is one that was never used.
	ids           []int32
	next          int32
	leaves        int
	level, parent []int32
	prices        []float64
	descriptions  []describe.Description
	// leafOf is the leaf of each item.
	leafOf map[string]int32
}

// sameContent is the least share of the items of a node, before and now taken
// together, that were and are in it: with less, its description is made anew.
const sameContent = 0.8

// readPrevious reads a version of clusters/ and the tables of its run.
func readPrevious(ctx context.Context, b store.Bucket, version string) (*previous, error) {
	rows, _, err := tables.Read[schemas.Cluster](ctx, b, schemas.ClustersTable, version)
	if err != nil {
		return nil, err
	}
	items, _, err := tables.Read[schemas.ItemCluster](ctx, b, schemas.ItemClustersTable, version)
	if err != nil {
		return nil, err
	}
	model, _, err := tables.Read[schemas.ModelEntry](ctx, b, schemas.ClusterModelTable, version)
	if err != nil {
		return nil, err
	}
	p := &previous{version: version, leafOf: make(map[string]int32, len(items))}
	last := int32(0)
	for _, row := range rows {
		last = max(last, row.Level)
		p.next = max(p.next, row.ClusterID+1)
	}
	slices.SortStableFunc(rows, func(a, b schemas.Cluster) int { // by id: leaves first
		switch {
		case a.Level == last && b.Level != last:
			return -1
		case a.Level != last && b.Level == last:
			return 1
		}
		return 0
	})
	node := make(map[int32]int32, len(rows))
	for i, row := range rows {
		node[row.ClusterID] = int32(i)
		p.ids = append(p.ids, row.ClusterID)
		p.level = append(p.level, row.Level)
		p.descriptions = append(p.descriptions, describe.Description{Phrases: row.Phrases, Text: row.Description})
		if row.Level == last {
			p.leaves++
		}
	}
	for _, row := range rows {
		parent := int32(-1)
		if row.ParentID != nil {
			n, ok := node[*row.ParentID]
			if !ok {
				return nil, fmt.Errorf("clusters %s: cluster %d has the parent %d, which is none", version, row.ClusterID, *row.ParentID)
			}
			parent = n
		}
		p.parent = append(p.parent, parent)
	}
	for _, item := range items {
		leaf, ok := node[item.ClusterID]
		if !ok || int(leaf) >= p.leaves {
			return nil, fmt.Errorf("item_clusters %s: item %s is in cluster %d, which is no leaf", version, item.ItemID, item.ClusterID)
		}
		p.leafOf[item.ItemID] = leaf
	}
	p.prices = make([]float64, p.leaves)
	for _, row := range model {
		if leaf, ok := node[row.Index]; ok && row.Kind == centroidKind && int(leaf) < p.leaves {
			p.prices[leaf] = row.Value
		}
	}
	return p, nil
}

// changes are what a fit changed of the previous clustering.
type changes struct {
	balance.Changes
	came, gone int
	// kept tells of each node whether its description stayed.
	kept []bool
}

// refit clusters x as the previous clustering did, as far as it can.
func (p *previous) refit(cfg Config, c *catalogue, x kernel.Matrix, weight []float64) (*balance.Clustering, *changes, error) {
	if cfg.Clusters != 0 && cfg.Clusters != p.leaves {
		return nil, nil, fmt.Errorf("--previous goes on from %d clusters (%s), and --clusters asks for %d: leave it out, or cluster anew", p.leaves, p.version, cfg.Clusters)
	}
	before := balance.Earlier{Assign: make([]int32, len(c.IDs)), Prices: p.prices, Level: p.level, Parent: p.parent}
	d := &changes{gone: len(p.leafOf)}
	for i, id := range c.IDs {
		leaf, ok := p.leafOf[id]
		if before.Assign[i] = leaf; ok {
			d.gone--
		} else {
			before.Assign[i] = balance.New
			d.came++
		}
	}
	before.Gone = d.gone > 0
	clustering, changed, err := balance.Refit(x, weight, before, balance.Options{K: p.leaves, Levels: int(p.level[0]) + 1, Epsilon: cfg.Epsilon, Seed: cfg.Seed})
	d.Changes = changed
	if err != nil {
		return nil, nil, fmt.Errorf("%w (going on from clusters %s)", err, p.version)
	}
	d.kept = p.same(c.IDs, clustering)
	return clustering, d, nil
}

// same tells of which nodes the content stayed.
func (p *previous) same(ids []string, now *balance.Clustering) []bool {
	nodes := len(p.ids)
	before, after, both := make([]int, nodes), make([]int, nodes), make([]int, nodes)
	climb := func(counts []int, leaf int32, parent []int32) {
		for node := leaf; node >= 0; node = parent[node] {
			counts[node]++
		}
	}
	for _, leaf := range p.leafOf {
		climb(before, leaf, p.parent)
	}
	was := make(map[int32]bool, 8)
	for i, id := range ids {
		climb(after, now.Assign[i], now.Tree.Parent)
		leaf, ok := p.leafOf[id]
		if !ok {
			continue
		}
		clear(was)
		for node := leaf; node >= 0; node = p.parent[node] {
			was[node] = true
		}
		for node := now.Assign[i]; node >= 0; node = now.Tree.Parent[node] {
			if was[node] {
				both[node]++
			}
		}
	}
	same := make([]bool, nodes)
	for node := range same {
		same[node] = float64(both[node]) >= sameContent*float64(before[node]+after[node]-both[node])
	}
	return same
}

// born are the ids of the nodes now: a leaf that got a part of another is one
// that was never there.
func (p *previous) born(d *changes) []int32 {
	ids, next := slices.Clone(p.ids), p.next
	for leaf := range int32(p.leaves) {
		if _, ok := d.Split[leaf]; ok {
			ids[leaf] = next
			next++
		}
	}
	return ids
}

// counts tell what changed, for the manifest.
func (d *changes) counts() map[string]int64 {
	redescribed := 0
	for _, kept := range d.kept {
		if !kept {
			redescribed++
		}
	}
	return map[string]int64{
		ItemsCame: int64(d.came), ItemsGone: int64(d.gone), ItemsMoved: int64(d.Moved),
		ClustersBorn: int64(len(d.Split)), ClustersDied: int64(len(d.Split)), ClustersSplit: int64(len(d.sources())),
		DescriptionsChanged: int64(redescribed),
	}
}

// sources are the leaves that were split.
func (d *changes) sources() map[int32]bool {
	sources := map[int32]bool{}
	for _, from := range d.Split {
		sources[from] = true
	}
	return sources
}

// What a fit that goes on from a previous clustering counts.
const (
	ItemsCame           = "items_came"
	ItemsGone           = "items_gone"
	ItemsMoved          = "items_moved"
	ClustersBorn        = "clusters_born"
	ClustersDied        = "clusters_died"
	ClustersSplit       = "clusters_split"
	DescriptionsChanged = "descriptions_changed"
)
