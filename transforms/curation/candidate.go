package curation

import (
	"cmp"
	"slices"

	"foray/transforms/packed"
)

// candidate is a transition that may become an example.
type candidate struct {
	number uint64 // of the transition's tuple
	users  int64  // who made it
	draw   uint64 // its place in a random order that the seed decides
	// hint is where others with its key went on to most often, by 1 + rank;
	// 0 if nobody else went anywhere.
	hint uint64
	// later counts the events that its users had with its next cluster after
	// the first one, at most mostLater of a user.
	later int64
}

// byUsers puts most users first, equals in random order: most transitions have
// one user, and in the order of their numbers the first few clusters would
// stand in all contexts.
func byUsers(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.users, a.users), byDraw(a, b))
}

// byDraw is a random order.
func byDraw(a, b candidate) int {
	return cmp.Or(cmp.Compare(a.draw, b.draw), cmp.Compare(a.number, b.number))
}

// draw is a number that looks random: splitmix64 (Steele, Lea and Flood,
// OOPSLA 2014) of what is drawn and the seed.
func draw(seed, what, again uint64) uint64 {
	return mix(mix(mix(seed)^what) + again)
}

func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// first keeps the first n candidates of an order.
type first struct {
	n     int
	order func(a, b candidate) int
	kept  []candidate
	// full tells that kept[:n] is sorted; what is not before its last is not
	// among the first.
	full bool
}

func (f *first) add(c candidate) {
	if f.n == 0 || f.full && f.order(c, f.kept[f.n-1]) >= 0 {
		return
	}
	f.kept = append(f.kept, c)
	if len(f.kept) >= 2*f.n {
		f.cut()
	}
}

func (f *first) cut() {
	slices.SortFunc(f.kept, f.order)
	f.full = len(f.kept) >= f.n
	f.kept = f.kept[:min(len(f.kept), f.n)]
}

// all gives them in their order.
func (f *first) all() []candidate {
	f.cut()
	return f.kept
}

// pack writes candidates for another process.
func pack(all []candidate) []byte {
	var columns [5][]int64
	for _, c := range all {
		for i, v := range []int64{int64(c.number), c.users, int64(c.draw), int64(c.hint), c.later} {
			columns[i] = append(columns[i], v)
		}
	}
	return packed.Encode(columns[:]...)
}

// unpack calls take for each candidate of a block.
func unpack(block []byte, take func(candidate)) error {
	var c [5][]int64
	if err := packed.Decode(block, &c[0], &c[1], &c[2], &c[3], &c[4]); err != nil {
		return err
	}
	for i := range c[0] {
		take(candidate{uint64(c[0][i]), c[1][i], uint64(c[2][i]), uint64(c[3][i]), c[4][i]})
	}
	return nil
}
