package fields

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Float reads a number, as 8, -0.5 or 1e-3, with or without blanks around it.
// Anything else is an error, such as NaN, infinities, decimal commas and
// numbers too large for a float64.
func Float(field []byte) (float64, error) {
	field = bytes.TrimSpace(field)
	number, problem := parseFloat(field, 64)
	if problem != "" {
		return 0, fmt.Errorf("the number %s %s", Quote(field), problem)
	}
	return number, nil
}

// parseFloat reads a number of 32 or 64 bits, or tells the problem with it, as
// the end of a sentence.
func parseFloat(field []byte, bits int) (number float64, problem string) {
	if len(field) == 0 {
		return 0, "is empty: give a number"
	}
	for _, c := range field {
		// What strconv reads beyond these are NaN, infinities and Go's own
		// hexadecimals.
		if !isDigit(c) && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, problemOf(field)
		}
	}
	number, err := strconv.ParseFloat(string(field), bits)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Sprintf("is too large for a float of %d bits", bits)
	case err != nil:
		return 0, problemOf(field)
	}
	return number, ""
}

func problemOf(field []byte) string {
	switch string(bytes.ToLower(bytes.TrimLeft(field, "+-"))) {
	case "nan", "inf", "infinity":
		return "is not finite: give a finite one, or remove the row"
	case "null", "none", "na", "n/a", `\n`:
		return "stands for a missing one: give a number, or remove the row"
	}
	if bytes.IndexByte(field, ',') >= 0 {
		if _, err := strconv.ParseFloat(string(bytes.ReplaceAll(field, []byte(","), nil)), 64); err == nil {
			return "has a comma: write decimals with a point, and no separators of thousands"
		}
	}
	return "is not one: give a number such as 8 or 0.5"
}
