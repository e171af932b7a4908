package curation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"foray/llm"
	"foray/schemas"
	"foray/transforms/store"
)

func TestFirstOfAnyOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 7, 100} {
		for _, of := range []int{0, 1, 50, 1000} {
			var all []candidate
			for i := range of {
				all = append(all, candidate{number: uint64(i), users: rng.Int64N(5), draw: rng.Uint64N(50), hint: 3, later: 2})
			}
			merged := first{n: n, order: byUsers}
			for part := range slices.Chunk(all, 64) {
				shard := first{n: n, order: byUsers}
				for _, c := range part {
					shard.add(c)
				}
				if err := unpack(pack(shard.all()), merged.add); err != nil {
					t.Fatal(err)
				}
			}
			slices.SortFunc(all, byUsers)
			if got := merged.all(); !slices.Equal(got, all[:min(n, of)]) {
				t.Errorf("the first %d of %d are %v", n, of, got)
			}
		}
	}
}

func TestSpread(t *testing.T) {
	for _, tc := range []struct {
		counts []int64
		want   spread
	}{
		{nil, spread{}},
		{[]int64{0, 0}, spread{}},
		{[]int64{3, 3, 3, 3}, spread{12, 4, 2, 0}},
		{[]int64{0, 8, 0, 0}, spread{8, 1, 0, 0.75}},
		{[]int64{2, 0, 1, 1}, spread{4, 3, 1.5, 0.375}},
	} {
		if got := spreadOf(tc.counts); math.Abs(got.entropy-tc.want.entropy)+math.Abs(got.gini-tc.want.gini) > 1e-12 || got.examples != tc.want.examples || got.labels != tc.want.labels {
			t.Errorf("the spread of %v is %+v, want %+v", tc.counts, got, tc.want)
		}
	}
}

func TestLabelsWithFewContextsAreRepeated(t *testing.T) {
	const labels = 4
	s := newSample(Config{Seed: 1, MinUsers: 2, ContextsPerLabel: 3}, labels)
	for key, users := range [][]int64{{5, 2, 0}, {4, 1, 0}, {3, 1, 0}, {2, 1, 0}} { // of the labels 0, 1, 2; nobody went to 3
		var all []candidate
		for label, n := range users {
			if n > 0 {
				all = append(all, candidate{number: uint64(key*labels + label), users: n})
			}
		}
		s.add(all)
	}
	examples, short := s.choose(Diversified)
	var got []uint64
	for _, c := range examples {
		got = append(got, c.number)
	}
	slices.Sort(got)
	// Of label 0 the contexts 0, 1 and 2; of label 1 the only one with two users.
	if want := []uint64{0, 1, 1, 1, 4, 8}; !slices.Equal(got, want) || fmt.Sprint(short) != "map[1:1 2:0 3:0]" {
		t.Errorf("the examples are %v, want %v; short are %v", got, want, short)
	}
}

func TestHintIsOfOthers(t *testing.T) {
	s := newSample(Config{}, 10)
	for _, tc := range []struct {
		users []int64 // of the labels 0, 1, 2, …
		want  []uint64
	}{
		{[]int64{1}, []uint64{0}},       // nobody else
		{[]int64{2}, []uint64{1}},       // the other user
		{[]int64{1, 1}, []uint64{2, 1}}, // each other's
		{[]int64{3, 2}, []uint64{1, 1}}, // still as many without one of them
		{[]int64{2, 2, 1}, []uint64{2, 1, 1}},
	} {
		var key []candidate
		for label, users := range tc.users {
			key = append(key, candidate{number: 70 + uint64(label), users: users})
		}
		s.hint(key)
		for i, c := range key {
			if c.hint != tc.want[i] {
				t.Errorf("of %v users the hint of label %d is %d, want %d", tc.users, i, c.hint, tc.want[i])
			}
		}
	}
}

func TestScoreIsRelativeToTheLabel(t *testing.T) {
	s := newSample(Config{}, 2)
	s.users, s.later = []int64{10, 10}, []int64{0, 30} // once; four times
	for _, tc := range []struct {
		c    candidate
		want int
	}{
		{candidate{number: 4, users: 5, later: 0}, 5},
		{candidate{number: 4, users: 1, later: 9}, 9},
		{candidate{number: 5, users: 5, later: 0}, 2},
		{candidate{number: 5, users: 5, later: 15}, 5},
	} {
		if got := s.score(tc.c); got != tc.want {
			t.Errorf("the score of %+v is %d, want %d", tc.c, got, tc.want)
		}
	}
}

// words finds the descriptions that world writes.
var words = regexp.MustCompile(`words (\d+)`)

