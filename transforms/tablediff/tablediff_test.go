package tablediff

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"foray/schemas"
)

func row(traffic float64, plan int32, key ...int32) schemas.Lookup {
	r := schemas.Lookup{Key: key, Status: schemas.StatusNoMatch, Traffic: traffic}
	if plan >= 0 {
		r.Status, r.NovelCluster = schemas.StatusOK, &plan
	}
	return r
}

func TestCompare(t *testing.T) {
	before := []schemas.Lookup{row(.1, 5, 0, 1), row(.1, 5, 0, 2), row(.1, -1, 0, 3), row(.1, 6, 1, 2), row(.1, -1, 1, 3), row(.5, 6, 9, 9)}
	after := []schemas.Lookup{row(.2, 5, 0, 1), row(.3, 6, 0, 2), row(.1, 5, 0, 3), row(.2, -1, 1, 2), row(.1, -1, 1, 3), row(.1, 7, 2, 3)}
	d := Compare(before, after, 3)
	for i, want := range []Change{{Same, 1, .2}, {Other, 1, .3}, {Gained, 1, .1}, {Lost, 1, .2}, {Neither, 1, .1}, {Added, 1, .1}, {Removed, 1, .5}} {
		if d.Changes[i] != want {
			t.Errorf("%+v, want %+v", d.Changes[i], want)
		}
	}
	if d.Agreement != .5 || math.Abs(d.AgreementByTraffic-.4) > 1e-12 {
		t.Errorf("agreement %v, of users %v", d.Agreement, d.AgreementByTraffic)
	}
	var kinds []string
	for _, s := range d.Samples {
		kinds = append(kinds, s.Kind)
	}
	if want := []string{Removed, Other, Lost}; !reflect.DeepEqual(kinds, want) {
		t.Errorf("samples %v, want %v", kinds, want)
	}
	var clusters []int32
	for _, c := range d.Clusters {
		clusters = append(clusters, c.Cluster)
	}
	if want := []int32{6, 7}; !reflect.DeepEqual(clusters, want) { // 5 has two keys before and after
		t.Errorf("clusters %v, want %v", clusters, want)
	}
}

func TestCompareIsAntisymmetric(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	table := func() (rows []schemas.Lookup) {
		for key := range int32(60) {
			if rng.IntN(4) > 0 {
				rows = append(rows, row(1./64, rng.Int32N(6)-1, key/8, key%8))
			}
		}
		return rows
	}
	opposite := map[string]string{Same: Same, Other: Other, Neither: Neither, Gained: Lost, Lost: Gained, Added: Removed, Removed: Added}
	for range 50 {
		a, b := table(), table()
		ab, ba := Compare(a, b, 100), Compare(b, a, 100)
		counts := map[string]int64{}
		for _, c := range ba.Changes {
			counts[opposite[c.Kind]] = c.Keys
		}
		for _, c := range ab.Changes {
			if counts[c.Kind] != c.Keys {
				t.Fatalf("%s: %d keys one way, %d the other", c.Kind, c.Keys, counts[c.Kind])
			}
		}
		if len(ab.Samples) != len(ba.Samples) || len(Compare(a, a, 9).Samples) != 0 {
			t.Fatal("samples of what did not change")
		}
	}
}
