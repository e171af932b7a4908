package fields

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Times before March 1973 and from 2100 are refused. Those near 1970 are
// nearly always missing values or plain counters, and with these bounds a
// number's magnitude tells its unit.
const (
	minSeconds = 100_000_000   // 1973-03-03T09:46:40Z
	maxSeconds = 4_102_444_800 // 2100-01-01T00:00:00Z
)

// maxAhead is how far a time may lie ahead of now.
const maxAhead = 365 * 24 * time.Hour

var errNoTime = errors.New("the time is empty: give every event a time")

// ParseTime returns a field's time in microseconds since 1970, in UTC; finer
// decimals are cut. It is an error if the field is no time of that unit, or
// lies before March 1973 or behind 2099 (CheckFuture has a closer bound).
// Blanks around the time do not count.
// It does not allocate unless there is an error.
func ParseTime(field []byte, unit Unit) (micros int64, err error) {
	field = bytes.TrimSpace(field)
	if len(field) == 0 {
		return 0, errNoTime
	}
	var scale int64
	switch unit {
	case Seconds:
		scale = 1e6
	case Milliseconds:
		scale = 1e3
	case Microseconds:
		scale = 1
	case RFC3339:
		return parseRFC3339(field)
	default:
		return 0, fmt.Errorf("the unit of time %d is unknown", int(unit))
	}
	number, ok := parseDecimal(field, scale)
	if !ok || number < minSeconds*1e6 || number >= maxSeconds*1e6 {
		return parseOddNumber(field, unit, scale)
	}
	return number, nil
}

// TimeOf is ParseTime of a whole number.
func TimeOf(number int64, unit Unit) (micros int64, err error) {
	scale := int64(1)
	switch unit {
	case Seconds:
		scale = 1e6
	case Milliseconds:
		scale = 1e3
	}
	if unit == RFC3339 || number < 0 || number > maxSeconds*1e6/scale || number*scale < minSeconds*1e6 || number*scale >= maxSeconds*1e6 {
		return ParseTime(strconv.AppendInt(nil, number, 10), unit) // says what is wrong
	}
	return number * scale, nil
}

// CheckTime is ParseTime's check of a time that is known in microseconds.
func CheckTime(micros int64) error {
	if micros >= minSeconds*1e6 && micros < maxSeconds*1e6 {
		return nil
	}
	return fmt.Errorf("the time %s lies before March 1973 or behind 2099: it may be missing; give the time of the event", showMicros(micros))
}

// Latest is the last time that CheckFuture lets pass, in microseconds.
func Latest(now time.Time) int64 { return now.Add(maxAhead).UnixMicro() }

// CheckFuture is an error if a time lies more than a year ahead of now.
func CheckFuture(micros int64, now time.Time) error {
	if micros <= Latest(now) {
		return nil
	}
	return fmt.Errorf("the time %s lies more than a year in the future: mend it, or remove the event", showMicros(micros))
}

// parseDecimal reads digits, with or without a point and decimals, as a
// multiple of 1/scale, where scale is a power of ten. It is not ok for
// anything else, or beyond what fits.
func parseDecimal(field []byte, scale int64) (int64, bool) {
	var whole int64
	i := 0
	for ; i < len(field) && isDigit(field[i]); i++ {
		if i == 16 {
			return 0, false
		}
		whole = 10*whole + int64(field[i]-'0')
	}
	if i == 0 || whole >= math.MaxInt64/scale {
		return 0, false
	}
	number := whole * scale
	if i == len(field) {
		return number, true
	}
	if field[i] != '.' {
		return 0, false
	}
	for i++; i < len(field); i++ {
		if !isDigit(field[i]) {
			return 0, false
		}
		scale /= 10
		number += int64(field[i]-'0') * scale
	}
	return number, true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// parseOddNumber reads what parseDecimal does not, such as 1.36e9, or tells
// what is wrong with it.
func parseOddNumber(field []byte, unit Unit, scale int64) (int64, error) {
	number, err := Float(field)
	if err != nil {
		if _, err := parseRFC3339(field); err == nil {
			return 0, fmt.Errorf("the time %s is a date, while the column's times are in %s: write all of them in one way", Quote(field), unit)
		}
		return 0, fmt.Errorf("the time %s is not a number, while the column's times are in %s: give every event such a time", Quote(field), unit)
	}
	if day, ok := compactDate(field); ok {
		return 0, fmt.Errorf("the time %s looks like a date without dashes: write it as %s", Quote(field), day)
	}
	micros := math.Round(number * float64(scale))
	switch other := unitOf(number); {
	case micros >= minSeconds*1e6 && micros < maxSeconds*1e6:
		return int64(micros), nil
	case other != 0 && other != unit:
		return 0, fmt.Errorf("the time %s looks like %s, while the column's times are in %s: write all of them in one unit", Quote(field), other, unit)
	case number >= 1e9*minSeconds && number < 1e12*minSeconds:
		return 0, fmt.Errorf("the time %s looks like nanoseconds since 1970: divide by 1000", Quote(field))
	case math.Abs(number) < minSeconds:
		return 0, fmt.Errorf("the time %s is near 1970 in %s: it may be missing or a counter; give the time of the event", Quote(field), unit)
	case micros < 0:
		return 0, fmt.Errorf("the time %s lies before 1970 in %s: mend it, or remove the event", Quote(field), unit)
	}
	return 0, fmt.Errorf("the time %s lies in the far future, behind 2099, in %s: mend it, or remove the event", Quote(field), unit)
}

// compactDate tells whether a number is a date such as 20130403.
func compactDate(field []byte) (dashed string, ok bool) {
	if len(field) != 8 {
		return "", false
	}
	t, err := time.Parse("20060102", string(field))
	if err != nil || t.Year() < 1900 || t.Year() >= 2100 {
		return "", false
	}
	return t.Format(time.DateOnly), true
}

func showMicros(micros int64) string {
	return time.UnixMicro(micros).UTC().Format(time.RFC3339)
}
