package policy

import (
	"cmp"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The golden: HR@10 on MovieTweetings 100k, users with at least five ratings,
// their last one left out, ranked among all items that they have not rated.
// One standard error is .006. Popularity alone reaches .135.
const (
	goldenHitRate = 0.205
	goldenSlack   = 0.004
)

func TestHitRateOnMovieTweetings(t *testing.T) {
	users, items := movieTweetings(t)
	var c Counter
	for _, u := range users {
		c.Add(u[:len(u)-1])
	}
	m, err := NewMarkov(items, c.Transitions(DefaultSuccessors))
	if err != nil {
		t.Fatal(err)
	}
	clusters := slices.Repeat([]int32{-1}, items)
	r, err := NewRecommender(m, clusters, m.Popularity())
	if err != nil {
		t.Fatal(err)
	}
	hits := 0
	for _, u := range users {
		last := u[len(u)-1]
		picks := r.Recommend(u[:len(u)-1], nil, 10, 0)
		if slices.ContainsFunc(picks, func(p Pick) bool { return p.Item == last }) {
			hits++
		}
	}
	rate := float64(hits) / float64(len(users))
	t.Logf("HR@10 %.4f: %d of %d users", rate, hits, len(users))
	if rate < goldenHitRate-goldenSlack || rate > goldenHitRate+goldenSlack {
		t.Errorf("HR@10 is %.4f, want %.3f ± %.3f", rate, goldenHitRate, goldenSlack)
	}
}

// movieTweetings returns each user's items in the order of time (then item),
// and the number of items.
func movieTweetings(t testing.TB) (users [][]int32, items int) {
	const path = "../../../shared/data/movietweetings-100k/ratings.dat"
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		t.Skipf("%s is not there", path)
	} else if err != nil {
		t.Fatal(err)
	}
	type rating struct {
		user, time int
		item       string
	}
	perUser := map[int][]rating{}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), "::")
		user, err1 := strconv.Atoi(f[0])
		time, err2 := strconv.Atoi(f[3])
		if err := cmp.Or(err1, err2); err != nil {
			t.Fatal(err)
		}
		perUser[user] = append(perUser[user], rating{user, time, f[1]})
	}
	ids := map[string]int32{}
	maps.DeleteFunc(perUser, func(_ int, rs []rating) bool { return len(rs) < 5 })
	for _, rs := range perUser {
		for _, r := range rs {
			ids[r.item] = 0
		}
	}
	for i, id := range slices.Sorted(maps.Keys(ids)) {
		ids[id] = int32(i)
	}
	for _, u := range slices.Sorted(maps.Keys(perUser)) {
		rs := perUser[u]
		slices.SortFunc(rs, func(a, b rating) int { return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.item, b.item)) })
		user := make([]int32, len(rs))
		for i, r := range rs {
			user[i] = ids[r.item]
		}
		users = append(users, user)
	}
	return users, len(ids)
}
