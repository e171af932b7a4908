package llm

import (
	"math/rand/v2"
	"strings"
	"testing"
)

var someDescriptions = []string{
	"jazz vinyl, turntables, record care",
	"women's running shoes, trail, marathon",
	"C++ compilers, build tools",
	"C compilers, build tools",
	"café crème, espresso machines",
	"ﬁne art prints", // with the ligature
	"\"quoted\" things.",
	"日本 旅行、温泉",
	"ᏣᎳᎩ ᎪᏪᎵ", // Cherokee, which has cases
}

func vocabulary(t testing.TB) *Vocabulary {
	t.Helper()
	ids := make([]int32, len(someDescriptions))
	for i := range ids {
		ids[i] = int32(i * 10)
	}
	v, err := NewVocabulary(ids, someDescriptions)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMatch(t *testing.T) {
	v := vocabulary(t)
	jazz := someDescriptions[0]
	for _, tt := range []struct {
		name, answer string
		want         Match
	}{
		{"bare", jazz, Match{0, Exact}},
		{"marker", "New cluster: " + jazz, Match{0, Exact}},
		{"marker, case", "NEW CLUSTER:" + jazz, Match{0, Exact}},
		{"next line", "New cluster:\n\n  " + jazz + "\nbecause they like it", Match{0, Exact}},
		{"last marker", "New cluster: something\nNo.\nNew cluster: " + jazz, Match{0, Exact}},
		{"last marker with text", "New cluster: " + jazz + "\nNew cluster:  \n", Match{0, Exact}},
		{"quotes and full stop", "New cluster: \"" + jazz + ".\"", Match{0, Normalised}},
		{"typographic quotes", "\u201c" + jazz + "\u201d.", Match{0, Normalised}},
		{"bold", "**New cluster:** " + jazz, Match{0, Normalised}},
		{"thought", "<think>New cluster: C compilers, build tools</think>\n" + jazz, Match{0, Exact}},
		{"windows lines", "New cluster: " + jazz + "\r\nmore", Match{0, Exact}},
		{"spaces around", "\t " + jazz + " \u00a0\n", Match{0, Exact}},
		{"code", "`" + jazz + "`", Match{0, Normalised}},
		{"guillemets", "\u00ab" + jazz + "\u00bb", Match{0, Normalised}},
		{"single quotes", "'" + jazz + "'", Match{0, Normalised}},
		{"full stop", jazz + ".", Match{0, Normalised}},
		{"own quotes", someDescriptions[6], Match{60, Exact}},
		{"case", strings.ToUpper(jazz), Match{0, Normalised}},
		{"order", "record care, jazz vinyl, turntables", Match{0, Normalised}},
		{"spaces", "jazz  vinyl ,turntables,   record\u00a0care", Match{0, Normalised}},
		{"punctuation", "jazz-vinyl; turntables; record care!", Match{0, Normalised}},
		{"apostrophe", "Womens Running Shoes, trail, marathon", Match{10, Normalised}},
		{"symbols tell apart", "c++ compilers, build tools", Match{20, Normalised}},
		{"symbols tell apart 2", "c compilers, build tools", Match{30, Normalised}},
		{"decomposed", "cafe\u0301 cre\u0300me, espresso machines", Match{40, Normalised}},
		{"ligature", "fine art prints", Match{50, Normalised}},
		{"full width comma", "温泉,日本 旅行", Match{70, Normalised}},
		{"Cherokee", "ꮳꮃꭹ ꭺꮺꮅ", Match{80, Normalised}},
		{"unknown", "New cluster: knitting", Match{-1, None}},
		{"a part", "jazz vinyl, turntables", Match{-1, None}},
		{"not the first line", "I would say:\n" + jazz, Match{-1, None}},
		{"empty", "", Match{-1, None}},
		{"only the marker", "New cluster:", Match{-1, None}},
		{"only punctuation", " .,;\n", Match{-1, None}},
		{"not UTF-8", "\xff\xfe", Match{-1, None}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := v.Match(tt.answer); got != tt.want {
				t.Errorf("Match(%q) = %v %v, want %v %v", tt.answer, got.Cluster, got.How, tt.want.Cluster, tt.want.How)
			}
		})
	}
}

