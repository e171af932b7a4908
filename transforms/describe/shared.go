package describe

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"foray/transforms/embed"
	"foray/transforms/kernel"
)

// SharedSample is how many items of a cluster SharedWords looks at.
const SharedSample = 5

// SharedWords tells how well descriptions speak for their clusters: of at most
// SharedSample titles of each cluster, drawn with the seed, the share, in
// [0, 1], that have a word of their cluster's description (of a text without
// spaces, two neighbouring characters). A title is the first line of a text;
// assign[i] is the cluster of the item that has texts[i], an index of
// descriptions.
func SharedWords(texts []string, assign []int32, descriptions []Description, seed uint64) (float64, error) {
	members, err := group(assign, len(texts), len(descriptions))
	if err != nil {
		return 0, err
	}
	shared, sampled := make([]int, len(members)), make([]int, len(members))
	kernel.Parallel(len(members), 16, func(lo, hi int) {
		for c := lo; c < hi; c++ {
			said := embed.Terms(descriptions[c].Text)
			rng := rand.New(rand.NewPCG(seed, uint64(c)))
			for n := range min(SharedSample, len(members[c])) {
				// Fisher and Yates's shuffle, as far as it is needed.
				i := n + rng.IntN(len(members[c])-n)
				members[c][n], members[c][i] = members[c][i], members[c][n]
				title, _, _ := strings.Cut(texts[members[c][n]], "\n")
				sampled[c]++
				if slices.ContainsFunc(embed.Terms(title), func(word string) bool { return slices.Contains(said, word) }) {
					shared[c]++
				}
			}
		}
	})
	var having, all int
	for c := range members {
		having += shared[c]
		all += sampled[c]
	}
	if all == 0 {
		return 0, fmt.Errorf("describe: no items")
	}
	return float64(having) / float64(all), nil
}
