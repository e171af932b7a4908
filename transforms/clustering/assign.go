package clustering

import (
	"context"
	"errors"
	"fmt"

	"foray/transforms/balance"
	"foray/transforms/commit"
	"foray/transforms/embed"
	"foray/transforms/store"
)

// assign gives the items that a published clustering does not have a cluster
// of it. Those that it has keep theirs, whatever they say now; those that are
// no longer there are left out. Nothing else of the clustering changes.
func (cfg Config) assign(ctx context.Context, b store.Bucket, l *listing, e *engagement, entry func(commit.Entry)) (_ *fitted, err error) {
	p, err := readPrevious(ctx, b, cfg.AssignOnly)
	if err != nil {
		return nil, err
	}
	if l.dims > 0 && l.dims != p.centroids.Cols {
		return nil, failure("--assign_only: the items' embeddings have %d floats, and those that cluster_model %s was made from have %d: give vectors of the same model as then, or cluster anew without --assign_only", l.dims, p.version, p.centroids.Cols)
	}
	p.find(l.IDs)
	if p.gone == len(p.items) {
		return nil, failure("--assign_only: none of the %d items of item_clusters %s is among --items: give the whole catalogue, with the items of before", p.gone, p.version)
	}
	f := &fitted{IDs: l.IDs, weight: e.Events, ids: p.ids, descriptions: p.descriptions, model: p.model, assigned: &assigned{gone: p.gone, from: p.version}}
	if p.model == nil && l.dims == 0 && cfg.Embeddings == nil {
		f.model = &embed.Model{CoDims: p.centroids.Cols} // of texts without a word
	}
	f.Clustering = &balance.Clustering{
		Assign: make([]int32, len(l.IDs)), Similarity: make([]float32, len(l.IDs)),
		Centroids: p.centroids.Slice(0, p.leaves), Prices: p.prices,
		Tree: balance.Tree{Level: p.level, Parent: p.parent, Centroids: p.centroids},
	}
	var came []int32
	for i, number := range p.numbers {
		if number < 0 {
			f.Assign[i] = balance.New
			came = append(came, int32(i))
			continue
		}
		f.Assign[i], f.Similarity[i] = p.leaf[number], p.items[number].Similarity
	}
	f.assigned.kept = len(l.IDs) - len(came)
	var asked *embedder
	if cfg.Embeddings != nil && len(came) > 0 {
		if asked, err = cfg.openEmbedder(ctx, entry); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, asked.close()) }()
	}
	if err := f.place(ctx, cfg, l, came, asked); err != nil {
		return nil, err
	}
	f.drop()
	f.assigned.came = len(f.IDs) - f.assigned.kept
	f.sum()
	return f, nil
}

// assigned tells what an assignment without a fit did.
type assigned struct {
	// from is the version of the clustering.
	from             string
	came, kept, gone int
}

// counts are those for the manifest.
func (a *assigned) counts(f *fitted) map[string]int64 {
	empty := 0
	for leaf := range f.Centroids.Rows {
		if f.items[leaf] == 0 {
			empty++
		}
	}
	return map[string]int64{ItemsCame: int64(a.came), ItemsKept: int64(a.kept), ItemsGone: int64(a.gone), ClustersEmpty: int64(empty)}
}

// What an assignment without a fit counts beside ItemsCame and ItemsGone.
const (
	ItemsKept     = "items_kept"
	ClustersEmpty = "clusters_empty"
)

// failure is one that the user can mend.
func failure(format string, args ...any) error {
	return &commit.Failure{Exit: 1, Message: fmt.Sprintf(format, args...)}
}
