package balance

import (
	"fmt"

	"foray/transforms/kernel"
)

// placed is how many rows Place works on at a time, which bounds its memory.
const placed = 8192

// Place gives each row of x, of the clustering's space and any length, the
// leaf with the largest cosine − price, and that cosine. Of equal leaves the
// first one wins. It returns an error if the sizes do not fit each other, or if
// a value is NaN or infinite.
func Place(x, centroids kernel.Matrix, prices []float64) ([]int32, []float32, error) {
	if x.Cols != centroids.Cols || len(prices) != centroids.Rows || centroids.Rows == 0 {
		return nil, nil, fmt.Errorf("place: items of %d columns do not fit %d centroids of %d columns with %d prices",
			x.Cols, centroids.Rows, centroids.Cols, len(prices))
	}
	// With one more column, a dot product is cosine·1 + 1·(−price).
	leaves := kernel.New(centroids.Rows, x.Cols+1)
	for c := range leaves.Rows {
		copy(leaves.Row(c), centroids.Row(c))
		leaves.Row(c)[x.Cols] = float32(-prices[c])
	}
	for _, m := range []kernel.Matrix{x, leaves} {
		if err := m.Check(); err != nil {
			return nil, nil, fmt.Errorf("place: %w", err)
		}
	}
	assign, similarity := make([]int32, x.Rows), make([]float32, x.Rows)
	rows := kernel.New(min(x.Rows, placed), x.Cols+1)
	for first := 0; first < x.Rows; first += placed {
		rows := rows.Slice(0, min(placed, x.Rows-first))
		kernel.Parallel(rows.Rows, 256, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				row := rows.Row(i)
				copy(row, x.Row(first+i))
				kernel.Normalize(row[:x.Cols])
				row[x.Cols] = 1
			}
		})
		best, err := kernel.TopK(rows, leaves, 1)
		if err != nil {
			return nil, nil, fmt.Errorf("place: %w", err)
		}
		for i, c := range best.Index {
			assign[first+i] = c
			similarity[first+i] = kernel.Dot(rows.Row(i)[:x.Cols], centroids.Row(int(c)))
		}
	}
	return assign, similarity, nil
}
