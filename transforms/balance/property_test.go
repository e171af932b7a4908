package balance

import (
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"
)

// Random sizes, shapes and weights: what Clustering promises holds, and one
// core gives what two give.
func FuzzFit(f *testing.F) {
	for seed := range uint64(60) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 7))
		n := 2 + rng.IntN(300)
		k := 2 + rng.IntN(n-1)
		switch rng.IntN(6) {
		case 0:
			k = n
		case 1:
			k = 2
		}
		dims := 1 + rng.IntN(20)
		if rng.IntN(5) == 0 {
			dims = 1
		}
		x, _ := blobs(n, dims, 1+rng.IntN(2*k), 0.2, rng.Uint64())
		for range rng.IntN(2) * n { // duplicates, also of what is zero
			copy(x.Row(rng.IntN(n)), x.Row(rng.IntN(n)))
		}
		for range rng.IntN(2) * rng.IntN(n) {
			clear(x.Row(rng.IntN(n)))
		}
		weight := zipf(n, 1.5*rng.Float64())
		rng.Shuffle(n, func(i, j int) { weight[i], weight[j] = weight[j], weight[i] })
		switch rng.IntN(5) {
		case 0:
			weight = constant(n, 0)
		case 1: // one item is heavier than a cluster
			weight[rng.IntN(n)] = 1e3 * sum(weight)
		case 2:
			for range n {
				weight[rng.IntN(n)] = 0
			}
		}
		opt := Options{K: k, Levels: 1 + rng.IntN(5), Epsilon: 0.01 + 0.2*rng.Float64(), Seed: seed}
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		one, err := Fit(x, weight, opt)
		if err != nil {
			t.Fatal(err)
		}
		verify(t, x, weight, opt, one)
		if best := longestFirst(clipWeights(weight, k), k); best <= opt.Epsilon/2 && one.ReachedEpsilon > opt.Epsilon+1e-6 {
			t.Errorf("n = %d, k = %d: reached %.4f, %.4f is possible", n, k, one.ReachedEpsilon, best)
		}
		runtime.GOMAXPROCS(2)
		two, err := Fit(x, weight, opt)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(one, two) {
			t.Fatal("the clustering differs between 1 and 2 cores")
		}
	})
}

// longestFirst is the ε that the classical heuristic reaches, which looks at
// loads alone.
func longestFirst(weight []float64, k int) float64 {
	load := make([]float64, k)
	sorted := slices.Sorted(slices.Values(weight))
	for _, w := range slices.Backward(sorted) {
		lightest := 0
		for c := range load {
			if load[c] < load[lightest] {
				lightest = c
			}
		}
		load[lightest] += w
	}
	return slices.Max(load)/(sum(load)/float64(k)) - 1
}

// Rows of the sizes at which blocks of the kernel, of the sample and of cores
// begin anew.
func TestFitSameOnAnyNumberOfCores(t *testing.T) {
	for _, size := range []struct{ n, dims, k int }{{1500, 16, 50}, {9001, 5, 900}} {
		x, _ := blobs(size.n, size.dims, 40, 0.1, 4)
		opt := Options{K: size.k, Levels: 3, Seed: 8}
		var want *Clustering
		for _, cores := range []int{1, 2, 5} {
			before := runtime.GOMAXPROCS(cores)
			got, err := Fit(x, zipf(size.n, 0.8), opt)
			runtime.GOMAXPROCS(before)
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%+v: the clustering on %d cores is not that on 1", size, cores)
			}
		}
	}
}

// The weights of a large part are sampled; its halves must still weigh the same.
func TestBisectHalvesTheWeight(t *testing.T) {
	x, _ := blobs(20000, 8, 30, 0.3, 2)
	weight := zipf(20000, 0.5)
	const k = 16
	load := make([]float64, k)
	for i, c := range bisect(x, weight, k, 1) {
		load[c] += weight[i]
	}
	for c, l := range load {
		if share := l * k / sum(load); share < 0.9 || share > 1.1 {
			t.Errorf("leaf %d has %.3f of the mean load", c, share)
		}
	}
}
