package catalogue

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// World is a catalogue, a log and the truth that made them.
type World struct {
	// Items are in the order of their ids, which tells nothing.
	Items []Item
	// Events are in the order of time.
	Events []Event
	// Users is the number of users, who are numbered from 0.
	Users int
	Truth *Truth
}

// Item is a row of items.csv.
type Item struct {
	ID, Title, Description string
	// Category is the theme, now and then missing or wrong, as in real
	// catalogues.
	Category string
}

// Event is one engagement.
type Event struct {
	// Time is in seconds since 1970, UTC; Start ≤ Time < End.
	Time int32
	// User counts from 0; UserID gives the id.
	User int32
	// Item is an index of World.Items.
	Item int32
	// Rating is 1 to 5. It depends on the item, not on the drift.
	Rating uint8
}

// Truth is what planners do not see.
type Truth struct {
	// Interests are sorted by name.
	Interests []Interest
	// ItemInterest is, for each of World.Items, an index of Interests.
	ItemInterest []int32

	drift *drift
	// traffic draws an item of an interest.
	traffic []itemSampler
	// quality shifts the ratings of an item, in stars.
	quality []float64
}

// Interest is one interest of a world.
type Interest struct {
	Name, Theme string
	// Items is how many items it has, at least 1.
	Items int
	// Popularity is its chance in the background of the drift, and of being a
	// user's first; sums to 1.
	Popularity float64

	words *lexicon
	theme *theme
}

// Next is P(next | a, b): the chance of each interest to be the next that a
// user meets whose last two distinct interests are a and then b. For a user
// who has met others too, it holds with these left out. It sums to 1, and is 0
// at a and b; nil unless a and b are two interests.
func (t *Truth) Next(a, b int) []float64 {
	n := len(t.Interests)
	if a < 0 || b < 0 || a >= n || b >= n || a == b {
		return nil
	}
	return t.drift.next(int32(a), int32(b))
}

// Generate makes the world of the options; it is an error if they ask for what
// the lexicon or the time span cannot give.
func Generate(o Options) (*World, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("making a catalogue: %w", err)
	}
	w := &World{Users: o.Users, Truth: &Truth{Interests: selectInterests(o)}}
	themeOf, known := make([]int32, o.Interests), map[*theme]int32{}
	for i, in := range w.Truth.Interests {
		if _, ok := known[in.theme]; !ok {
			known[in.theme] = int32(len(known))
		}
		themeOf[i] = known[in.theme]
	}
	w.Truth.drift = newDrift(themeOf, stream(o.Seed, streamDrift))
	for i, p := range w.Truth.drift.popularity {
		w.Truth.Interests[i].Popularity = p
	}
	w.placeItems(o)
	w.writeTexts(stream(o.Seed, streamTexts))
	w.Events = w.makeEvents(o)
	return w, nil
}

// selectInterests takes the same number from every theme, or one more.
func selectInterests(o Options) []Interest {
	rng := stream(o.Seed, streamSelection)
	var out []Interest
	queues := make([][]int, len(themes)) // what is left of each theme, in random order
	for i := range themes {
		queues[i] = rng.Perm(len(themes[i].interests))
	}
	for len(out) < o.Interests {
		for _, i := range rng.Perm(len(themes)) {
			if len(queues[i]) > 0 && len(out) < o.Interests {
				words := &themes[i].interests[queues[i][0]]
				queues[i] = queues[i][1:]
				out = append(out, Interest{Name: words.name, Theme: themes[i].name, words: words, theme: &themes[i]})
			}
		}
	}
	slices.SortFunc(out, func(a, b Interest) int { return strings.Compare(a.Name, b.Name) })
	return out
}

const (
	// assortmentExponent says how much more items a popular interest has.
	assortmentExponent = 0.5
	// zipfExponent is that of the traffic over an interest's items.
	zipfExponent = 0.9
	// qualitySpread is the standard deviation of items' ratings, in stars.
	qualitySpread = 0.5
)

// placeItems shares the items out among interests and draws their traffic.
func (w *World) placeItems(o Options) {
	rng := stream(o.Seed, streamItems)
	interests := w.Truth.Interests
	weights := make([]float64, len(interests))
	for i := range weights {
		weights[i] = math.Pow(interests[i].Popularity, assortmentExponent) * math.Exp(0.25*rng.NormFloat64())
	}
	for i, n := range shareOut(o.Items, 1, weights) {
		interests[i].Items = n
	}
	order := rng.Perm(o.Items)
	w.Items = make([]Item, o.Items)
	w.Truth.ItemInterest = make([]int32, o.Items)
	w.Truth.traffic = make([]itemSampler, len(interests))
	w.Truth.quality = make([]float64, o.Items)
	for i := range w.Items {
		w.Truth.quality[i] = qualitySpread * rng.NormFloat64()
		w.Items[i].ID = fmt.Sprintf("i%0*d", digits(o.Items), i+1)
	}
	for i, in := range interests {
		s := itemSampler{items: make([]int32, in.Items)}
		popularity := make([]float64, in.Items)
		for r := range in.Items {
			s.items[r] = int32(order[0])
			w.Truth.ItemInterest[order[0]] = int32(i)
			order = order[1:]
			popularity[r] = math.Pow(float64(r+1), -zipfExponent)
		}
		s.rank = newSampler(popularity)
		w.Truth.traffic[i] = s
	}
}

// itemSampler draws an item of one interest.
type itemSampler struct {
	rank  sampler
	items []int32 // by rank of traffic
}

func (s itemSampler) draw(rng *rand.Rand) int32 { return s.items[s.rank.draw(rng)] }

// shareOut splits total ≥ least·len(weights) in proportion to weights, on top
// of least for each.
func shareOut(total, least int, weights []float64) []int {
	var sum, run float64
	for _, w := range weights {
		sum += w
	}
	free := float64(total - least*len(weights))
	out := make([]int, len(weights))
	before := 0
	for i, w := range weights {
		run += w
		upTo := int(run / sum * free)
		if i == len(weights)-1 {
			upTo = int(free) // whatever rounding made of the sum
		}
		out[i] = least + upTo - before
		before = upTo
	}
	return out
}

// digits is the width of the numbers of n ids: at least 4, so that small
// worlds look alike.
func digits(n int) int { return max(4, len(fmt.Sprint(n))) }
