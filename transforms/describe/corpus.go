package describe

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"

	"foray/transforms/kernel"
)

// Corpus is what the texts of all items consist of. Phrases are numbered in
// the order of their keys.
type Corpus struct {
	// key of each phrase; surface: the form in which most items have it.
	key, surface []string
	// length of each phrase in words; documents: the items that have it.
	length, documents []int32
	// items has the phrases of each item, ascending.
	items [][]int32
}

// Read collects the phrases of all items' texts that may stand in a
// description. Of those of several words that only one item has, it takes
// openings alone: a name, such as a film's, may be all that a text has to say.
func Read(texts []string) *Corpus {
	v := collect(texts)
	bound := bindings(v)
	var kept []int32
	for n, key := range v.key {
		if documents := v.documents[n]; isWord(key) || documents == 1 && v.opening[n] || documents > 1 && bound.whole(key, v) {
			kept = append(kept, int32(n))
		}
	}
	slices.SortFunc(kept, func(a, b int32) int { return cmp.Compare(v.key[a], v.key[b]) })
	c := &Corpus{
		key: make([]string, len(kept)), surface: make([]string, len(kept)),
		length: make([]int32, len(kept)), documents: make([]int32, len(kept)),
		items: v.items,
	}
	number := slices.Repeat([]int32{-1}, len(v.key))
	for i, n := range kept {
		number[n] = int32(i)
		c.key[i], c.surface[i], c.documents[i] = v.key[n], v.surface[n], v.documents[n]
		c.length[i] = int32(wordsIn(v.key[n]))
	}
	most := make([]int32, len(kept)) // items that have the surface
	for i, n := range kept {
		most[i] = v.agreeing[n]
	}
	for f, n := range v.others {
		i := number[f.phrase]
		if i >= 0 && cmp.Or(cmp.Compare(n, most[i]), cmp.Compare(c.surface[i], f.surface)) > 0 {
			c.surface[i], most[i] = f.surface, n
		}
	}
	kernel.Parallel(len(c.items), 256, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			phrases := c.items[i][:0]
			for _, n := range c.items[i] {
				if number[n] >= 0 {
					phrases = append(phrases, number[n])
				}
			}
			slices.Sort(phrases)
			c.items[i] = phrases
		}
	})
	return c
}

// vocabulary is the phrases of texts, in the order in which they came.
type vocabulary struct {
	number map[string]int32 // by key
	key    []string
	// documents is the number of items that have the phrase; opening tells
	// whether one of them begins with it.
	documents []int32
	opening   []bool
	// surface is the form that came first, agreeing counts the items with it,
	// and others those with other forms.
	surface  []string
	agreeing []int32
	others   map[form]int32
	items    [][]int32
}

// form is how items may have a phrase.
type form struct {
	phrase  int32
	surface string
}

// in is the number of items that have a phrase.
func (v *vocabulary) in(key string) int {
	if n, found := v.number[key]; found {
		return int(v.documents[n])
	}
	return 0
}

// collect counts words, openings, and what more than one text has.
func collect(texts []string) *vocabulary {
	maybe := repeated(texts)
	v := &vocabulary{number: map[string]int32{}, others: map[form]int32{}, items: make([][]int32, 0, len(texts))}
	eachText(texts, func(phrases []phrase) {
		var item []int32
		for _, p := range phrases {
			if !isWord(p.key) && !p.opening && !maybe(p.key) {
				continue
			}
			n, known := v.number[p.key]
			if !known {
				n = int32(len(v.key))
				v.number[p.key] = n
				v.key, v.surface = append(v.key, p.key), append(v.surface, p.surface)
				v.documents, v.agreeing, v.opening = append(v.documents, 0), append(v.agreeing, 0), append(v.opening, false)
			}
			v.documents[n]++
			v.opening[n] = v.opening[n] || p.opening
			if p.surface == v.surface[n] {
				v.agreeing[n]++
			} else {
				v.others[form{n, p.surface}]++
			}
			item = append(item, n)
		}
		v.items = append(v.items, slices.Clip(item))
	})
	return v
}

// repeated tells which phrases may stand in two texts or more: all that do, and
// a few others. Most phrases of a large catalogue stand in one, and to count
// each by name would take more memory than all else.
func repeated(texts []string) func(key string) bool {
	const often = 2
	seen := make([]uint8, 1<<bits.Len(uint(min(64*len(texts), 1<<26)))) // once, more often
	place := func(key string) *uint8 { return &seen[xxhash.Sum64String(key)&uint64(len(seen)-1)] }
	eachText(texts, func(phrases []phrase) {
		for _, p := range phrases {
			if at := place(p.key); *at < often {
				*at++
			}
		}
	})
	return func(key string) bool { return *place(key) >= often }
}

// eachText calls use with the phrases of every text, in the order of texts,
// and holds those of a few thousand at a time.
func eachText(texts []string, use func([]phrase)) {
	for some := range slices.Chunk(texts, 1<<13) {
		found := make([][]phrase, len(some))
		kernel.Parallel(len(some), 256, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				found[i] = phrasesOf(some[i])
			}
		})
		for _, phrases := range found {
			use(phrases)
		}
	}
}
