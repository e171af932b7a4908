package catalogue

import (
	"math"
	"reflect"
	"runtime"
	"testing"
)

func generate(t *testing.T, o Options) *World {
	t.Helper()
	w, err := Generate(o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func withSeed(seed uint64) Options {
	o := DefaultOptions()
	o.Seed = seed
	return o
}

func TestOptionsThatAreRefused(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"too few interests":     func(o *Options) { o.Interests = 4 },
		"too many interests":    func(o *Options) { o.Interests = MaxInterests() + 1 },
		"interest without item": func(o *Options) { o.Items = o.Interests - 1 },
		"no users":              func(o *Options) { o.Users = 0 },
		"users without event":   func(o *Options) { o.Events = o.Users - 1 },
		"too many a user":       func(o *Options) { o.Users = 1 },
		"beyond int32":          func(o *Options) { o.Items = maxCount + 1 },
	} {
		o := DefaultOptions()
		change(&o)
		if _, err := Generate(o); err == nil {
			t.Errorf("%s: %+v was accepted", name, o)
		}
	}
}

func TestSizesAreExact(t *testing.T) {
	for _, o := range []Options{
		DefaultOptions(),
		{Items: 5, Users: 1, Events: 1, Interests: 5},
		{Items: 130, Users: 1, Events: 2000, Interests: MaxInterests()},
		{Items: 77, Users: 1500, Events: 1500, Interests: 10, Seed: 9},
	} {
		w := generate(t, o)
		if len(w.Items) != o.Items || len(w.Events) != o.Events || len(w.Truth.Interests) != o.Interests || w.Users != o.Users {
			t.Errorf("%+v gave %d items, %d events, %d interests, %d users", o, len(w.Items), len(w.Events), len(w.Truth.Interests), w.Users)
		}
		active := map[int32]bool{}
		for _, e := range w.Events {
			active[e.User] = true
		}
		if len(active) != o.Users {
			t.Errorf("%+v: %d users are active", o, len(active))
		}
	}
}

func TestSameOptionsSameWorld(t *testing.T) {
	a := generate(t, DefaultOptions())
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	b := generate(t, DefaultOptions())
	if !reflect.DeepEqual(a, b) {
		t.Error("one core made another world")
	}
}

func TestAnotherSeedIsAnotherWorld(t *testing.T) {
	a, b := generate(t, withSeed(1)), generate(t, withSeed(2))
	names := map[string]bool{}
	for _, in := range a.Truth.Interests {
		names[in.Name] = true
	}
	fresh := 0
	for _, in := range b.Truth.Interests {
		if !names[in.Name] {
			fresh++
		}
	}
	if fresh < 10 {
		t.Errorf("only %d interests are new", fresh)
	}
	if reflect.DeepEqual(a.Truth.drift.successors, b.Truth.drift.successors) {
		t.Error("the hidden graph is the same")
	}
	titles := map[string]bool{}
	for _, item := range a.Items {
		titles[item.Title] = true
	}
	again := 0
	for _, item := range b.Items {
		if titles[item.Title] {
			again++
		}
	}
	if again > len(b.Items)/4 {
		t.Errorf("%d of %d titles are in both worlds", again, len(b.Items))
	}
	same := 0
	for i := range a.Events {
		if a.Events[i].Item == b.Events[i].Item {
			same++
		}
	}
	if same > len(a.Events)/50 {
		t.Errorf("%d events are of the same item", same)
	}
}

func TestThemesAreEven(t *testing.T) {
	count := map[string]int{}
	for _, in := range generate(t, DefaultOptions()).Truth.Interests {
		count[in.Theme]++
	}
	if len(count) != len(themes) {
		t.Errorf("%d themes, want %d", len(count), len(themes))
	}
	for name, n := range count {
		if n < 7 || n > 8 {
			t.Errorf("%d of 72 interests are of %s", n, name)
		}
	}
}

func TestEventsAreALog(t *testing.T) {
	w := generate(t, DefaultOptions())
	ties, repeats := 0, 0
	last := make([]*Event, w.Users)
	engaged := map[[2]int32]bool{}
	var stars [6]int
	for i := range w.Events {
		e := &w.Events[i]
		if int(e.Item) >= len(w.Items) || e.Item < 0 || int(e.User) >= w.Users || e.User < 0 {
			t.Fatalf("event %d: %+v", i, *e)
		}
		if int64(e.Time) < Start.Unix() || int64(e.Time) >= End.Unix() {
			t.Fatalf("event %d is outside the span: %+v", i, *e)
		}
		if i > 0 && e.Time < w.Events[i-1].Time {
			t.Fatalf("event %d is earlier than the one before", i)
		}
		stars[e.Rating]++
		if before := last[e.User]; before != nil && before.Time == e.Time {
			ties++
			if w.Truth.ItemInterest[before.Item] != w.Truth.ItemInterest[e.Item] {
				t.Fatalf("event %d: two interests of a user in one second", i)
			}
		}
		last[e.User] = e
		if engaged[[2]int32{e.User, e.Item}] {
			repeats++
		}
		engaged[[2]int32{e.User, e.Item}] = true
	}
	if n := len(w.Events); ties == 0 || ties > n/20 || repeats == 0 || repeats > n/20 {
		t.Errorf("%d ties and %d repeats in %d events: want a few", ties, repeats, n)
	}
	for r := 1; r <= 5; r++ {
		if stars[r] == 0 {
			t.Errorf("no event has %d stars", r)
		}
	}
	if stars[0] > 0 || stars[4] < stars[1] {
		t.Errorf("stars: %v", stars)
	}
}

func TestUsersAreActiveAcrossTheCut(t *testing.T) {
	w := generate(t, DefaultOptions())
	cut := w.Cut(0.8)
	before, after := make([]bool, w.Users), make([]bool, w.Users)
	late := 0
	for _, e := range w.Events {
		if e.Time < cut {
			before[e.User] = true
		} else {
			after[e.User] = true
			late++
		}
	}
	both := 0
	for u := range w.Users {
		if before[u] && after[u] {
			both++
		}
	}
	if both < w.Users*7/10 {
		t.Errorf("%d of %d users are active on both sides", both, w.Users)
	}
	if share := float64(late) / float64(len(w.Events)); share < 0.15 || share > 0.25 {
		t.Errorf("%.2f of the events are in the last fifth of the time", share)
	}
}

// TestTrafficIsZipf fits the slope of log(events) over log(rank), pooled over
// interests; that users rarely engage twice flattens it a little.
func TestTrafficIsZipf(t *testing.T) {
	w := generate(t, DefaultOptions())
	events := make([]float64, len(w.Items))
	byInterest := make([]float64, len(w.Truth.Interests))
	for _, e := range w.Events {
		events[e.Item]++
		byInterest[w.Truth.ItemInterest[e.Item]]++
	}
	const ranks = 15
	var pooled [ranks]float64
	for _, s := range w.Truth.traffic {
		for r := range min(ranks, len(s.items)) {
			pooled[r] += events[s.items[r]]
		}
	}
	var sx, sy, sxx, sxy float64
	for r, n := range pooled {
		x, y := math.Log(float64(r+1)), math.Log(n)
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	slope := (ranks*sxy - sx*sy) / (ranks*sxx - sx*sx)
	t.Logf("slope %.2f", slope)
	if slope > -0.65 || slope < -1.0 {
		t.Errorf("slope %.2f, want about -%.1f", slope, zipfExponent)
	}
	least, most := math.Inf(1), 0.0
	for _, n := range byInterest {
		least, most = min(least, n), max(most, n)
	}
	if most < 5*least {
		t.Errorf("interests have from %.0f to %.0f events: too even", least, most)
	}
}

func TestItemIDsTellNothing(t *testing.T) {
	w := generate(t, DefaultOptions())
	same := 0
	for i := 1; i < len(w.Items); i++ {
		if w.Truth.ItemInterest[i] == w.Truth.ItemInterest[i-1] {
			same++
		}
	}
	if same > len(w.Items)/20 {
		t.Errorf("%d of %d neighbours share an interest", same, len(w.Items))
	}
}

func BenchmarkGenerate(b *testing.B) {
	o := DefaultOptions()
	o.Users, o.Events = 100_000, 1_000_000
	for b.Loop() {
		if _, err := Generate(o); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(o.Events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
