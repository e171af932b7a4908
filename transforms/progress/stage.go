package progress

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"time"
)

// memory is how far back the rate looks: long enough to be calm, short enough
// to notice that an endpoint has slowed down.
const memory = 30 * time.Second

// stage is one stage as it is shown.
type stage struct {
	name, unit string
	counter    *counter

	mu      sync.Mutex
	began   time.Time
	ended   time.Time // zero while running
	done    bool      // ended by Done
	samples []sample  // at most one a second, none older than memory
}

type sample struct {
	at    time.Time
	count int64
}

func newStage(name, unit string, now time.Time) *stage {
	c := counterOf(name)
	return &stage{name: name, unit: unit, counter: c, began: now, samples: []sample{{now, c.count.Load()}}}
}

// state is running, or done, or (neither) stopped before it was done.
func (s *stage) state() (running, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended.IsZero(), s.done
}

// end says whether the stage was running until now.
func (s *stage) end(now time.Time, done bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended.IsZero() {
		return false
	}
	s.ended, s.done = now, done
	return true
}

// text is the stage's line without its name:
//
//	120,000 of 578,360 keys  21 %  48,000/s  9 s left
//	120,000 keys  48,000/s  12 s        (the total is not known)
//	578,360 keys in 12 s  48,197/s      (done)
//	120,000 of 578,360 keys  stopped after 12 s
func (s *stage) text(now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	count, total := s.counter.count.Load(), s.counter.total.Load()
	known := total > 0 && count <= total
	amount := thousands(count) + " " + s.unit
	if known {
		amount = thousands(count) + " of " + thousands(total) + " " + s.unit
	}
	switch {
	case s.done:
		spent := s.ended.Sub(s.began)
		line := fmt.Sprintf("%s %s in %s", thousands(count), s.unit, elapsed(spent))
		if rate := float64(count) / spent.Seconds(); spent > 0 && rate >= 1 {
			line += "  " + perSecond(rate)
		}
		return line
	case !s.ended.IsZero():
		return amount + "  stopped after " + elapsed(s.ended.Sub(s.began))
	}
	columns := []string{amount}
	if known {
		columns = append(columns, fmt.Sprintf("%2d %%", int64(100*float64(count)/float64(total))))
	}
	rate := s.rate(now, count)
	if rate > 0 {
		columns = append(columns, perSecond(rate))
	}
	switch {
	case known && rate > 0:
		left := time.Duration(math.Ceil(float64(total-count)/rate)) * time.Second
		columns = append(columns, duration(left)+" left")
	default:
		columns = append(columns, elapsed(now.Sub(s.began)))
	}
	if told := s.counter.told.Load(); told != nil {
		columns = append(columns, (*told)())
	}
	return strings.Join(columns, "  ")
}

// rate is the units a second of the last while, 0 before a second has passed.
func (s *stage) rate(now time.Time, count int64) float64 {
	if now.Sub(s.samples[len(s.samples)-1].at) >= time.Second {
		s.samples = append(s.samples, sample{now, count})
	}
	for len(s.samples) > 2 && now.Sub(s.samples[0].at) > memory {
		s.samples = s.samples[1:]
	}
	since := now.Sub(s.samples[0].at)
	if since < time.Second {
		return 0
	}
	return float64(count-s.samples[0].count) / since.Seconds()
}

// bounds are the counts to draw a bar of; total is 0 if it is not known.
func (s *stage) bounds() (count, total int64) {
	count, total = s.counter.count.Load(), s.counter.total.Load()
	if count > total {
		return count, 0
	}
	return count, total
}
