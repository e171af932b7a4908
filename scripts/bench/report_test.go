package main

import (
	"slices"
	"testing"
)

func TestVerdict(t *testing.T) {
	wall := func(seconds ...float64) (s sample) {
		for _, x := range seconds {
			s = append(s, usage{wall: x})
		}
		return s
	}
	for _, c := range []struct {
		foray, duckdb sample
		want          string
	}{
		{wall(3, 1, 2), wall(7, 5, 6), "foray faster, 3.00 times, in 3 of 3 turns"},
		{wall(5, 6, 7), wall(1, 2, 3), "duckdb faster, 3.00 times, in 3 of 3 turns"},
		{wall(2, 2, 9, 2, 2), wall(3, 3, 8, 3, 3), "foray faster, 1.50 times, in 4 of 5 turns"},
		{wall(2, 9, 9, 2, 2), wall(3, 8, 8, 3, 3), "no clear difference"},
		{wall(1, 1, 1, 5, 6), wall(2, 2, 2, 4, 7), "foray faster, 2.00 times, in 4 of 5 turns"},
		{wall(4, 5, 1), wall(5, 1, 4), "no clear difference"},
		{wall(2, 2), wall(2, 2), "no clear difference"},
		{wall(1), wall(1.5), "foray faster, 1.50 times, in 1 of 1 turns"},
	} {
		if got := verdict(c.foray, c.duckdb, measures[0]); got != c.want {
			t.Errorf("%v and %v: %q, want %q", c.foray, c.duckdb, got, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 50_000_000: "50,000,000", 578360: "578,360"} {
		if got := number(n); got != want {
			t.Errorf("number(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestSizes(t *testing.T) {
	for events, want := range map[int][]int{
		500_000:    {500_000},
		10_000_000: {1_000_000, 10_000_000},
		20_000_000: {1_000_000, 10_000_000, 20_000_000},
		50_000_000: {1_000_000, 10_000_000, 50_000_000},
	} {
		if got := (&bench{events: events}).sizes(); !slices.Equal(got, want) {
			t.Errorf("up to %d events: %v, want %v", events, got, want)
		}
	}
}
