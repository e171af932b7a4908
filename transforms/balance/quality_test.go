package balance_test

import (
	"encoding/csv"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"foray/testdata/catalogue"
	"foray/transforms/balance"
	"foray/transforms/embed"
	"foray/transforms/kernel"
)

// data is where the public data sets lie, beside the module.
const data = "../../../shared/data"

type log struct {
	texts   []string
	classes []string
	// baskets and weight are of the events before four fifths of the time span,
	// later has the baskets of those after it.
	baskets, later [][]int32
	weight         []float64
}

func table(t *testing.T, path string) [][]string {
	t.Helper()
	file, err := os.Open(filepath.Join(data, path))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the data set %s does not exist", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// load reads item_id, title and perhaps a class, and user_id, item_id,
// timestamp.
func load(t *testing.T, folder string) log {
	t.Helper()
	var l log
	index := map[string]int32{}
	for i, row := range table(t, folder+"/items.csv") {
		index[row[0]] = int32(i)
		l.texts = append(l.texts, row[1])
		if len(row) > 2 {
			l.texts[i] += "\n" + row[2]
			l.classes = append(l.classes, row[2])
		}
	}
	events := table(t, folder+"/interactions.csv")
	times := make([]int64, len(events))
	for i, row := range events {
		var err error
		if times[i], err = strconv.ParseInt(row[2], 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	first, last := slices.Min(times), slices.Max(times)
	l.weight = make([]float64, len(l.texts))
	users := map[string]int{}
	for i, row := range events {
		user, known := users[row[0]]
		if !known {
			user = len(users)
			users[row[0]] = user
			l.baskets, l.later = append(l.baskets, nil), append(l.later, nil)
		}
		item := index[row[1]]
		baskets := l.baskets
		if 5*(times[i]-first) >= 4*(last-first) {
			baskets = l.later
		} else {
			l.weight[item]++
		}
		if !slices.Contains(baskets[user], item) {
			baskets[user] = append(baskets[user], item)
		}
	}
	return l
}

func cluster(t *testing.T, l log, k int) *balance.Clustering {
	t.Helper()
	_, x, err := embed.Fit(l.texts, l.baskets, embed.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	c, err := balance.Fit(x, l.weight, balance.Options{K: k, Levels: 4, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if c.ReachedEpsilon > balance.DefaultEpsilon+1e-6 {
		t.Errorf("reached epsilon %.4f", c.ReachedEpsilon)
	}
	return c
}

// lift is the chance that two distinct items of a user share a cluster, ÷ that
// of two events at large.
func lift(baskets [][]int32, assign []int32, k int) float64 {
	load := make([]float64, k)
	var together, users, total float64
	for _, basket := range baskets {
		n := float64(len(basket))
		if n < 2 {
			continue
		}
		counts := make([]float64, k)
		for _, item := range basket {
			counts[assign[item]]++
		}
		var pairs float64
		for c, count := range counts {
			pairs += count * (count - 1)
			load[c] += count
		}
		together += pairs / (n * (n - 1))
		users++
		total += n
	}
	var chance float64
	for _, l := range load {
		chance += l / total * l / total
	}
	return together / users / chance
}

// mutual is the normalised mutual information of two labelings, 2·I/(H+H).
func mutual[A, B comparable](a []A, b []B) float64 {
	type pair struct {
		a A
		b B
	}
	ca, cb, cab := map[A]float64{}, map[B]float64{}, map[pair]float64{}
	for i := range a {
		ca[a[i]]++
		cb[b[i]]++
		cab[pair{a[i], b[i]}]++
	}
	n := float64(len(a))
	var information, ha, hb float64
	for p, count := range cab {
		information += count / n * math.Log(count*n/(ca[p.a]*cb[p.b]))
	}
	for _, count := range ca {
		ha -= count / n * math.Log(count/n)
	}
	for _, count := range cb {
		hb -= count / n * math.Log(count/n)
	}
	return 2 * information / (ha + hb)
}

func TestGiftShopBaskets(t *testing.T) {
	l := load(t, "online-retail")
	const k = 140
	c := cluster(t, l, k)
	known, later := lift(l.baskets, c.Assign, k), lift(l.later, c.Assign, k)
	t.Logf("co-purchase lift: %.2f before the cut, %.2f after it", known, later)
	if known < 4.4 || later < 4 {
		t.Errorf("co-purchase lift %.2f before the cut and %.2f after it; 4.75 and 4.5 were reached", known, later)
	}
}

func TestFilmGenres(t *testing.T) {
	l := load(t, "movietweetings")
	c := cluster(t, l, 200)
	shuffled := slices.Clone(l.classes)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	got, chance := mutual(c.Assign, l.classes), mutual(c.Assign, shuffled)
	t.Logf("NMI with the genres: %.3f, by chance %.3f", got, chance)
	if got < chance+0.25 {
		t.Errorf("NMI with the genres is %.3f, by chance %.3f", got, chance)
	}
}

// The catalogue's interests are hidden, and the traffic of one is up to thirty
// times that of another. So not even vectors that tell the interests can be
// clustered into them evenly; under a looser cap, the interests are found. The
// last seed was chosen after the code was done.
func TestCatalogueInterests(t *testing.T) {
	for _, seed := range []uint64{1, 2, 20261123} {
		l, truth, interests := catalogueLog(t, seed)
		told := kernel.New(len(truth), interests)
		for i, interest := range truth {
			told.Row(i)[interest] = 1
		}
		_, x, err := embed.Fit(l.texts, l.baskets, embed.DefaultOptions())
		if err != nil {
			t.Fatal(err)
		}
		found := func(x kernel.Matrix, epsilon float64) float64 {
			c, err := balance.Fit(x, l.weight, balance.Options{K: interests, Levels: 4, Epsilon: epsilon, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			return mutual(c.Assign, truth)
		}
		even, ceiling, loose := found(x, balance.DefaultEpsilon), found(told, balance.DefaultEpsilon), found(x, 0.5)
		t.Logf("seed %d: NMI with the interests %.3f (%.3f if they were told), %.3f with clusters up to half above the mean", seed, even, ceiling, loose)
		if even < 0.94*ceiling || loose < 0.9 {
			t.Errorf("seed %d: NMI with the interests %.3f (%.3f if they were told), %.3f with clusters up to half above the mean", seed, even, ceiling, loose)
		}
	}
}

// catalogueLog is a generated catalogue, the interest of each item, and how
// many interests there are.
func catalogueLog(t *testing.T, seed uint64) (log, []int32, int) {
	t.Helper()
	options := catalogue.DefaultOptions()
	options.Seed = seed
	world, err := catalogue.Generate(options)
	if err != nil {
		t.Fatal(err)
	}
	l := log{weight: make([]float64, len(world.Items)), baskets: make([][]int32, world.Users)}
	for _, item := range world.Items {
		l.texts = append(l.texts, item.Title+"\n"+item.Description+"\n"+item.Category)
	}
	cut := world.Cut(0.8)
	for _, event := range world.Events {
		if event.Time < cut {
			l.weight[event.Item]++
			l.baskets[event.User] = append(l.baskets[event.User], event.Item)
		}
	}
	return l, world.Truth.ItemInterest, len(world.Truth.Interests)
}