// chats reads a table of chats: of each its clusters, and the last answer.
func chats(t *testing.T, out store.Local, table, version string) (clusters [][]int, answers []string) {
	t.Helper()
	m, err := store.ReadManifest(t.Context(), out, table, version)
	if err != nil {
		t.Fatal(err)
	}
	data, err := store.ReadPart(t.Context(), out, table, version, m.Parts[0])
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		var chat struct {
			Messages []struct{ Role, Content string }
		}
		if err := json.Unmarshal(line, &chat); err != nil {
			t.Fatal(err)
		}
		var found []int
		for _, message := range chat.Messages[1:] { // behind the system's
			for _, w := range words.FindAllStringSubmatch(message.Content, -1) {
				cluster, err := strconv.Atoi(w[1])
				if err != nil {
					t.Fatal(err)
				}
				found = append(found, cluster)
			}
		}
		last := chat.Messages[len(chat.Messages)-1]
		if last.Role != "assistant" {
			t.Fatalf("a chat ends in %+v", last)
		}
		clusters, answers = append(clusters, found), append(answers, last.Content)
	}
	if int64(len(answers)) != m.Rows() || len(answers) == 0 {
		t.Fatalf("%s/ has %d lines, and %d by its manifest", table, len(answers), m.Rows())
	}
	return clusters, answers
}

// checkExamples holds training/, validation/ and alignment/ against the
// counted transitions.
func checkExamples(t *testing.T, out store.Local, version, way string, minUsers int64, transitions map[string]int64) {
	t.Helper()
	name := func(key []int, next int) string { return fmt.Sprint(key, next) }
	split := func(example []int) (key []int, next int) {
		return example[:len(example)-1], example[len(example)-1]
	}
	validation, _ := chats(t, out, schemas.ValidationTable, version)
	held := map[string]bool{}
	for _, v := range validation {
		key, next := split(v)
		held[fmt.Sprint(key)] = true
		for transition, users := range transitions {
			if strings.HasPrefix(transition, fmt.Sprint(key)) && users > transitions[name(key, next)] {
				t.Errorf("%v is held out with %d, but %s has more users", key, next, transition)
			}
		}
	}
	// The users behind what may become an example, by label.
	byLabel := map[int][]int64{}
	var all []int64
	for transition, users := range transitions {
		key, label, _ := strings.Cut(transition, "] ")
		if next, err := strconv.Atoi(label); err == nil && users >= minUsers && !held[key+"]"] {
			byLabel[next] = append(byLabel[next], users)
			all = append(all, users)
		}
	}
	top := func(users []int64, n int) []int64 {
		users = slices.Sorted(slices.Values(users))
		return users[max(0, len(users)-n):]
	}
	const contexts = 4
	training, answers := chats(t, out, schemas.TrainingTable, version)
	if way == Diversified && len(training) != contexts*len(byLabel) || len(training) > contexts*len(byLabel) {
		t.Errorf("%d examples of %d labels", len(training), len(byLabel))
	}
	users, chosen := map[int][]int64{}, []int64{}
	distinct := map[string]bool{}
	for i, e := range training {
		key, next := split(e)
		if held[fmt.Sprint(key)] {
			t.Errorf("%v is held out and trained on", key)
		}
		if answers[i] != fmt.Sprintf("New cluster: words %d", next) {
			t.Errorf("an answer is %q", answers[i])
		}
		u := transitions[name(key, next)]
		if u < max(1, minUsers) {
			t.Errorf("%v is an example of %d users", e, u)
		}
		if way == Random || !distinct[name(key, next)] {
			users[next], chosen = append(users[next], u), append(chosen, u)
		}
		distinct[name(key, next)] = true
	}
	switch way {
	case Diversified:
		for next, have := range byLabel {
			if want := top(have, contexts); !slices.Equal(top(users[next], contexts), want) {
				t.Errorf("label %d has contexts of %v users, want %v", next, users[next], want)
			}
		}
	case Popular:
		if want := top(all, len(chosen)); !slices.Equal(top(chosen, len(chosen)), want) {
			t.Errorf("the popular examples have %v users, want %v", chosen, want)
		}
	}
	scored, scores := chats(t, out, schemas.AlignmentTable, version)
	for i, e := range scored {
		key, next := split(e)
		if score, err := strconv.Atoi(scores[i]); err != nil || score < 0 || score > MostScore || transitions[name(key, next)] == 0 || held[fmt.Sprint(key)] {
			t.Errorf("%v of %d users is scored %q", e, transitions[name(key, next)], scores[i])
		}
	}
}

// Most examples to train on have their hint, and some have none.
func TestSomeLessonsHaveNoHint(t *testing.T) {
	prompt, err := llm.ParsePrompt("{{range .Descriptions}}{{.}}, {{end}}{{with .Successor}}others went on to {{.}}{{end}}")
	if err != nil {
		t.Fatal(err)
	}
	words := []string{"yoga", "chess", "opera"}
	if prompt, err = prompt.With(words); err != nil {
		t.Fatal(err)
	}
	teach := &teacher{cfg: Config{K: 2, Seed: 1}, descriptions: words, prompt: prompt}
	hints := 0
	const all = 400
	for i := range uint64(all) {
		c := candidate{number: 27*i + 0*9 + 1*3 + 2, hint: 3}
		lesson, err := teach.lesson(c)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(lesson[len(lesson)-2].Content, "others went on to opera") {
			hints++
		}
		example, err := teach.example(c)
		if err != nil || !strings.Contains(example[len(example)-2].Content, "others went on to opera") {
			t.Fatalf("%v, %v: an example that is not trained on has no hint", example, err)
		}
	}
	if share := float64(hints) / all; math.Abs(share-(1-unhinted)) > .1 {
		t.Errorf("%v of the lessons have their hint", share)
	}
}
