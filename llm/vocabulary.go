package llm

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
)

// How tells in which way an answer named a cluster.
type How int

const (
	None       How = iota // it names no cluster of the vocabulary
	Normalised            // equal but for case, spaces, punctuation, Unicode form or order of phrases
	Exact                 // equal byte for byte, but for spaces around it
)

// String names the way as reports do.
func (h How) String() string {
	switch h {
	case Exact:
		return "exact"
	case Normalised:
		return "normalised"
	}
	return "none"
}

// Match is the cluster that an answer names.
type Match struct {
	Cluster int32 // −1 if How is None
	How     How
}

// Vocabulary is the leaf descriptions of one clustering. Safe for concurrent
// use.
type Vocabulary struct {
	descriptions map[int32]string
	exact        map[string]int32
	normalised   map[string]int32
	// longest bounds, in bytes, what is worth normalising.
	longest int
	hash    string
}

// NewVocabulary makes a vocabulary: descriptions[i] is that of the cluster
// ids[i] ≥ 0. It refuses two descriptions that are equal once normalised,
// since no answer could tell them apart, and those without a letter or digit.
func NewVocabulary(ids []int32, descriptions []string) (*Vocabulary, error) {
	if len(ids) != len(descriptions) {
		return nil, fmt.Errorf("vocabulary: %d clusters but %d descriptions", len(ids), len(descriptions))
	}
	v := &Vocabulary{
		descriptions: make(map[int32]string, len(ids)),
		exact:        make(map[string]int32, len(ids)),
		normalised:   make(map[string]int32, len(ids)),
	}
	for i, id := range ids {
		d := descriptions[i]
		if id < 0 {
			return nil, fmt.Errorf("vocabulary: cluster %d has a negative id", id)
		}
		if have, ok := v.descriptions[id]; ok {
			return nil, fmt.Errorf("vocabulary: cluster %d has two descriptions, %q and %q", id, have, d)
		}
		n := normalise(d)
		if n == "" {
			return nil, fmt.Errorf("vocabulary: the description %q of cluster %d has no letter or digit", d, id)
		}
		if other, ok := v.normalised[n]; ok {
			return nil, fmt.Errorf("vocabulary: the descriptions of clusters %d and %d, %q and %q, differ in no word; every cluster needs words of its own",
				other, id, v.descriptions[other], d)
		}
		v.descriptions[id] = d
		v.exact[d] = id
		v.normalised[n] = id
		v.longest = max(v.longest, len(d))
	}
	v.hash = v.sum()
	return v, nil
}

func (v *Vocabulary) sum() string {
	h := sha256.New()
	var buf []byte
	for _, id := range v.IDs() {
		d := v.descriptions[id]
		buf = binary.AppendVarint(buf[:0], int64(id))
		buf = binary.AppendUvarint(buf, uint64(len(d)))
		h.Write(append(buf, d...))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Len is the number of clusters.
func (v *Vocabulary) Len() int { return len(v.descriptions) }

// IDs are the clusters, ascending.
func (v *Vocabulary) IDs() []int32 {
	ids := make([]int32, 0, len(v.descriptions))
	for id := range v.descriptions {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Description is a cluster's, and whether there is such a cluster.
func (v *Vocabulary) Description(id int32) (string, bool) {
	d, ok := v.descriptions[id]
	return d, ok
}

// Hash identifies the vocabulary: the SHA-256 of all (id, description), in 64
// hex digits.
func (v *Vocabulary) Hash() string { return v.hash }

// Match finds the cluster that an answer names: the first line with text
// behind the last "New cluster:", or of the whole answer if that does not
// occur. It takes time linear in the answer and never fails.
func (v *Vocabulary) Match(answer string) Match {
	line := answerLine(answer)
	if id, ok := v.exact[line]; ok {
		return Match{id, Exact}
	}
	// Normalising shrinks a text by less than this, but for spaces.
	if len(line) > 4*v.longest+256 {
		return Match{-1, None}
	}
	if id, ok := v.normalised[normalise(line)]; ok {
		return Match{id, Normalised}
	}
	return Match{-1, None}
}
