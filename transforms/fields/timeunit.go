package fields

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Unit is how a column of times is written.
type Unit int

// The units of time. Numbers count from 1970 in UTC and may have decimals.
const (
	Seconds Unit = iota + 1
	Milliseconds
	Microseconds
	// RFC3339 are times such as 2013-04-03T20:05:07Z. A space may stand in
	// place of T; the zone may be Z, +02:00, +0200, +02 or " UTC", which it
	// also is without one; a date alone is its midnight.
	RFC3339
)

// String is the unit in a sentence: "seconds since 1970".
func (u Unit) String() string {
	switch u {
	case Seconds:
		return "seconds since 1970"
	case Milliseconds:
		return "milliseconds since 1970"
	case Microseconds:
		return "microseconds since 1970"
	case RFC3339:
		return "RFC 3339"
	}
	return fmt.Sprintf("unit %d", int(u))
}

// unitOf is the unit that a number's magnitude belongs to: from 1973, each
// unit has three digits that no other has. It is 0 outside of all.
func unitOf(number float64) Unit {
	switch {
	case number < minSeconds:
		return 0
	case number < 1e3*minSeconds:
		return Seconds
	case number < 1e6*minSeconds:
		return Milliseconds
	case number < 1e9*minSeconds:
		return Microseconds
	}
	return 0
}

// mixedShare is the least share of times in a second unit that is an error:
// a few may be broken values, more are another way of writing.
const mixedShare = 0.1

// DetectTimeUnit tells the unit of a column's times from samples; empty ones
// do not count. It is an error if none of the samples is a time, or if a tenth
// of those that are have another unit than the rest.
func DetectTimeUnit(samples []string) (Unit, error) {
	type found struct {
		unit    Unit
		count   int
		example string
	}
	units := []found{{unit: Seconds}, {unit: Milliseconds}, {unit: Microseconds}, {unit: RFC3339}}
	times := 0
	var first string
	var firstErr error
	for _, sample := range samples {
		field := []byte(strings.TrimSpace(sample))
		if len(field) == 0 {
			continue
		}
		unit := RFC3339
		if number, err := Float(field); err == nil {
			unit = unitOf(number)
		}
		_, err := ParseTime(field, max(unit, Seconds))
		if err != nil {
			if firstErr == nil {
				first, firstErr = sample, err
			}
			continue
		}
		u := &units[unit-Seconds]
		if u.count++; u.count == 1 {
			u.example = sample
		}
		times++
	}
	if times == 0 {
		const want = "want Unix seconds, milliseconds or microseconds, or RFC 3339"
		if firstErr == nil {
			return 0, fmt.Errorf("there is no time in the first %d rows: %s", len(samples), want)
		}
		return 0, fmt.Errorf("no time in the first %d rows can be read, such as %s: %w", len(samples), Quote(first), firstErr)
	}
	slices.SortStableFunc(units, func(a, b found) int { return cmp.Compare(b.count, a.count) })
	if a, b := units[0], units[1]; float64(b.count) >= mixedShare*float64(times) {
		return 0, fmt.Errorf("the times are written in two ways, %s (%s) and %s (%s): write all of them in one",
			a.unit, Quote(a.example), b.unit, Quote(b.example))
	}
	return units[0].unit, nil
}
