package embed

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// synthetic is a catalogue of n titles of about eight words by Zipf's law, half
// of them of one of 1,000 topics, and 10 items a user of n/10 users, of two
// topics.
func synthetic(n int) ([]string, [][]int32) {
	const topics, words = 1000, 60
	rng := rand.New(rand.NewPCG(1, 2))
	common := rand.NewZipf(rng, 1.1, 10, 200_000)
	texts := make([]string, n)
	var b strings.Builder
	for i := range texts {
		b.Reset()
		for range 5 + rng.IntN(7) {
			if rng.IntN(2) == 0 {
				fmt.Fprintf(&b, "t%dw%d ", i%topics, rng.IntN(words))
			} else {
				fmt.Fprintf(&b, "c%d ", common.Uint64())
			}
		}
		texts[i] = b.String()
	}
	baskets := make([][]int32, n/10)
	for u := range baskets {
		liked := [2]int{rng.IntN(topics), rng.IntN(topics)}
		for range 10 {
			baskets[u] = append(baskets[u], int32(rng.IntN(n/topics)*topics+liked[rng.IntN(2)]))
		}
	}
	return texts, baskets
}

var peak = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// BenchmarkFit tells the time and the most memory of the process, the titles
// (100 bytes each) included. Run the sizes one by one:
//
//	go test -run ^$ -bench Fit/1000000 -benchtime 1x ./transforms/embed
func BenchmarkFit(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			texts, baskets := synthetic(n)
			for b.Loop() {
				if _, _, err := Fit(texts, baskets, DefaultOptions()); err != nil {
					b.Fatal(err)
				}
			}
			status, err := os.ReadFile("/proc/self/status")
			if found := peak.FindSubmatch(status); err == nil && found != nil {
				kib, _ := strconv.ParseFloat(string(found[1]), 64)
				b.ReportMetric(kib/1024, "peak-MiB")
			}
		})
	}
}
