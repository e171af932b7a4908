package fields

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	for _, tc := range []struct {
		in   string
		unit Unit
		want int64  // 0 for an error
		says string // of the error
	}{
		{in: "1365029107", unit: Seconds, want: 1365029107_000000},
		{in: " 1365029107\t", unit: Seconds, want: 1365029107_000000},
		{in: "1365029107.5", unit: Seconds, want: 1365029107_500000},
		{in: "1365029107.0", unit: Seconds, want: 1365029107_000000},
		{in: "1365029107.", unit: Seconds, want: 1365029107_000000},
		{in: "1365029107.1234569", unit: Seconds, want: 1365029107_123456},
		{in: "0001365029107", unit: Seconds, want: 1365029107_000000},
		{in: "1.365029107e9", unit: Seconds, want: 1365029107_000000},
		{in: "1.365029107e15", unit: Microseconds, want: 1365029107_000000},
		{in: "100000000", unit: Seconds, want: 100000000_000000},
		{in: "4102444799.999999", unit: Seconds, want: 4102444799_999999},
		{in: "1365029107123", unit: Milliseconds, want: 1365029107_123000},
		{in: "1365029107123.4567", unit: Milliseconds, want: 1365029107_123456},
		{in: "1365029107123456", unit: Microseconds, want: 1365029107_123456},
		{in: "1365029107123456.9", unit: Microseconds, want: 1365029107_123456},
		{in: "2013-04-03T22:45:07Z", unit: RFC3339, want: 1365029107_000000},
		{in: "2013-04-03t22:45:07z", unit: RFC3339, want: 1365029107_000000},
		{in: "2013-04-03 22:45:07", unit: RFC3339, want: 1365029107_000000},
		{in: "2013-04-03 22:45:07 UTC", unit: RFC3339, want: 1365029107_000000},
		{in: "2013-04-04T00:45:07.1234567+02:00", unit: RFC3339, want: 1365029107_123456},
		{in: "2013-04-03 17:15:07.5-0530", unit: RFC3339, want: 1365029107_500000},
		{in: "2013-04-03 23:45:07+01", unit: RFC3339, want: 1365029107_000000},
		{in: "2013-04-03", unit: RFC3339, want: 1364947200_000000},
		{in: "2012-02-29", unit: RFC3339, want: 1330473600_000000},
		{in: "2016-12-31T23:59:60Z", unit: RFC3339, want: 1483228800_000000},

		{in: "", unit: Seconds, says: "the time is empty: give every event a time"},
		{in: "  ", unit: RFC3339, says: "the time is empty"},
		{in: "NaN", unit: Seconds, says: `the time "NaN" is not a number, while the column's times are in seconds since 1970`},
		{in: "inf", unit: Microseconds, says: "is not a number"},
		{in: "1,365,029,107", unit: Seconds, says: "is not a number"},
		{in: "13650x9107", unit: Seconds, says: "is not a number"},
		{in: "1365029107.5.5", unit: Seconds, says: "is not a number"},
		{in: "2013-04-03", unit: Seconds, says: `the time "2013-04-03" is a date, while the column's times are in seconds since 1970`},
		{in: "20130403", unit: Seconds, says: `the time "20130403" looks like a date without dashes: write it as 2013-04-03`},
		{in: "0", unit: Seconds, says: `the time "0" is near 1970 in seconds since 1970: it may be missing or a counter`},
		{in: "-1", unit: Milliseconds, says: "is near 1970"},
		{in: "99999999", unit: Seconds, says: "is near 1970"},
		{in: "-1365029107", unit: Seconds, says: "lies before 1970"},
		{in: "1365029107123", unit: Seconds, says: `looks like milliseconds since 1970, while the column's times are in seconds since 1970`},
		{in: "1365029107", unit: Milliseconds, says: "looks like seconds since 1970, while the column's times are in milliseconds"},
		{in: "1365029107123456", unit: Milliseconds, says: "looks like microseconds"},
		{in: "1365029107123456789", unit: Microseconds, says: `the time "1365029107123456789" looks like nanoseconds since 1970: divide by 1000`},
		{in: "4102444800", unit: Seconds, says: "lies in the far future, behind 2099"},
		{in: "99999999999", unit: Seconds, says: "lies in the far future"},
		{in: "9" + strings.Repeat("0", 300), unit: Seconds, says: "lies in the far future"},
		{in: "9" + strings.Repeat("0", 400), unit: Seconds, says: "is not a number"},
		{in: "1365029107", unit: RFC3339, says: `the time "1365029107" is a number, while the column's times are written as RFC 3339`},
		{in: "1970-01-01", unit: RFC3339, says: "lies near or before 1970"},
		{in: "0001-01-01T00:00:00Z", unit: RFC3339, says: "lies near or before 1970"},
		{in: "2100-01-01", unit: RFC3339, says: "lies in the far future"},
		{in: "2013-02-29", unit: RFC3339, says: `the time "2013-02-29" is not one of RFC 3339: write it as 2013-04-03T20:05:07Z`},
		{in: "2013-13-01", unit: RFC3339, says: "is not one of RFC 3339"},
		{in: "2013-04-31", unit: RFC3339, says: "is not one of RFC 3339"},
		{in: "2013-04-00", unit: RFC3339, says: "is not one of RFC 3339"},
		{in: "2013-4-3", unit: RFC3339, says: "is not one of RFC 3339"},
		{in: "2013-04-03T24:00:00Z", unit: RFC3339, says: "is not one of RFC 3339"},
		{in: "2013-04-03T22:45:07.Z", unit: RFC3339, says: "is not one of RFC 3339"},
		{in: "2013-04-03T22:45:07+24:00", unit: RFC3339, says: "is not one of RFC 3339"},
		{in: "2013-04-03T22:45:07+1", unit: RFC3339, says: "is not one of RFC 3339"},
		{in: "2013-04-03T22:45:07Zx", unit: RFC3339, says: "is not one of RFC 3339"},
		{in: "2013-04-03_22:45:07", unit: RFC3339, says: "is not one of RFC 3339"},
		{in: "4/3/2013 22:45", unit: RFC3339, says: "is not one of RFC 3339"},
		{in: "1365029107", unit: 0, says: "the unit of time 0 is unknown"},
	} {
		got, err := ParseTime([]byte(tc.in), tc.unit)
		switch {
		case tc.says == "" && (err != nil || got != tc.want):
			t.Errorf("%q in %s: got %d and %v, want %d", tc.in, tc.unit, got, err, tc.want)
		case tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)):
			t.Errorf("%q in %s: got %d and %v, want an error that says %q", tc.in, tc.unit, got, err, tc.says)
		}
	}
}

