package keyspace

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// all lists the space by nested loops.
func all(leaves []int32, k int, order Order) [][]int32 {
	if k == 0 {
		return [][]int32{nil}
	}
	var keys [][]int32
	for _, rest := range all(leaves, k-1, order) {
		for _, c := range leaves {
			if slices.Contains(rest, c) || order == Set && len(rest) > 0 && c < rest[len(rest)-1] {
				continue
			}
			keys = append(keys, append(slices.Clone(rest), c))
		}
	}
	return keys
}

func TestKeysAgainstLoops(t *testing.T) {
	for _, order := range []Order{Sequence, Set} {
		for n := 2; n <= 7; n++ {
			leaves := make([]int32, n)
			for i := range leaves {
				leaves[i] = int32(i * i) // gaps
			}
			for k := 1; k < min(n, 5); k++ {
				s, err := New(leaves, k, order)
				if err != nil {
					t.Fatal(err)
				}
				want := all(leaves, k, order)
				if s.Size() != int64(len(want)) {
					t.Fatalf("%s n=%d K=%d: size %d, want %d", order, n, k, s.Size(), len(want))
				}
				for shards := 1; shards < 6; shards++ {
					var got [][]int32
					for shard := range shards {
						for key := range s.Keys(s.Range(shard, shards)) {
							got = append(got, slices.Clone(key))
						}
					}
					if !reflect.DeepEqual(got, want) {
						t.Fatalf("%s n=%d K=%d in %d shards: got %v, want %v", order, n, k, shards, got, want)
					}
				}
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	leaves := func(n int) []int32 {
		l := make([]int32, n)
		for i := range l {
			l[i] = int32(i)
		}
		return l
	}
	tests := []struct {
		name   string
		leaves []int32
		k      int
		order  Order
		want   string
	}{
		{"no room for a novel cluster", leaves(2), 2, Sequence, "at least 3 clusters"},
		{"an empty key", leaves(5), 0, Sequence, "--history=0"},
		{"an unknown order", leaves(5), 2, "bag", "--key_order=bag"},
		{"a leaf twice", []int32{1, 2, 1}, 1, Sequence, "stand twice"},
		{"too many to number", leaves(1000), 8, Sequence, "--keys=observed"},
	}
	for _, tc := range tests {
		if _, err := New(tc.leaves, tc.k, tc.order); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want an error with %q", tc.name, err, tc.want)
		}
	}
	if s, err := New(leaves(761), 2, Sequence); err != nil || s.Size() != 578360 {
		t.Errorf("761 clusters, K = 2: got %d keys (%v), want 578360", s.Size(), err)
	}
}
