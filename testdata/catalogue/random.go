package catalogue

import (
	"math/bits"
	"math/rand/v2"
)

// The streams of random numbers: one for each thing that is drawn, so that,
// say, more items leave the hidden graph as it was.
const (
	streamSelection uint64 = iota + 1
	streamDrift
	streamItems
	streamTexts
	streamActivity
	streamUsers // and one for each user behind it
)

// stream is the generator of one stream of a seed.
func stream(seed, id uint64) *rand.Rand {
	return rand.New(newSource(seed, id))
}

func newSource(seed, id uint64) *rand.PCG {
	return rand.NewPCG(mix(seed), mix(seed^mix(id)))
}

// mix is the finaliser of splitmix64 (Steele, Lea and Flood, "Fast splittable
// pseudorandom number generators", 2014): neighbouring seeds shall not give
// neighbouring states.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// sampler draws from a fixed distribution with one random number, by Walker's
// alias method in the form of Vose (1991).
type sampler struct {
	// accept[i] is the chance, of 2^64, that slot i means itself rather than
	// other[i].
	accept []uint64
	other  []int32
}

// newSampler draws i with a chance in proportion to weights[i] ≥ 0, of which
// one at least is above 0.
func newSampler(weights []float64) sampler {
	n := len(weights)
	s := sampler{accept: make([]uint64, n), other: make([]int32, n)}
	var sum float64
	for _, w := range weights {
		sum += w
	}
	share := make([]float64, n)
	var small, large []int32
	for i, w := range weights {
		share[i] = w / sum * float64(n)
		s.accept[i], s.other[i] = ^uint64(0), int32(i)
		if share[i] < 1 {
			small = append(small, int32(i))
		} else {
			large = append(large, int32(i))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		low, high := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		s.accept[low], s.other[low] = uint64(share[low]*(1<<63))<<1, high
		if share[high] -= 1 - share[low]; share[high] < 1 {
			large = large[:len(large)-1]
			small = append(small, high)
		}
	}
	return s
}

func (s sampler) draw(rng *rand.Rand) int32 {
	slot, rest := bits.Mul64(rng.Uint64(), uint64(len(s.accept)))
	if rest < s.accept[slot] {
		return int32(slot)
	}
	return s.other[slot]
}

// pick draws i with a chance in proportion to weights[i] ≥ 0, never one of
// weight 0 if any is above: for weights that are used once.
func pick(weights []float64, rng *rand.Rand) int32 {
	var sum float64
	for _, w := range weights {
		sum += w
	}
	u := rng.Float64() * sum
	last := int32(0)
	for i, w := range weights {
		if w == 0 {
			continue
		}
		if last = int32(i); u < w {
			break
		}
		u -= w
	}
	return last
}
