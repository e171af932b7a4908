package read

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"foray/transforms/partition"
)

// Until is --train_until: the moment before which events train.
type Until struct {
	// Micros is the moment, in microseconds since 1970, where Fixed; else it
	// is Fraction of the way from the first event to the last.
	Fixed    bool
	Micros   int64
	Fraction float64
}

// ParseUntil reads a fraction in (0, 1] or a time: RFC 3339, a date, or Unix
// seconds.
func ParseUntil(s string) (Until, error) {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		switch {
		case f > 0 && f <= 1:
			return Until{Fraction: f}, nil
		case f > 1e6 && f < 1e11:
			return Until{Fixed: true, Micros: int64(f * 1e6)}, nil
		}
		return Until{}, fmt.Errorf("--train_until=%s: a number is a share of the time span in (0, 1], or a time in Unix seconds", s)
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return Until{Fixed: true, Micros: t.UnixMicro()}, nil
		}
	}
	return Until{}, fmt.Errorf("--train_until=%s: want a share of the time span such as 0.8, or a time such as 2026-01-31T00:00:00Z", s)
}

// Cut is the moment in microseconds: events before it train.
func (u Until) Cut(span partition.Span) int64 {
	switch {
	case u.Fixed:
		return u.Micros
	case u.Fraction >= 1 || span.Last < span.First:
		return math.MaxInt64
	}
	return span.First + int64(u.Fraction*float64(span.Last-span.First))
}

// Time writes a moment as people read it.
func Time(micros int64) string {
	if micros == math.MaxInt64 {
		return "the end"
	}
	return time.UnixMicro(micros).UTC().Format(time.RFC3339)
}
