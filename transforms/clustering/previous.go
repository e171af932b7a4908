package clustering

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"foray/schemas"
	"foray/transforms/balance"
	"foray/transforms/describe"
	"foray/transforms/embed"
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
	centroids     kernel.Matrix
	prices        []float64
	descriptions  []describe.Description
	// items are sorted by id; leaf is the node of each.
	items []schemas.ItemCluster
	leaf  []int32
	// numbers are, for each item of a listing, its number in items, or −1; gone
	// counts the items that the listing does not have. See find.
	numbers []int32
	gone    int
	// model places texts; nil where the clustering is not by words.
	model *embed.Model
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
	p := &previous{version: version, items: items}
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
		if p.centroids.Cols = len(rows[0].Centroid); len(row.Centroid) != p.centroids.Cols {
			return nil, fmt.Errorf("clusters %s: cluster %d has a centroid of %d floats, another of %d", version, row.ClusterID, len(row.Centroid), p.centroids.Cols)
		}
		p.centroids.Rows++
		p.centroids.Data = append(p.centroids.Data, row.Centroid...)
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
	for i, item := range items {
		leaf, ok := node[item.ClusterID]
		if !ok || int(leaf) >= p.leaves {
			return nil, fmt.Errorf("item_clusters %s: item %s is in cluster %d, which is no leaf", version, item.ItemID, item.ClusterID)
		}
		if i > 0 && items[i-1].ItemID >= item.ItemID {
			return nil, fmt.Errorf("item_clusters %s: item %s stands before %s, and rows must be sorted", version, items[i-1].ItemID, item.ItemID)
		}
		p.leaf = append(p.leaf, leaf)
	}
	p.prices = make([]float64, p.leaves)
	terms := &embed.Model{}
	for _, row := range model {
		switch leaf, ok := node[row.Index]; {
		case row.Kind == centroidKind && ok && int(leaf) < p.leaves:
			p.prices[leaf] = row.Value
		case row.Kind == termKind:
			terms.Terms, terms.IDF = append(terms.Terms, row.Name), append(terms.IDF, row.Value)
			terms.Basis.Data = append(terms.Basis.Data, row.Vector...)
			terms.Basis.Cols = len(row.Vector)
		}
	}
	if terms.Basis.Rows = len(terms.Terms); terms.Basis.Rows > 0 {
		p.model = terms
		terms.CoDims = p.centroids.Cols - terms.Basis.Cols
	}
	return p, nil
}

// find joins the items of the clustering with the sorted ids of a listing.
func (p *previous) find(ids []string) {
	p.numbers, p.gone = make([]int32, len(ids)), len(p.items)
	at := 0
	for i, id := range ids {
		for at < len(p.items) && p.items[at].ItemID < id {
			at++
		}
		p.numbers[i] = -1
		if at < len(p.items) && p.items[at].ItemID == id {
			p.numbers[i] = int32(at)
			p.gone--
		}
	}
}

// earlier is the leaf that an item of the listing had, or balance.New.
func (p *previous) earlier(item int32) int32 {
	if number := p.numbers[item]; number >= 0 {
		return p.leaf[number]
	}
	return balance.New
}

// heaviest is, of each leaf that has an item in the listing, the one of most
// weight, ascending. A fit that sees these takes no leaf for empty.
func (p *previous) heaviest(weight []float64) []int32 {
	of := map[int32]int32{}
	for item, w := range weight {
		leaf := p.earlier(int32(item))
		if most, known := of[leaf]; !known || w > weight[most] {
			of[leaf] = int32(item)
		}
	}
	delete(of, balance.New)
	return slices.Sorted(maps.Values(of))
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
	before := balance.Earlier{Assign: make([]int32, len(c.items)), Prices: p.prices, Level: p.level, Parent: p.parent}
	kept := 0
	for i, item := range c.items {
		if before.Assign[i] = p.earlier(item); before.Assign[i] != balance.New {
			kept++
		}
	}
	before.Gone = p.gone > 0 || kept < len(p.items) && c.stands == nil
	clustering, changed, err := balance.Refit(x, weight, before, balance.Options{K: p.leaves, Levels: int(p.level[0]) + 1, Epsilon: cfg.Epsilon, Seed: cfg.Seed})
	if err != nil {
		return nil, nil, fmt.Errorf("%w (going on from clusters %s)", err, p.version)
	}
	p.drop(changed.Hollow)
	d := &changes{Changes: changed}
	d.compare(p, c.items, clustering)
	return clustering, d, nil
}

// drop takes inner nodes, ascending, out; what hung below one hangs below the
// next that is left on the way up.
func (p *previous) drop(nodes []int32) {
	if len(nodes) == 0 {
		return
	}
	number := func(node int32) (now int32, out bool) {
		before, out := slices.BinarySearch(nodes, node)
		return node - int32(before), out
	}
	ids, level, parent, descriptions := p.ids, p.level, p.parent, p.descriptions
	p.ids, p.level, p.parent, p.descriptions = nil, nil, nil, nil
	for node, id := range ids {
		if _, out := number(int32(node)); out {
			continue
		}
		up := parent[node]
		for up >= 0 {
			now, out := number(up)
			if !out {
				up = now
				break
			}
			up = parent[up]
		}
		p.ids, p.level = append(p.ids, id), append(p.level, level[node])
		p.parent, p.descriptions = append(p.parent, up), append(p.descriptions, descriptions[node])
	}
}

// compare finds out which items came and went, and of which nodes the content
// stayed. items are those of the clustering now.
func (d *changes) compare(p *previous, items []int32, now *balance.Clustering) {
	nodes := len(p.ids)
	before, after, both := make([]int, nodes), make([]int, nodes), make([]int, nodes)
	climb := func(counts []int, leaf int32, parent []int32) {
		for node := leaf; node >= 0; node = parent[node] {
			counts[node]++
		}
	}
	for _, leaf := range p.leaf {
		climb(before, leaf, p.parent)
	}
	d.came, d.gone = 0, len(p.items)
	was := make(map[int32]bool, 8)
	for i, item := range items {
		if now.Assign[i] == balance.New {
			continue // it is out
		}
		climb(after, now.Assign[i], now.Tree.Parent)
		leaf := p.earlier(item)
		if leaf == balance.New {
			d.came++
			continue
		}
		d.gone--
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
	d.kept = make([]bool, nodes)
	for node := range d.kept {
		d.kept[node] = float64(both[node]) >= sameContent*float64(before[node]+after[node]-both[node])
	}
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
