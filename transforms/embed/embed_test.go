package embed

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"foray/transforms/kernel"
)

func randomSparse(rows, cols, rank int, seed uint64) (sparse, *mat.Dense) {
	rng := rand.New(rand.NewPCG(seed, 0))
	var exact mat.Dense
	left, right := mat.NewDense(rows, rank, nil), mat.NewDense(rank, cols, nil)
	left.Apply(func(i, j int, _ float64) float64 { return rng.NormFloat64() }, left)
	right.Apply(func(i, j int, _ float64) float64 { return rng.NormFloat64() / float64(1+i) }, right)
	exact.Mul(left, right)
	a := sparse{rows: rows, cols: cols, start: []int{0}}
	for i := range rows {
		for j := range cols {
			a.index, a.value = append(a.index, int32(j)), append(a.value, float32(exact.At(i, j)))
			exact.Set(i, j, float64(float32(exact.At(i, j))))
		}
		a.start = append(a.start, len(a.index))
	}
	return a, &exact
}

func TestRightSingularAgainstExactSVD(t *testing.T) {
	for _, test := range []struct{ rows, cols, rank, want int }{
		{60, 40, 8, 8}, {60, 40, 8, 5}, {40, 60, 4, 20}, {5, 3, 3, 64}, {1, 1, 1, 1},
	} {
		a, exact := randomSparse(test.rows, test.cols, test.rank, 1)
		left, singular, err := rightSingular(a.transpose(), test.want, 7)
		if err != nil {
			t.Fatal(err)
		}
		if want := min(test.rank, test.want); len(singular) != want || left.cols != want {
			t.Fatalf("%+v: %d singular values, %d columns, want %d", test, len(singular), left.cols, want)
		}
		var svd mat.SVD
		svd.Factorize(exact, mat.SVDThin)
		values := svd.Values(nil)
		var u mat.Dense
		svd.UTo(&u)
		for j, s := range singular {
			if math.Abs(s-values[j]) > 1e-4*values[0] {
				t.Errorf("%+v: singular value %d is %v, want %v", test, j, s, values[j])
			}
			var dot float64
			for i := range test.rows {
				dot += left.row(i)[j] * u.At(i, j)
			}
			if math.Abs(dot) < 0.999 {
				t.Errorf("%+v: singular vector %d has the cosine %v with the exact one", test, j, dot)
			}
		}
	}
}

var shop = []string{
	"Red apple pie", "Green apple pie", "Apple pie tin", "Red rose bush", "White rose bush", "Rose bush fertiliser", "", "1984",
}

func TestOrthonormalise(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for name, nearly := range map[string]float64{"independent": 1, "nearly dependent": 1e-7, "dependent": 0} {
		for _, rows := range []int{5, blockRows + 77} {
			m := newDense(rows, 5)
			for i := range m.data {
				m.data[i] = rng.NormFloat64()
			}
			for i := range rows {
				m.row(i)[3] = m.row(i)[1] + nearly*m.row(i)[3]
			}
			first := m.row(2)[0] / m.row(0)[0]
			orthonormalise(m)
			for i, v := range inner(m, m).data {
				want := 0.0
				if i%6 == 0 {
					want = 1
				}
				if math.Abs(v-want) > 1e-9 {
					t.Fatalf("%s, %d rows: number %d of the columns' products is %v, want %v", name, rows, i, v, want)
				}
			}
			if got := m.row(2)[0] / m.row(0)[0]; math.Abs(got-first) > 1e-9*math.Abs(first) {
				t.Errorf("%s, %d rows: the first column has another direction", name, rows)
			}
		}
	}
}

