package clustering

import "foray/transforms/describe"

// describe finds phrases for all nodes of the tree.
func (f *fitted) describe(cfg Config) (err error) {
	corpus, leaves := describe.Read(f.catalogue.Texts), f.Centroids.Rows
	words := describe.Options{Phrases: cfg.Phrases, Weight: f.engagement.Events, Kept: f.kept()}
	if f.descriptions, err = corpus.Leaves(f.leaf, leaves, words); err != nil {
		return err
	}
	inner, err := corpus.Parents(f.leaf, f.Tree.Parent, f.Tree.Level, leaves, words)
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

// judgeWords finds out how well descriptions speak for the leaves.
func (f *fitted) judgeWords(seed uint64) (err error) {
	f.shared, err = describe.SharedWords(f.catalogue.Texts, f.leaf, f.descriptions[:f.Centroids.Rows], seed)
	return err
}
