package catalogue

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// How P(next | a, b) is mixed, a before b. A pair with a successor of its own
// gives it most of the mass; the rest is the same mixture for every pair.
const (
	pairShare       = 0.65 // of the pair's own successor, if it has one
	backgroundShare = 0.10 // by popularity
	latestShare     = 0.75 // of what is left: successors of b; the rest: of a

	ownedPairs = 0.6 // share of pairs with a successor of their own
	// nearPairs is the share of these whose own successor is one of a or b
	// anyway.
	nearPairs = 0.5

	popularityExponent = 0.6 // Zipf, over interests
)

// successorWeights are the chances of an interest's successors, most likely
// first: one that stands out, and a few that a planner must rank.
var successorWeights = []float64{0.62, 0.18, 0.12, 0.08} // sums to 1

// drift is the hidden transition graph of a world.
type drift struct {
	n          int
	popularity []float64 // by interest, sums to 1
	successors [][]int32 // by interest, as successorWeights
	// own is, by a*n+b, the successor that the pair has in either order, or −1.
	own []int32

	background sampler
	rank       sampler // over successorWeights
}

// newDrift draws a graph over n ≥ minInterests interests of the given themes.
func newDrift(theme []int32, rng *rand.Rand) *drift {
	n := len(theme)
	d := &drift{n: n, popularity: make([]float64, n), successors: make([][]int32, n), own: make([]int32, n*n), rank: newSampler(successorWeights)}
	var sum float64
	for i, r := range rng.Perm(n) {
		d.popularity[i] = math.Pow(float64(r+1), -popularityExponent)
		sum += d.popularity[i]
	}
	for i := range d.popularity {
		d.popularity[i] /= sum
	}
	d.background = newSampler(d.popularity)
	for a := range n {
		d.successors[a] = drawSuccessors(int32(a), theme, d.popularity, rng)
	}
	for i := range d.own {
		d.own[i] = -1
	}
	for a := range n {
		for b := range a {
			if rng.Float64() < ownedPairs {
				x := d.drawOwn(int32(a), int32(b), rng)
				d.own[a*n+b], d.own[b*n+a] = x, x
			}
		}
	}
	return d
}

// drawSuccessors gives half of the places to a's own theme, as far as that has
// interests, and the rest to others, in random order: the likeliest next step
// is as often a surprise as not. Popular interests follow more others.
func drawSuccessors(a int32, theme []int32, popularity []float64, rng *rand.Rand) []int32 {
	// The order of exponential clocks is that of draws by weight without
	// replacement.
	clocks, order := make([]float64, len(theme)), make([]int32, len(theme))
	for i, p := range popularity {
		clocks[i], order[i] = rng.ExpFloat64()/p, int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int { return cmp.Compare(clocks[i], clocks[j]) })
	var near, far []int32
	for _, i := range order {
		switch {
		case i == a:
		case theme[i] == theme[a]:
			near = append(near, i)
		default:
			far = append(far, i)
		}
	}
	places := len(successorWeights)
	k := max(min(places/2, len(near)), places-len(far))
	out := append(near[:k:k], far[:places-k]...)
	rng.Shuffle(places, func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// drawOwn picks what the pair (a, b) leads to.
func (d *drift) drawOwn(a, b int32, rng *rand.Rand) int32 {
	var from []int32
	if rng.Float64() < nearPairs {
		for _, x := range append(d.successors[a][:len(successorWeights):len(successorWeights)], d.successors[b]...) {
			if x != a && x != b {
				from = append(from, x)
			}
		}
		return from[rng.IntN(len(from))] // not empty: b fills but one place of a's
	}
	for {
		if x := d.background.draw(rng); x != a && x != b {
			return x
		}
	}
}

// structure adds to p, by interest, what the graph gives after a, b, without
// the background. All shares and the background sum to 1.
func (d *drift) structure(p []float64, a, b int32) {
	left := 1 - backgroundShare
	if x := d.own[int(a)*d.n+int(b)]; x >= 0 {
		p[x] += pairShare
		left -= pairShare
	}
	for i, w := range successorWeights {
		p[d.successors[b][i]] += left * latestShare * w
		p[d.successors[a][i]] += left * (1 - latestShare) * w
	}
}

// next is P(next | a, b) for a ≠ b: n chances that sum to 1, 0 for a and b.
func (d *drift) next(a, b int32) []float64 {
	p := make([]float64, d.n)
	for i, q := range d.popularity {
		p[i] = backgroundShare * q
	}
	d.structure(p, a, b)
	p[a], p[b] = 0, 0
	var sum float64
	for _, q := range p {
		sum += q
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// meet draws the next interest of a user whose last two are a, b, from
// next(a, b) without those the user has met. It is for users who have not met
// all.
func (d *drift) meet(a, b int32, met *bitset, rng *rand.Rand) int32 {
	own := d.own[int(a)*d.n+int(b)]
	// Redrawing what is not allowed is the restricted distribution; the limit
	// is for users who have met nearly all.
	for range 32 {
		var x int32
		switch u := rng.Float64(); {
		case u < backgroundShare:
			x = d.background.draw(rng)
		case own >= 0 && u < backgroundShare+pairShare:
			x = own
		default:
			of := a
			if rng.Float64() < latestShare {
				of = b
			}
			x = d.successors[of][d.rank.draw(rng)]
		}
		if !met.has(x) {
			return x
		}
	}
	p := d.next(a, b)
	for i := range p {
		if met.has(int32(i)) {
			p[i] = 0
		}
	}
	return pick(p, rng)
}

// second draws the interest that a user meets after the first: no key yet.
func (d *drift) second(a int32, rng *rand.Rand) int32 {
	for {
		x := d.background.draw(rng)
		if rng.Float64() >= backgroundShare {
			x = d.successors[a][rng.IntN(len(d.successors[a]))]
		}
		if x != a {
			return x
		}
	}
}

// bitset holds a set of interests.
type bitset [4]uint64

func (b *bitset) has(i int32) bool { return b[i>>6]>>(i&63)&1 == 1 }
func (b *bitset) add(i int32)      { b[i>>6] |= 1 << (i & 63) }