func TestFitBringsLikeTextsTogether(t *testing.T) {
	m, x, err := Fit(shop, nil, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	cosine := func(i, j int) float32 { return kernel.Dot(x.Row(i), x.Row(j)) }
	if cosine(1, 2) < 0.9 || cosine(4, 5) < 0.9 || cosine(1, 4) > 0.1 {
		t.Errorf("pies %v, roses %v, pie and rose %v", cosine(1, 2), cosine(4, 5), cosine(1, 4))
	}
	if m.CoDims != 0 || x.Cols != m.Basis.Cols {
		t.Errorf("%d columns, %d of text, %d of co-engagement", x.Cols, m.Basis.Cols, m.CoDims)
	}
	for _, i := range []int{6, 7} {
		if kernel.Dot(x.Row(i), x.Row(i)) != 0 {
			t.Errorf("item %d without text has the row %v", i, x.Row(i))
		}
	}
	if !slices.IsSorted(m.Terms) || !slices.Contains(m.Terms, "apple pie") || slices.Contains(m.Terms, "fertiliser") {
		t.Errorf("terms %q", m.Terms)
	}
}

// What was fitted by text alone is placed where it was; with co-engagement, in
// the text half of its place.
func TestEmbedAgreesWithFit(t *testing.T) {
	m, x, err := Fit(shop, nil, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.Embed(shop)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(x, again) {
		t.Error("Embed differs from Fit")
	}
	m, _, err = Fit(shop, [][]int32{{0, 3}, {0, 3, 6}}, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	later, err := m.Embed([]string{"apple pies", "unheard"})
	if err != nil {
		t.Fatal(err)
	}
	if m.CoDims == 0 || later.Cols != m.Basis.Cols+m.CoDims {
		t.Errorf("%d columns, %d of text, %d of co-engagement", later.Cols, m.Basis.Cols, m.CoDims)
	}
	if got := kernel.Dot(later.Row(0), later.Row(0)); math.Abs(float64(got)-1) > 1e-5 {
		t.Errorf("squared length %v, want 1", got)
	}
	if kernel.Dot(later.Row(1), later.Row(1)) != 0 {
		t.Errorf("a text without a known term has the row %v", later.Row(1))
	}
	m.IDF = m.IDF[1:]
	if _, err := m.Embed(shop); err == nil {
		t.Error("a broken model: no error")
	}
}

func TestCoEngagementJoins(t *testing.T) {
	// Items 0-2 have the users of one kind, 3-5 those of another; 6 has neither
	// user nor text, 7 has only a text.
	texts := []string{"", "", "", "blue lamp", "blue lamp", "", "", "blue lamp"}
	var baskets [][]int32
	for range 5 {
		baskets = append(baskets, []int32{0, 1, 2, 1}, []int32{5, 4, 3})
	}
	baskets = append(baskets, nil)
	m, x, err := Fit(texts, baskets, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	if m.CoDims != 2 {
		t.Errorf("%d co-engagement columns, want the rank, 2", m.CoDims)
	}
	for i := range x.Rows {
		want := 1.0
		if i == 6 {
			want = 0
		}
		if got := float64(kernel.Dot(x.Row(i), x.Row(i))); math.Abs(got-want) > 1e-5 {
			t.Errorf("item %d has the squared length %v, want %v", i, got, want)
		}
	}
	for _, pair := range []struct {
		i, j      int
		low, high float32
	}{{0, 1, 0.999, 1.001}, {0, 3, -0.001, 0.001}, {3, 4, 0.999, 1.001}, {3, 5, 0.5, 0.7}, {3, 7, 0.7, 0.9}, {0, 7, -0.001, 0.001}} {
		if got := kernel.Dot(x.Row(pair.i), x.Row(pair.j)); got < pair.low || got > pair.high {
			t.Errorf("cosine of %d and %d is %v, want %v … %v", pair.i, pair.j, got, pair.low, pair.high)
		}
	}
}

func TestFitSameOnAnyNumberOfCores(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	texts := make([]string, blockRows+900)
	for i := range texts {
		for range 5 {
			texts[i] += fmt.Sprintf("w%d ", rng.IntN(200))
		}
	}
	baskets := make([][]int32, blockRows+1900)
	for u := range baskets {
		for range 10 {
			baskets[u] = append(baskets[u], int32(rng.IntN(len(texts))))
		}
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	oneModel, one, err := Fit(texts, baskets, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	runtime.GOMAXPROCS(4)
	fourModel, four, err := Fit(texts, baskets, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(one, four) || !reflect.DeepEqual(oneModel, fourModel) {
		t.Fatal("the embedding differs between 1 and 4 cores")
	}
}

func TestFitOfNothing(t *testing.T) {
	for _, texts := range [][]string{nil, {""}, {"", "12"}, {"one of a kind", "different words"}} {
		m, x, err := Fit(texts, nil, DefaultOptions())
		if err != nil {
			t.Errorf("%q: %v", texts, err)
			continue
		}
		if x.Rows != len(texts) || x.Check() != nil || m.CoDims != 0 {
			t.Errorf("%q: %+v", texts, x)
		}
	}
}

func TestRefuses(t *testing.T) {
	for name, opt := range map[string]Options{
		"negative dims": {Dims: -1}, "negative co-dims": {CoDims: -1}, "weight": {CoWeight: 1.1}, "NaN": {CoWeight: math.NaN()},
	} {
		if _, _, err := Fit(shop, nil, opt); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, item := range []int32{-1, int32(len(shop))} {
		if _, _, err := Fit(shop, [][]int32{{item}}, DefaultOptions()); err == nil {
			t.Errorf("a basket with item %d: no error", item)
		}
	}
	if _, err := Join(kernel.Matrix{Rows: 1, Cols: 1, Data: []float32{float32(math.NaN())}}, nil, DefaultOptions()); err == nil {
		t.Error("NaN: no error")
	}
	if _, err := Pad(kernel.New(1, 3), 2); err == nil {
		t.Error("too many columns: no error")
	}
}
