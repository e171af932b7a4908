package clustering

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// write stores the three tables' parts.
func (f *fitted) write(ctx context.Context, b store.Bucket, cfg Config, entry func(commit.Entry)) error {
	var clusters []schemas.Cluster
	for node, level := range f.Tree.Level {
		row := schemas.Cluster{
			ClusterID: f.ids[node], Level: level, Description: f.descriptions[node].Text, Phrases: f.descriptions[node].Phrases,
			Items: f.items[node], Traffic: f.traffic[node], Centroid: slices.Clone(f.Tree.Centroids.Row(node)),
		}
		if p := f.Tree.Parent[node]; p >= 0 {
			row.ParentID = &f.ids[p]
		}
		clusters = append(clusters, row)
	}
	slices.SortFunc(clusters, func(a, b schemas.Cluster) int { return cmp.Compare(a.ClusterID, b.ClusterID) })
	for _, write := range []func() (store.Receipt, error){
		func() (store.Receipt, error) {
			return tables.WriteShard(ctx, b, schemas.ClustersTable, cfg.Version, 0, 1, clusters)
		},
		func() (store.Receipt, error) {
			return store.WriteAttempt(ctx, b, schemas.ItemClustersTable, cfg.Version, 0, 1, tables.Ext, f.writeItems)
		},
		func() (store.Receipt, error) {
			return tables.WriteShard(ctx, b, schemas.ClusterModelTable, cfg.Version, 0, 1, f.modelRows())
		},
	} {
		receipt, err := write()
		if err != nil {
			return fmt.Errorf("write the clusters: %w", err)
		}
		entry(commit.Entry{Receipt: &receipt})
	}
	tally := commit.Tally{
		Counts:  map[string]int64{"items": int64(len(f.IDs)), "clusters": int64(f.Centroids.Rows)},
		Figures: f.figures(),
		Facts:   map[string]string{"clusters": strconv.Itoa(f.Centroids.Rows)},
	}
	if f.assigned == nil {
		tally.Counts[ItemsFitted] = int64(len(f.leaf))
	}
	if f.previous != nil {
		maps.Copy(tally.Counts, f.changes.counts())
		tally.Facts["previous"] = f.previous.version
	}
	if f.assigned != nil {
		maps.Copy(tally.Counts, f.assigned.counts(f))
		tally.Facts["assigned_to"] = f.assigned.from
	}
	entry(commit.Entry{Tally: &tally})
	return nil
}

// writeItems writes item_clusters/, some rows at a time.
func (f *fitted) writeItems(w io.Writer) (int64, error) {
	out := tables.NewWriter[schemas.ItemCluster](w)
	rows := make([]schemas.ItemCluster, 0, 4096)
	for i, id := range f.IDs {
		rows = append(rows, schemas.ItemCluster{ItemID: id, ClusterID: f.ids[f.Assign[i]], Similarity: f.Similarity[i]})
		if len(rows) == cap(rows) || i == len(f.IDs)-1 {
			if err := out.Write(rows); err != nil {
				return 0, err
			}
			rows = rows[:0]
		}
	}
	return int64(len(f.IDs)), out.Close()
}

// ItemsFitted counts the items that a clustering was made from.
const ItemsFitted = "items_fitted"

// SharedWords is the figure that tells how often titles of a cluster share a
// word with its description.
const SharedWords = "titles_sharing_a_word"

// figures say how balanced the leaves are: the heaviest load ÷ the mean, as it
// is and with items clipped at half a mean load; and how well they are
// described.
func (f *fitted) figures() map[string]float64 {
	ratio := func(load []float64) float64 {
		sum := 0.0
		for _, l := range load {
			sum += l
		}
		if sum == 0 {
			return 1
		}
		return slices.Max(load) * float64(len(load)) / sum
	}
	figures := map[string]float64{
		"heaviest_cluster_raw":     ratio(f.RawLoad),
		"heaviest_cluster_clipped": ratio(f.ClippedLoad),
		"reached_epsilon":          f.ReachedEpsilon,
	}
	if f.assigned == nil {
		figures[SharedWords] = f.shared
	}
	return figures
}

// The kinds of a model's rows.
const (
	centroidKind = "centroid"
	termKind     = "term"
)

// modelRows are cluster_model/: what places items that come later.
func (f *fitted) modelRows() []schemas.ModelEntry {
	var rows []schemas.ModelEntry
	for i := range f.Centroids.Rows {
		rows = append(rows, schemas.ModelEntry{Kind: centroidKind, Index: f.ids[i], Value: f.Prices[i], Vector: f.Centroids.Row(i)})
	}
	slices.SortFunc(rows, func(a, b schemas.ModelEntry) int { return cmp.Compare(a.Index, b.Index) })
	if f.model == nil {
		return rows
	}
	for i, term := range f.model.Terms {
		rows = append(rows, schemas.ModelEntry{Kind: termKind, Index: int32(i), Name: term, Value: f.model.IDF[i], Vector: f.model.Basis.Row(i)})
	}
	return rows
}
