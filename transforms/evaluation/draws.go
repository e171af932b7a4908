package evaluation

import (
	"math"
	"slices"
)

// Replicates is the number of bootstrap resamples of users behind an interval.
const Replicates = 400

// weights is how often each resample draws a group of users, or the users of a
// key.
type weights [Replicates]int64

// draw fills in how often each resample draws n users, Poisson(n), the same
// for the same subject: a group of users with n = 1, or a key's number with
// its users. Poisson weights need not know how many there are (Chamandy et al.,
// "Estimating uncertainty for massive data streams", 2012), and since their
// sums are Poisson again, n users of one key are drawn at once.
//
// The uniform numbers are SplitMix64's (Steele et al., "Fast splittable
// pseudorandom number generators", 2014), four of 16 bits to a word, read as
// quantiles.
func (w *weights) draw(subject uint64, n int64) {
	clear(w[:])
	state := mix(subject)
	for range n % many {
		state = w.add(state, &poissonOne)
	}
	for range n / many {
		state = w.add(state, &poissonMany)
	}
}

func (w *weights) add(state uint64, quantile *[1 << 16]uint8) uint64 {
	for r := 0; r < Replicates; r += 4 {
		state += 0x9e3779b97f4a7c15
		u := mix(state)
		w[r] += int64(quantile[u&0xffff])
		w[r+1] += int64(quantile[u>>16&0xffff])
		w[r+2] += int64(quantile[u>>32&0xffff])
		w[r+3] += int64(quantile[u>>48])
	}
	return state
}

func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// many users are drawn by one look into poissonMany.
const many = 64

var poissonOne, poissonMany = quantiles(1), quantiles(many)

// quantiles tabulates the inverse of Poisson's distribution at 2¹⁶ steps.
func quantiles(mean float64) (table [1 << 16]uint8) {
	p, sum, from := math.Exp(-mean), 0.0, 0
	for n := 0; from < len(table); n++ {
		sum += p
		p *= mean / float64(n+1)
		to := min(len(table), int(math.Round(sum*(1<<16))))
		for ; from < to; from++ {
			table[from] = uint8(n)
		}
	}
	return table
}

// estimate is a value with its 95 % interval, of n cases.
type estimate struct {
	value, low, high float64
	n                int64
}

// between puts the percentile interval of what the resamples gave around a
// value; resamples without a case give NaN and are left out. Without any the
// interval is the value.
func between(value float64, resampled []float64, n int64) estimate {
	boots := slices.DeleteFunc(resampled, math.IsNaN)
	if len(boots) == 0 {
		return estimate{value, value, value, n}
	}
	slices.Sort(boots)
	at := func(q float64) float64 { return boots[int(q*float64(len(boots)-1)+.5)] }
	return estimate{value, min(value, at(.025)), max(value, at(.975)), n}
}

// chance is the two-sided bootstrap p-value of a difference being 0: twice
// the share of resamples on the less likely side of it, counting the sample
// itself among them.
func chance(differences []float64) float64 {
	below, above, all := 1, 1, 1
	for _, d := range differences {
		if math.IsNaN(d) {
			continue
		}
		all++
		if d <= alike {
			below++
		}
		if d >= -alike {
			above++
		}
	}
	return min(1, 2*float64(min(below, above))/float64(all))
}

// alike are differences that only the rounding of weights makes.
const alike = 1e-9

// over is a ratio, NaN of nothing.
func over(part, whole int64) float64 {
	if whole == 0 {
		return math.NaN()
	}
	return float64(part) / float64(whole)
}