func TestParseTimeDoesNotAllocate(t *testing.T) {
	for in, unit := range map[string]Unit{
		"1365029107": Seconds, "1365029107.123": Seconds, "1365029107123456": Microseconds, "2013-04-03 20:05:07.5+02:00": RFC3339,
	} {
		field := []byte(in)
		if n := testing.AllocsPerRun(100, func() {
			if _, err := ParseTime(field, unit); err != nil {
				t.Error(err)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", in, n)
		}
	}
}

func TestCheckFuture(t *testing.T) {
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	if err := CheckFuture(now.AddDate(1, 0, 0).UnixMicro(), now); err != nil {
		t.Error(err)
	}
	err := CheckFuture(now.AddDate(1, 0, 1).UnixMicro(), now)
	if want := "the time 2027-11-24T00:00:00Z lies more than a year in the future"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestDetectTimeUnit(t *testing.T) {
	many := func(sample string, n int, more ...string) []string {
		for range n {
			more = append(more, sample)
		}
		return more
	}
	for _, tc := range []struct {
		name    string
		samples []string
		want    Unit
		says    string
	}{
		{name: "seconds", samples: []string{"1365029107", "1365029108.5"}, want: Seconds},
		{name: "milliseconds", samples: []string{"1365029107123"}, want: Milliseconds},
		{name: "microseconds", samples: []string{"", "1365029107123456"}, want: Microseconds},
		{name: "dates", samples: []string{" 2013-04-03 ", "2013-04-03T20:05:07Z"}, want: RFC3339},
		{name: "most are broken", samples: many("n/a", 20, "1365029107"), want: Seconds},
		{name: "one of another unit", samples: many("1365029107", 20, "1365029107123"), want: Seconds},
		{name: "two units", samples: []string{"1365029107", "1365029107123"}, says: `written in two ways, seconds since 1970 ("1365029107") and milliseconds since 1970 ("1365029107123")`},
		{name: "a tenth in another unit", samples: many("2013-04-03", 9, "1365029107123"), says: `written in two ways, RFC 3339 ("2013-04-03") and milliseconds`},
		{name: "none", samples: []string{"", " "}, says: "there is no time in the first 2 rows: want Unix seconds"},
		{name: "no rows", says: "there is no time in the first 0 rows"},
		{name: "words", samples: []string{"yesterday"}, says: `no time in the first 1 rows can be read, such as "yesterday": `},
		{name: "counter", samples: []string{"1", "2"}, says: `"1" is near 1970`},
		{name: "nanoseconds", samples: []string{"1365029107123456789"}, says: "looks like nanoseconds"},
		{name: "compact dates", samples: []string{"20130403"}, says: "write it as 2013-04-03"},
	} {
		got, err := DetectTimeUnit(tc.samples)
		switch {
		case tc.says == "" && (err != nil || got != tc.want):
			t.Errorf("%s: got %v and %v, want %v", tc.name, got, err, tc.want)
		case tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)):
			t.Errorf("%s: got %v and %v, want an error that says %q", tc.name, got, err, tc.says)
		}
	}
}

// FuzzParseRFC3339 compares with package time where that reads a form, too.
func FuzzParseRFC3339(f *testing.F) {
	for _, seed := range []string{"2013-04-03T20:05:07Z", "2013-04-03 20:05:07.123456789", "2013-04-03", "2012-02-29T23:59:59.999+14:00", "2100-01-01", "1973-03-03T09:46:40Z", "2013-04-03 20:05:07 UTC", "2013-04-03T20:05:60-07"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := ParseTime([]byte(in), RFC3339)
		if err == nil && (got < minSeconds*1e6 || got >= maxSeconds*1e6) {
			t.Fatalf("%q gives %d, out of bounds", in, got)
		}
		for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", time.DateTime, time.DateOnly, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05 UTC"} {
			want, wantErr := time.Parse(layout, in)
			// time.Parse takes a comma before decimals, an hour of one digit and
			// runs of blanks.
			if wantErr != nil || strings.Contains(in, ",") || strings.Contains(in, "  ") || want.Unix() < minSeconds || want.Unix() >= maxSeconds || (len(in) > 12 && in[12] == ':') {
				continue
			}
			if _, offset := want.Zone(); offset <= -24*3600 || offset >= 24*3600 {
				continue
			}
			if err != nil || got != want.UnixMicro() {
				t.Fatalf("%q: got %d and %v, package time has %d", in, got, err, want.UnixMicro())
			}
			return
		}
	})
}

