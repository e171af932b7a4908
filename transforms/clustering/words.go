package clustering

import "foray/transforms/describe"

// describe finds words for all nodes of the tree, and how well they fit.
func (f *fitted) describe(cfg Config, e *engagement) (err error) {
	texts, leaves := f.catalogue.Texts, f.Centroids.Rows
	words := describe.Options{Phrases: cfg.Phrases, Weight: e.Events, Kept: f.kept()}
	if f.descriptions, err = describe.Leaves(texts, f.Assign, leaves, words); err != nil {
		return err
	}
	if f.shared, err = describe.SharedWords(texts, f.Assign, f.descriptions, cfg.Seed); err != nil {
		return err
	}
	inner, err := describe.Parents(texts, f.Assign, f.Tree.Parent, f.Tree.Level, leaves, words)
	f.descriptions = append(f.descriptions, inner...)
	return err
}

// kept are the descriptions that stay, by node, for their clusters did.
func (f *fitted) kept() map[int32]describe.Description {
	kept := map[int32]describe.Description{}
	if f.previous != nil {
		for node, same := range f.changes.kept {
			if same {
				kept[int32(node)] = f.previous.descriptions[node]
			}
		}
	}
	return kept
}
