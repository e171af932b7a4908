package clustering

import (
	"context"
	"slices"

	"foray/transforms/balance"
	"foray/transforms/embed"
	"foray/transforms/kernel"
	"foray/transforms/progress"
)

// extend brings a clustering of a sample to all items of a listing, whose
// engagement is e. Items of an earlier clustering stay in their leaves, unless
// these were cut.
func (f *fitted) extend(ctx context.Context, cfg Config, l *listing, e *engagement, sample []int32, asked *embedder) error {
	assign, similarity := make([]int32, len(l.IDs)), make([]float32, len(l.IDs))
	for i := range assign {
		assign[i] = balance.New
	}
	for i, item := range f.catalogue.items {
		assign[item], similarity[item] = f.Assign[i], f.Similarity[i]
	}
	var rest []int32
	cut := map[int32]bool{} // leaves that a part of went elsewhere, or that are such a part
	if f.previous != nil {
		for part, from := range f.changes.Split {
			cut[part], cut[from] = true, true
		}
	}
	for item := range int32(len(l.IDs)) {
		if len(sample) > 0 && sample[0] == item {
			sample = sample[1:]
			continue
		}
		rest = append(rest, item)
		if f.previous == nil {
			continue
		}
		if leaf := f.previous.earlier(item); !cut[leaf] {
			assign[item] = leaf
		}
	}
	f.IDs, f.Assign, f.Similarity, f.weight = l.IDs, assign, similarity, e.Events
	if err := f.place(ctx, cfg, l, rest, asked); err != nil {
		return err
	}
	if f.previous != nil {
		f.changes.compare(f.previous, l.all(), f.Clustering)
	}
	f.drop()
	return nil
}

// place finds places for items, ascending, that came after the fit: a leaf for
// those that have none, a similarity for all. Those that the endpoint refuses
// get no leaf.
func (f *fitted) place(ctx context.Context, cfg Config, l *listing, items []int32, asked *embedder) error {
	leaves, err := balance.NewLeaves(f.Centroids, f.Prices)
	if err != nil {
		return err
	}
	found, err := (&later{f, leaves, asked, cfg.Stage}).near(ctx, l, items)
	if err != nil {
		return err
	}
	f.Loads, err = leaves.Admit(found, f.Assign, f.Similarity, f.weight, cfg.Epsilon)
	return err
}

// drop takes the items out that have no leaf.
func (f *fitted) drop() {
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
	*fitted
	leaves *balance.Leaves
	// asked has texts embedded by an endpoint. Without it they are by their words,
	// or items bring their vectors.
	asked *embedder
	stage string
}

// laterAtOnce bounds how many items are loaded at a time.
const laterAtOnce = 1 << 14

// near finds the leaves that items without one may join, and how like the
// others are to theirs.
func (p *later) near(ctx context.Context, l *listing, items []int32) (balance.Later, error) {
	came := 0
	for _, item := range items {
		if p.Assign[item] == balance.New {
			came++
		}
	}
	k := min(balance.Choices, p.leaves.Count())
	found := balance.Later{Items: make([]int32, 0, came), Near: kernel.Neighbors{K: k, Index: make([]int32, 0, came*k), Score: make([]float32, 0, came*k)}}
	for some := range slices.Chunk(l.inBlockOrder(items), laterAtOnce) {
		c, rows, err := p.rows(ctx, l, some)
		if err != nil {
			return found, err
		}
		came := 0
		for i, item := range c.items {
			if leaf := p.Assign[item]; leaf != balance.New {
				p.Similarity[item] = p.leaves.Cosine(rows.Row(i), leaf)
				continue
			}
			found.Items = append(found.Items, item)
			copy(rows.Row(came), rows.Row(i))
			came++
		}
		near, err := p.leaves.Near(rows.Slice(0, came))
		if err != nil {
			return found, err
		}
		found.Near.Index = append(found.Near.Index, near.Index...)
		found.Near.Score = append(found.Near.Score, near.Score...)
		if len(c.items) < len(some) {
			p.refuse(some, c.items)
		}
		p.placed += len(some)
		progress.Add(p.stage, int64(len(some)))
	}
	return found, nil
}

// refuse leaves those of some items out that are not among the known ones.
func (p *later) refuse(some, known []int32) {
	for _, item := range some {
		if len(known) > 0 && known[0] == item {
			known = known[1:]
			continue
		}
		p.Assign[item] = balance.New
	}
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
			rows, err = embed.Pad(c.Vectors, p.Centroids.Cols)
		}
	}
	return c, rows, err
}