// FuzzParseTime holds that a number read with decimals cut is near the float.
func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"1365029107", "1365029107.123456", "1365029107123", "1365029107123456", "1e9", "-1", "NaN", ".5e10", "00000000000000000001365029107", "9999999999999999"} {
		f.Add(seed)
	}
	scales := map[Unit]float64{Seconds: 1e6, Milliseconds: 1e3, Microseconds: 1}
	f.Fuzz(func(t *testing.T, in string) {
		fits := 0
		for unit, scale := range scales {
			got, err := ParseTime([]byte(in), unit)
			if err != nil {
				continue
			}
			fits++
			number, err := Float([]byte(in))
			if err != nil || number*scale-float64(got) > 1.5 || number*scale-float64(got) < -1.5 {
				t.Errorf("%q in %s: got %d, as a float %v and %v", in, unit, got, number, err)
			}
			if detected, err := DetectTimeUnit([]string{in}); err != nil || detected != unit {
				t.Errorf("%q is a time in %s, and detected as %s (%v)", in, unit, detected, err)
			}
		}
		if fits > 1 {
			t.Errorf("%q fits %d units", in, fits)
		}
	})
}

func BenchmarkParseTime(b *testing.B) {
	for _, bm := range []struct {
		name, in string
		unit     Unit
	}{{"seconds", "1365029107", Seconds}, {"decimals", "1365029107.123", Seconds}, {"RFC3339", "2013-04-03T20:05:07Z", RFC3339}} {
		b.Run(bm.name, func(b *testing.B) {
			field := []byte(bm.in)
			for b.Loop() {
				if _, err := ParseTime(field, bm.unit); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestTimeOfIsParseTime(t *testing.T) {
	for _, unit := range []Unit{Seconds, Milliseconds, Microseconds, RFC3339} {
		for _, n := range []int64{0, -1, 17, minSeconds - 1, minSeconds, 1_700_000_000, maxSeconds - 1, maxSeconds, 1_700_000_000_000, 1_700_000_000_000_000, 20130403, math.MaxInt64, math.MinInt64} {
			want, wantErr := ParseTime(fmt.Append(nil, n), unit)
			got, err := TimeOf(n, unit)
			if got != want || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("%d in %s: %d, %v, want %d, %v", n, unit, got, err, want, wantErr)
			}
		}
	}
}
