package curation

import (
	"cmp"
	"slices"

	"foray/transforms/packed"
)

// candidate is a transition that may become an example, and the users who
// made it.
type candidate struct {
	number uint64
	users  int64
}

// before puts most users first, of equals the lowest number.
func (c candidate) before(d candidate) bool {
	if c.users != d.users {
		return c.users > d.users
	}
	return c.number < d.number
}

// top keeps each label's most frequent contexts. A label is a transition's
// next cluster, by its rank.
type top struct {
	n        int
	minUsers int64
	labels   [][]candidate // sorted by before, at most n
}

func newTop(labels, n int, minUsers int64) *top {
	return &top{n: n, minUsers: minUsers, labels: make([][]candidate, labels)}
}

// add takes one transition into account, once.
func (t *top) add(c candidate) {
	if c.users < t.minUsers || len(t.labels) == 0 {
		return
	}
	l := &t.labels[c.number%uint64(len(t.labels))]
	if len(*l) == t.n {
		if !c.before((*l)[t.n-1]) {
			return
		}
		*l = (*l)[:t.n-1]
	}
	at, _ := slices.BinarySearchFunc(*l, c, func(x, c candidate) int {
		return cmp.Or(cmp.Compare(c.users, x.users), cmp.Compare(x.number, c.number))
	})
	*l = slices.Insert(*l, at, c)
}

// all gives what is kept, by label.
func (t *top) all() []candidate { return slices.Concat(t.labels...) }

// encode packs what is kept.
func (t *top) encode() []byte {
	numbers, users := []int64{}, []int64{}
	for _, c := range t.all() {
		numbers = append(numbers, int64(c.number))
		users = append(users, c.users)
	}
	return packed.Encode(numbers, users)
}

// merge takes what other shards kept.
func (t *top) merge(block []byte) error {
	var numbers, users []int64
	if err := packed.Decode(block, &numbers, &users); err != nil {
		return err
	}
	for i, n := range numbers {
		t.add(candidate{uint64(n), users[i]})
	}
	return nil
}
