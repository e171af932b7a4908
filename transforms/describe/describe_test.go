package describe

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// verify checks what every list of descriptions promises.
func verify(t *testing.T, descriptions []Description) {
	t.Helper()
	seen := map[string]int{}
	for i, d := range descriptions {
		if len(d.Phrases) < 1 || len(d.Phrases) > MaxPhrases || d.Text != strings.Join(d.Phrases, ", ") {
			t.Fatalf("description %d: %q is not the text of %q", i, d.Text, d.Phrases)
		}
		for j, phrase := range d.Phrases {
			if strings.TrimSpace(phrase) == "" || strings.ContainsAny(phrase, ",\n\r") {
				t.Fatalf("description %d: bad phrase %q", i, phrase)
			}
			for other := range d.Phrases {
				if other != j && strings.Contains(strings.ToLower(d.Phrases[other]), strings.ToLower(phrase)) {
					t.Fatalf("description %d: %q stands in %q", i, phrase, d.Phrases[other])
				}
			}
		}
		// Four ways in which a copy may be careless.
		words := strings.FieldsFunc(strings.ToLower(d.Text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
		slices.Sort(words)
		phrases := make([]string, len(d.Phrases))
		for j, phrase := range d.Phrases {
			phrases[j] = strings.Map(func(r rune) rune {
				if unicode.IsLetter(r) || unicode.IsNumber(r) || r == ' ' {
					return unicode.ToLower(r)
				}
				return -1
			}, phrase)
		}
		slices.Sort(phrases)
		for _, key := range []string{
			"text " + strings.ToLower(d.Text), "words " + strings.Join(words, " "),
			"phrases " + strings.Join(phrases, ","), "squeezed " + strings.ReplaceAll(strings.Join(phrases, ","), " ", ""),
		} {
			if other, taken := seen[key]; taken {
				t.Fatalf("descriptions %d and %d are alike: %q, %q", other, i, descriptions[other].Text, d.Text)
			}
			seen[key] = i
		}
	}
}

func TestLeavesSayWhatClustersAreAbout(t *testing.T) {
	texts := []string{
		"RED T-LIGHT HOLDER", "WHITE T-LIGHT HOLDER", "HANGING T-LIGHT HOLDER", "GLASS T-LIGHT HOLDER 45x45cm",
		"Amélie (2001)", "Amélie's Paris", "Le Paris d'Amélie",
		"Ice cream maker", "ice cream scoop, steel", "Ice Cream machine", "ice cream bowls",
		"", "123", "",
	}
	assign := []int32{0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4}
	got, err := Read(texts).Leaves(assign, 5, Options{Phrases: 2})
	if err != nil {
		t.Fatal(err)
	}
	verify(t, got)
	for cluster, want := range []string{"t-light holder", "Amélie", "ice cream", "cluster 3", "cluster 4"} {
		if got[cluster].Phrases[0] != want {
			t.Errorf("cluster %d is %q, want %q first", cluster, got[cluster].Text, want)
		}
	}
}

func TestLeavesOfTwinsDiffer(t *testing.T) {
	for name, text := range map[string]string{
		"words": "blue lamp", "a long text": "one two three four five six seven eight nine ten red green blue grey lamp table chair",
		"the fallback": "cluster1 cluster2", "nothing": "", "stop words": "the and of", "Chinese": "红色台灯 蓝色台灯",
	} {
		for phrases := 1; phrases <= MaxPhrases; phrases++ {
			texts := slices.Repeat([]string{text}, 40)
			assign := make([]int32, len(texts))
			for i := range assign {
				assign[i] = int32(i % 20)
			}
			got, err := Read(texts).Leaves(assign, 20, Options{Phrases: phrases})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			verify(t, got)
		}
	}
}

func TestLeavesKeepTheirPromisesOnRandomTexts(t *testing.T) {
	words := strings.Fields("the of Red red REDS café cafe t-light light tlight e-mail email 12 12th 猫犬 ﬁne fine Ünder under , ; \n o'clock oclock")
	rng := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		texts := make([]string, 1+rng.IntN(80))
		k := 1 + rng.IntN(20)
		assign, weight := make([]int32, len(texts)), make([]float64, len(texts))
		for i := range texts {
			for range rng.IntN(6) {
				texts[i] += words[rng.IntN(len(words))] + " "
			}
			assign[i], weight[i] = int32(rng.IntN(k)), float64(rng.IntN(3))
		}
		got, err := Read(texts).Leaves(assign, k, Options{Phrases: 1 + rng.IntN(MaxPhrases), Weight: weight})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != k {
			t.Fatalf("%d descriptions of %d clusters", len(got), k)
		}
		verify(t, got)
	}
}

func TestPhrasesAreWhole(t *testing.T) {
	texts := []string{
		"A pan for elm street food", "A pot for elm street food", "A lid for elm street music", "On elm street",
		"Charlie and Lola mug", "Charlie and Lola cup", "No book on mugs", "No book on mugs", "No book on cups", "No book on pans", "No pans",
		"Grand old party hat box", "Grand old party hat box",
	}
	texts = append(texts, slices.Repeat([]string{"book", "mug"}, 8)...)
	kept := Read(texts).key
	for phrase, want := range map[string]bool{
		"elm street": true, "elm street food": true, "charlie and lola": true, "grand old party": true,
		"for elm": false, "street food": false, "old party": false, // cut out of longer ones
		"book on mug": false, // only a stop word holds it together
	} {
		if slices.Contains(kept, phrase) != want {
			t.Errorf("%q among the phrases: %v, want %v", phrase, !want, want)
		}
	}
}

func TestWeightSpeaks(t *testing.T) {
	texts := []string{"Abacus", "Zither"}
	for heavy, want := range []string{"Abacus", "Zither"} {
		weight := make([]float64, 2)
		weight[heavy] = 9
		got, err := Read(texts).Leaves([]int32{0, 0}, 1, Options{Weight: weight})
		if err != nil {
			t.Fatal(err)
		}
		if got[0].Phrases[0] != want {
			t.Errorf("with item %d in use: %q, want %q first", heavy, got[0].Text, want)
		}
	}
}

func TestParents(t *testing.T) {
	texts := []string{"apple pie", "apple tart", "pear pie", "pear tart", "rose bush", "rose hedge", "oak tree", "oak wood"}
	assign := []int32{0, 0, 1, 1, 2, 2, 3, 3}
	// Leaves 0-3 at level 2, nodes 4 and 5 at level 0, 6-9 at level 1, which
	// have a single child each.
	parent := []int32{6, 7, 8, 9, -1, -1, 4, 4, 5, 5}
	level := []int32{2, 2, 2, 2, 0, 0, 1, 1, 1, 1}
	got, err := Read(texts).Parents(assign, parent, level, 4, Options{Phrases: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 6 {
		t.Fatalf("%d descriptions, want 6", len(got))
	}
	verify(t, got[:2])
	verify(t, got[2:])
	for i, want := range []string{"apple", "rose", "apple", "pear", "rose", "oak"} {
		if !strings.Contains(got[i].Text, want) {
			t.Errorf("node %d is %q, want it to tell of %q", 4+i, got[i].Text, want)
		}
	}
	if strings.Contains(got[0].Text, "rose") || strings.Contains(got[1].Text, "pear") {
		t.Errorf("level 0 mixes: %q, %q", got[0].Text, got[1].Text)
	}
}

func TestRefuses(t *testing.T) {
	texts, assign := []string{"a lamp", "b table"}, []int32{0, 1}
	for name, call := range map[string]func() error{
		"assign too short": func() error { _, err := Read(texts).Leaves(assign[:1], 2, Options{}); return err },
		"cluster too high": func() error { _, err := Read(texts).Leaves(assign, 1, Options{}); return err },
		"negative cluster": func() error { _, err := Read(texts).Leaves([]int32{0, -1}, 2, Options{}); return err },
		"phrases":          func() error { _, err := Read(texts).Leaves(assign, 2, Options{Phrases: 11}); return err },
		"weights":          func() error { _, err := Read(texts).Leaves(assign, 2, Options{Weight: []float64{1}}); return err },
		"NaN weight": func() error {
			_, err := Read(texts).Leaves(assign, 2, Options{Weight: []float64{1, math.NaN()}})
			return err
		},
		"levels": func() error {
			_, err := Read(texts).Parents(assign, []int32{2, 2, -1}, []int32{1, 1}, 2, Options{})
			return err
		},
		"bad parent": func() error {
			_, err := Read(texts).Parents(assign, []int32{9, 2, -1}, []int32{1, 1, 0}, 2, Options{})
			return err
		},
		"cycle": func() error {
			_, err := Read(texts).Parents(assign, []int32{2, 2, 2}, []int32{1, 1, 1}, 2, Options{})
			return err
		},
		"orphaned": func() error {
			_, err := Read(texts).Parents(assign, []int32{2, 2, -1, -1}, []int32{1, 1, 0, 0}, 2, Options{})
			return err
		},
		"leaf as root": func() error {
			_, err := Read(texts).Parents(assign, []int32{1, -1, -1}, []int32{1, 0, 0}, 2, Options{})
			return err
		},
	} {
		if call() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSameOnAnyNumberOfCores(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	texts, assign := make([]string, 800), make([]int32, 800)
	for i := range texts {
		assign[i] = int32(rng.IntN(30))
		for range 6 {
			texts[i] += fmt.Sprintf("w%c%c ", 'a'+rng.IntN(12), 'a'+rng.IntN(12))
		}
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one, err := Read(texts).Leaves(assign, 30, Options{})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GOMAXPROCS(4)
	four, err := Read(texts).Leaves(assign, 30, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(one, four) {
		t.Fatal("descriptions differ between 1 and 4 cores")
	}
}

func FuzzLeaves(f *testing.F) {
	f.Add("red lamp", "RED LAMP", "red, lamp", 2)
	f.Add("t-light", "tlight", "t light", 1)
	f.Add("cluster 1", "cluster1", "", 3)
	f.Fuzz(func(t *testing.T, a, b, c string, phrases int) {
		got, err := Read([]string{a, b, c, a + "\n" + b}).Leaves([]int32{0, 1, 2, 3}, 4, Options{Phrases: phrases})
		if err != nil {
			if phrases < 0 || phrases > MaxPhrases {
				return
			}
			t.Fatal(err)
		}
		verify(t, got)
	})
}
