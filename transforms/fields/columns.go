package fields

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// shownColumns is how many columns an error lists.
const shownColumns = 20

// ErrNoColumn is wrapped by the error of a column that is not there at all.
var ErrNoColumn = errors.New("there is no column")

// Header names the columns of a file by its first row; where that row is no
// header, by their numbers, counted from 1. Blanks around names do not count.
func Header(first [][]byte, noHeader bool) []string {
	header := make([]string, len(first))
	for i, field := range first {
		header[i] = strings.TrimSpace(string(field))
		if noHeader {
			header[i] = strconv.Itoa(i + 1)
		}
	}
	return header
}

// Find returns the place of a column in a header, counted from 0: the one of
// exactly that name, else the one that differs in case alone. It is an error
// if there is none, which then lists those there are, or more than one, whose
// places it then tells.
func Find(header []string, name string) (int, error) {
	name = strings.TrimSpace(name)
	for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		at := -1
		for i, column := range header {
			if !same(column, name) {
				continue
			}
			if at >= 0 {
				return -1, fmt.Errorf("there is more than one column %s, at %d and %d: give them names of their own", Quote(name), at+1, i+1)
			}
			at = i
		}
		if at >= 0 {
			return at, nil
		}
	}
	return -1, missing(header, name)
}

func missing(header []string, name string) error {
	if isNumbered(header) {
		return fmt.Errorf("%w %s: without a header, columns are named by their numbers, 1 to %d", ErrNoColumn, Quote(name), len(header))
	}
	if len(header) == 0 {
		return fmt.Errorf("%w %s: the header is empty", ErrNoColumn, Quote(name))
	}
	var b strings.Builder
	for i, column := range header[:min(len(header), shownColumns)] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(Quote(column))
	}
	if more := len(header) - shownColumns; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	advice := "name one of them"
	if c, ok := closest(header, name); ok {
		advice = "did you mean " + Quote(c) + "?"
	}
	return fmt.Errorf("%w %s among %s: %s", ErrNoColumn, Quote(name), &b, advice)
}

func isNumbered(header []string) bool {
	for i, column := range header {
		if column != strconv.Itoa(i+1) {
			return false
		}
	}
	return len(header) > 0
}

// closest is the column whose name is the fewest edits away, if these are few
// for the name's length; of several the first.
func closest(header []string, name string) (column string, ok bool) {
	few := 1 + utf8.RuneCountInString(name)/3
	least := few + 1
	for _, c := range header {
		if d := distance(strings.ToLower(c), strings.ToLower(name), few); c != "" && d < least {
			column, least = c, d
		}
	}
	return column, least <= few
}

// distance is the number of edits between two words: characters put in, taken
// out, changed, or swapped with their neighbour (the optimal string alignment
// distance). Words whose lengths differ by more than most are that far apart
// at least, and are not compared.
func distance(a, b string, most int) int {
	x, y := []rune(a), []rune(b)
	if d := len(x) - len(y); d > most || -d > most {
		return max(d, -d)
	}
	// before, last and next are rows of the table of distances of prefixes.
	before, last, next := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		next[0] = i
		for j := 1; j <= len(y); j++ {
			changed := last[j-1]
			if x[i-1] != y[j-1] {
				changed++
			}
			next[j] = min(changed, last[j]+1, next[j-1]+1)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, last, next = last, next, before
	}
	return last[len(y)]
}
