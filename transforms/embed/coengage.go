package embed

import (
	"fmt"
	"math"
	"slices"

	"foray/transforms/kernel"
)

// coengagement returns the sparse user × item matrix of who engaged with what,
// and how many users each item has. A value is 1 ÷ √(items of the user · users
// of the item), as in correspondence analysis and spectral co-clustering
// (Dhillon, KDD 2001): a user of a thousand items says less about each pair of
// them, and items meet by more than their popularity.
func coengagement(items int, baskets [][]int32) (sparse, []int, error) {
	users := make([]int, items)
	a := sparse{rows: len(baskets), cols: items, start: make([]int, 1, len(baskets)+1)}
	for u, basket := range baskets {
		distinct := slices.Clone(basket)
		slices.Sort(distinct)
		distinct = slices.Compact(distinct)
		if n := len(distinct); n > 0 && (distinct[0] < 0 || int(distinct[n-1]) >= items) {
			return sparse{}, nil, fmt.Errorf("basket %d names an item outside 0 … %d", u, items-1)
		}
		for _, item := range distinct {
			users[item]++
		}
		a.index = append(a.index, distinct...)
		a.start = append(a.start, len(a.index))
	}
	a.value = make([]float32, len(a.index))
	for u := range a.rows {
		from, to := a.start[u], a.start[u+1]
		for p := from; p < to; p++ {
			a.value[p] = float32(1 / math.Sqrt(float64(to-from)*float64(users[a.index[p]])))
		}
	}
	return a, users, nil
}

// meeting returns a row for each item, of the first rank right singular vectors
// of a times their singular values, so that the products of rows are about those
// of a's columns. It works on the shorter side of a.
func (a sparse) meeting(rank int, seed uint64) (kernel.Matrix, error) {
	if a.rows < a.cols {
		byItem := a.transpose()
		left, _, err := rightSingular(byItem, rank, seed)
		if err != nil {
			return kernel.Matrix{}, err
		}
		return byItem.times(left, 0), nil
	}
	right, singular, err := rightSingular(a, rank, seed)
	if err != nil {
		return kernel.Matrix{}, err
	}
	rows := kernel.New(right.rows, right.cols)
	for i, v := range right.data {
		rows.Data[i] = float32(v * singular[i%right.cols])
	}
	return rows, nil
}
