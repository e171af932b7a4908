package embed

import (
	"fmt"
	"math"

	"foray/transforms/kernel"
)

// halfConfidence is the number of users from which an item's co-engagement
// gets half of its full weight.
const halfConfidence = 2

// Join appends to each row of content, one an item and of any length, what the
// baskets say about the item, and returns rows of unit length, of content.Cols
// plus at most opt.CoDims columns.
//
// baskets are, for each user, the items (row numbers) that he engaged with;
// order and repetition do not matter. With n users, co-engagement has the
// weight CoWeight · n/(n+2) of 1 in the cosine of an item with itself, and
// content the rest. Items that have only one of both get that alone, items
// that have neither a zero row.
func Join(content kernel.Matrix, baskets [][]int32, opt Options) (kernel.Matrix, error) {
	if err := opt.check(); err != nil {
		return kernel.Matrix{}, err
	}
	if err := content.Check(); err != nil {
		return kernel.Matrix{}, fmt.Errorf("embed: %w", err)
	}
	byUser, users, err := coengagement(content.Rows, baskets)
	if err != nil {
		return kernel.Matrix{}, fmt.Errorf("embed: co-engagement: %w", err)
	}
	if opt.CoWeight == 0 {
		opt.CoDims = 0
	}
	met, err := byUser.meeting(opt.CoDims, opt.Seed)
	if err != nil {
		return kernel.Matrix{}, fmt.Errorf("embed: co-engagement: %w", err)
	}
	joined := kernel.New(content.Rows, content.Cols+met.Cols)
	for i := range joined.Rows {
		row := joined.Row(i)
		copy(row, content.Row(i))
		copy(row[content.Cols:], met.Row(i))
		kernel.Normalize(row[:content.Cols])
		kernel.Normalize(row[content.Cols:])
		n := float64(users[i])
		weight := opt.CoWeight * n / (n + halfConfidence)
		scale(row[:content.Cols], math.Sqrt(1-weight))
		scale(row[content.Cols:], math.Sqrt(weight))
		kernel.Normalize(row)
	}
	return joined, nil
}

// Pad places items by content alone in a joined space of cols columns: rows of
// unit length, with zeros for co-engagement. content must not have more than
// cols columns.
func Pad(content kernel.Matrix, cols int) (kernel.Matrix, error) {
	if content.Cols > cols {
		return kernel.Matrix{}, fmt.Errorf("embed: vectors of %d columns do not fit a space of %d", content.Cols, cols)
	}
	if err := content.Check(); err != nil {
		return kernel.Matrix{}, fmt.Errorf("embed: %w", err)
	}
	padded := kernel.New(content.Rows, cols)
	for i := range padded.Rows {
		copy(padded.Row(i), content.Row(i))
		kernel.Normalize(padded.Row(i))
	}
	return padded, nil
}

func scale(v []float32, by float64) {
	for i, x := range v {
		v[i] = float32(float64(x) * by)
	}
}
