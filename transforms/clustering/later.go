package clustering

import (
	"context"
	"slices"

	"foray/transforms/balance"
	"foray/transforms/commit"
	"foray/transforms/embed"
	"foray/transforms/kernel"
)

// place gives items, ascending, that came after the fit a leaf. Those that the
// endpoint refuses are out.
func (f *fitted) place(ctx context.Context, cfg Config, l *listing, items []int32, entry func(commit.Entry)) error {
	leaves, err := balance.NewLeaves(f.Centroids, f.Prices)
	if err != nil {
		return err
	}
	p := &later{leaves: leaves, cols: f.Centroids.Cols, model: f.model}
	if cfg.Embeddings != nil && len(items) > 0 {
		if p.asked, err = cfg.newEmbedder(ctx, entry); err != nil {
			return err
		}
	}
	found, err := p.near(ctx, l, items)
	if p.asked != nil {
		err = p.asked.close(err)
	}
	if err != nil {
		return err
	}
	if f.Loads, err = leaves.Admit(found, f.Assign, f.Similarity, f.weight, cfg.Epsilon); err != nil {
		return err
	}
	f.dropUnplaced()
	return nil
}

// dropUnplaced takes the items out that have no leaf.
func (f *fitted) dropUnplaced() {
	n := 0
	for i, leaf := range f.Assign {
		if leaf != balance.New {
			f.IDs[n], f.Assign[n], f.Similarity[n], f.weight[n] = f.IDs[i], leaf, f.Similarity[i], f.weight[i]
			n++
		}
	}
	f.IDs, f.Assign, f.Similarity, f.weight = f.IDs[:n], f.Assign[:n], f.Similarity[:n], f.weight[:n]
}

// later places items that came after a fit, in its space.
type later struct {
	leaves *balance.Leaves
	cols   int
	// model embeds texts by their words, asked has them embedded by an endpoint.
	// Without both the items' own vectors are taken.
	model *embed.Model
	asked *embedder
}

// laterAtOnce bounds how many items are loaded at a time.
const laterAtOnce = 1 << 14

// near finds the leaves that items, ascending, may join. Items that the
// endpoint refuses are left out.
func (p *later) near(ctx context.Context, l *listing, items []int32) (balance.Later, error) {
	k := min(balance.Choices, p.leaves.Count())
	all := kernel.Neighbors{K: k, Index: make([]int32, len(items)*k), Score: make([]float32, len(items)*k)}
	found := make([]bool, len(items))
	for some := range slices.Chunk(l.inBlockOrder(items), laterAtOnce) {
		c, rows, err := p.rows(ctx, l, some)
		if err != nil {
			return balance.Later{}, err
		}
		near, err := p.leaves.Near(rows)
		if err != nil {
			return balance.Later{}, err
		}
		for i, item := range c.items {
			at, _ := slices.BinarySearch(items, item)
			index, score := near.Row(i)
			copy(all.Index[at*k:], index)
			copy(all.Score[at*k:], score)
			found[at] = true
		}
	}
	kept := balance.Later{Near: all}
	for at, item := range items {
		if !found[at] {
			continue
		}
		n := len(kept.Items)
		kept.Items = append(kept.Items, item)
		copy(all.Index[n*k:(n+1)*k], all.Index[at*k:])
		copy(all.Score[n*k:(n+1)*k], all.Score[at*k:])
	}
	kept.Near.Index, kept.Near.Score = all.Index[:len(kept.Items)*k], all.Score[:len(kept.Items)*k]
	return kept, nil
}

// rows loads items, and gives their places in the clustering's space.
func (p *later) rows(ctx context.Context, l *listing, items []int32) (*catalogue, kernel.Matrix, error) {
	what := heads
	if p.model == nil && p.asked == nil {
		what = vectors
	}
	c, err := l.load(items, what)
	if err != nil {
		return nil, kernel.Matrix{}, err
	}
	rows := c.Vectors
	switch {
	case p.model != nil:
		rows, err = p.model.Embed(c.Texts)
	case p.asked != nil:
		if err = p.asked.embed(ctx, c); err == nil {
			rows, err = embed.Pad(c.Vectors, p.cols)
		}
	}
	return c, rows, err
}
