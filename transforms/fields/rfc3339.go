package fields

import (
	"fmt"
	"time"
)

// parseRFC3339 reads times of the form YYYY-MM-DD[(T| )hh:mm:ss[.d…][zone]],
// where zone is Z, UTC behind a space (as BigQuery exports it), or an offset
// ±hh:mm, ±hhmm or ±hh. time.Parse knows but one of these forms at a time.
func parseRFC3339(field []byte) (micros int64, err error) {
	micros, ok := parseDateTime(field)
	if !ok {
		if _, err := Float(field); err == nil {
			return 0, fmt.Errorf("the time %s is a number, while the column's times are written as RFC 3339: write all of them in one way", Quote(field))
		}
		return 0, fmt.Errorf("the time %s is not one of RFC 3339: write it as 2013-04-03T20:05:07Z", Quote(field))
	}
	if micros < minSeconds*1e6 {
		return 0, fmt.Errorf("the time %s lies near or before 1970: it may be missing; give the time of the event", Quote(field))
	}
	if micros >= maxSeconds*1e6 {
		return 0, fmt.Errorf("the time %s lies in the far future, behind 2099: mend it, or remove the event", Quote(field))
	}
	return micros, nil
}

func parseDateTime(field []byte) (micros int64, ok bool) {
	p := digits{rest: field, ok: true}
	year := p.number(4)
	p.literal('-')
	month := p.number(2)
	p.literal('-')
	day := p.number(2)
	if !p.ok || month < 1 || month > 12 || day < 1 || day > daysIn(month, year) {
		return 0, false
	}
	midnight := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Unix()
	if len(p.rest) == 0 {
		return midnight * 1e6, true
	}
	if c := p.rest[0]; c != 'T' && c != 't' && c != ' ' {
		return 0, false
	}
	p.rest = p.rest[1:]
	hour := p.number(2)
	p.literal(':')
	minute := p.number(2)
	p.literal(':')
	second := p.number(2)
	// 60 is a leap second, which Unix time counts as the one after it.
	if hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}
	fraction := p.fraction()
	offset := p.zone()
	if !p.ok || len(p.rest) > 0 {
		return 0, false
	}
	seconds := midnight + int64(hour*3600+minute*60+second) - int64(offset)
	return seconds*1e6 + fraction, true
}

func daysIn(month, year int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// digits reads a time from the left; ok turns false at what does not fit.
type digits struct {
	rest []byte
	ok   bool
}

// number reads exactly n digits.
func (p *digits) number(n int) int {
	if len(p.rest) < n {
		p.ok = false
		return 0
	}
	number := 0
	for _, c := range p.rest[:n] {
		p.ok = p.ok && isDigit(c)
		number = 10*number + int(c-'0')
	}
	p.rest = p.rest[n:]
	return number
}

func (p *digits) literal(c byte) {
	if len(p.rest) == 0 || p.rest[0] != c {
		p.ok = false
		return
	}
	p.rest = p.rest[1:]
}

// fraction reads the decimals of a second, if there are any, in microseconds.
func (p *digits) fraction() int64 {
	if len(p.rest) == 0 || p.rest[0] != '.' {
		return 0
	}
	i, micros := 1, int64(0)
	for scale := int64(1e5); i < len(p.rest) && isDigit(p.rest[i]); i++ {
		micros += int64(p.rest[i]-'0') * scale
		scale /= 10
	}
	p.ok = p.ok && i > 1
	p.rest = p.rest[i:]
	return micros
}

// zone reads what is left as a zone, in seconds east of UTC.
func (p *digits) zone() int {
	switch rest := string(p.rest); {
	case rest == "", rest == "Z", rest == "z", rest == " UTC":
		p.rest = nil
		return 0
	case rest[0] != '+' && rest[0] != '-':
		return 0
	}
	sign := 1
	if p.rest[0] == '-' {
		sign = -1
	}
	p.rest = p.rest[1:]
	hours := p.number(2)
	minutes := 0
	if len(p.rest) > 0 {
		if p.rest[0] == ':' {
			p.rest = p.rest[1:]
		}
		minutes = p.number(2)
	}
	p.ok = p.ok && hours < 24 && minutes < 60
	return sign * (hours*3600 + minutes*60)
}