// However a description is dressed up, it names its own cluster.
func TestMatchProperty(t *testing.T) {
	v := vocabulary(t)
	rng := rand.New(rand.NewPCG(1, 2))
	dress := []func(string) string{
		strings.ToUpper,
		strings.ToLower,
		func(s string) string { return "\"" + s + "\"" },
		func(s string) string { return s + "." },
		func(s string) string { return strings.ReplaceAll(s, " ", "  ") },
	}
	for _, id := range v.IDs() {
		d, _ := v.Description(id)
		for range 50 {
			phrases := strings.Split(d, ", ")
			rng.Shuffle(len(phrases), func(i, j int) { phrases[i], phrases[j] = phrases[j], phrases[i] })
			answer := strings.Join(phrases, ", ")
			for range 1 + rng.IntN(3) {
				answer = dress[rng.IntN(len(dress))](answer)
			}
			if rng.IntN(2) == 0 {
				answer = "New cluster: " + answer
			}
			if rng.IntN(2) == 0 {
				answer = "\n \n" + answer + "\n\nThat is new."
			}
			if got := v.Match(answer); got.Cluster != id {
				t.Fatalf("Match(%q) = %d, want %d", answer, got.Cluster, id)
			}
		}
	}
}

func TestNewVocabularyRefuses(t *testing.T) {
	for _, tt := range []struct {
		name         string
		ids          []int32
		descriptions []string
		want         []string
	}{
		{"duplicates", []int32{3, 8}, []string{"jazz, vinyl", "Vinyl, JAZZ!"}, []string{"3 and 8", `"jazz, vinyl"`, `"Vinyl, JAZZ!"`}},
		{"equal", []int32{3, 8}, []string{"a", "a"}, []string{"3 and 8"}},
		{"one id twice", []int32{3, 3}, []string{"a", "b"}, []string{"cluster 3 has two descriptions"}},
		{"no words", []int32{3}, []string{" ,."}, []string{"cluster 3 has no letter or digit"}},
		{"lengths", []int32{3}, nil, []string{"1 clusters but 0 descriptions"}},
		{"negative", []int32{-1}, []string{"a"}, []string{"negative"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewVocabulary(tt.ids, tt.descriptions)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}

func TestVocabularyHash(t *testing.T) {
	hash := func(ids []int32, d ...string) string {
		v, err := NewVocabulary(ids, d)
		if err != nil {
			t.Fatal(err)
		}
		return v.Hash()
	}
	h := hash([]int32{1, 2}, "a", "b")
	if h != hash([]int32{2, 1}, "b", "a") {
		t.Error("the hash depends on the order")
	}
	for _, other := range []string{hash([]int32{1, 2}, "b", "a"), hash([]int32{1, 3}, "a", "b"), hash([]int32{1, 2}, "a", "B"), hash([]int32{1}, "a")} {
		if h == other {
			t.Error("two vocabularies, one hash")
		}
	}
}

func FuzzMatch(f *testing.F) {
	v := vocabulary(f)
	for _, d := range someDescriptions {
		f.Add(d)
		f.Add("New cluster: \"" + strings.ToUpper(d) + "\".")
	}
	f.Add("new cluster:new cluster::\x00")
	f.Fuzz(func(t *testing.T, answer string) {
		m := v.Match(answer)
		if (m.How == None) != (m.Cluster == -1) {
			t.Fatalf("Match(%q) = %+v", answer, m)
		}
		if _, ok := v.Description(m.Cluster); m.How != None && !ok {
			t.Fatalf("Match(%q) names no cluster: %+v", answer, m)
		}
		if n := normalise(answer); normalise(n) != n {
			t.Fatalf("normalise(%q) = %q, which normalises to %q", answer, n, normalise(n))
		}
	})
}

// Junk of a megabyte costs no more than reading it.
func BenchmarkMatchJunk(b *testing.B) {
	v := vocabulary(b)
	junk := strings.Repeat("new cluster:", 1<<20/12)
	b.SetBytes(int64(len(junk)))
	for b.Loop() {
		v.Match(junk)
	}
}

func BenchmarkMatchNormalised(b *testing.B) {
	v := vocabulary(b)
	for b.Loop() {
		if v.Match("New cluster: Record Care, Jazz Vinyl, Turntables").Cluster != 0 {
			b.Fatal("no match")
		}
	}
}
