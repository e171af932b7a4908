package packed

import (
	"math"
	"reflect"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	tests := []struct {
		name    string
		columns [][]int64
		bytes   int // 0: not checked
	}{
		{"none", [][]int64{{}, {}}, 0},
		{"one", [][]int64{{42}}, 0},
		{"extremes", [][]int64{{math.MinInt64, math.MaxInt64, 0, -1}}, 0},
		{"constant costs nothing", [][]int64{make([]int64, 1000)}, 13},
		{"whole seconds in microseconds", [][]int64{{1_700_000_000_000_000, 1_700_000_255_000_000}}, 2 + 10 + 2},
		{"a step of ten", [][]int64{{10, 30, 20}}, 2 + 10 + 3},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			data := Encode(tc.columns...)
			if tc.bytes > 0 && len(data) != tc.bytes {
				t.Errorf("takes %d bytes, want %d", len(data), tc.bytes)
			}
			got := make([][]int64, len(tc.columns))
			into := make([]*[]int64, len(got))
			for i := range got {
				got[i] = []int64{}
				into[i] = &got[i]
			}
			if err := Decode(data, into...); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tc.columns) {
				t.Errorf("got %v, want %v", got, tc.columns)
			}
			if len(tc.columns[0]) > 0 && Decode(data[:len(data)-1], into...) == nil {
				t.Error("a block cut short was read")
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Encode([]int64{1, 2, 3}, []int64{7, 7, 7}))
	f.Add([]byte{3, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		var a, b []int64
		if Decode(data, &a, &b) != nil {
			return
		}
		var c, d []int64
		if err := Decode(Encode(a, b), &c, &d); err != nil || !reflect.DeepEqual(a, c) || !reflect.DeepEqual(b, d) {
			t.Errorf("%v %v came back as %v %v (%v)", a, b, c, d, err)
		}
	})
}
