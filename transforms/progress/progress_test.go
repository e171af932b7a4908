package progress

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// buffer is a writer that goroutines may share.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// take returns what was written since the last take.
func (b *buffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.text.Reset()
	return b.text.String()
}

func TestPlainLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w buffer
		d := Start(&w, false)
		expect := func(when, want string) {
			t.Helper()
			synctest.Wait()
			if got := w.take(); got != want {
				t.Errorf("%s:\ngot  %q\nwant %q", when, got, want)
			}
		}
		d.Stage("plan", "keys")
		d.Stage("plan", "other") // shown already
		Expect("plan", 500000)
		Expect("plan", 78360)
		expect("before the first line is due", "")

		Add("plan", 120000)
		time.Sleep(10 * time.Second)
		expect("at 10 s", "plan       120,000 of 578,360 keys  20 %  12,000/s  39 s left\n")

		d.Stage("read", "rows")
		time.Sleep(9 * time.Second)
		expect("between two lines", "")
		Add("read", 7)
		time.Sleep(time.Second)
		expect("at 20 s", "plan       120,000 of 578,360 keys  20 %  6,000/s  1 min 17 s left\nread       7 rows  0.70/s  10 s\n")

		for range 5 {
			time.Sleep(10 * time.Second)
		}
		synctest.Wait()
		w.take()
		time.Sleep(10 * time.Second)
		expect("when nothing moves, no time left is guessed", "plan       120,000 of 578,360 keys  20 %  1 min 20 s\nread       7 rows  1 min 10 s\n")

		Add("plan", 458360)
		d.Done("plan")
		expect("when a stage is done", "plan       578,360 keys in 1 min 20 s  7,230/s\n")
		d.Done("plan")
		d.Done("unheard of")
		time.Sleep(10 * time.Second)
		expect("a stage that is done is not shown again", "read       7 rows  1 min 20 s\n")

		Expect("read", 5) // an expectation that proved too low
		time.Sleep(10 * time.Second)
		expect("more than expected", "read       7 rows  1 min 30 s\n")

		fmt.Fprintln(d, "a line of a log")
		d.Stop()
		expect("at the end", "a line of a log\nread       7 rows  stopped after 1 min 30 s\n")
		d.Stop()
		d.Stage("late", "rows")
		d.Done("read")
		fmt.Fprintln(d, "later")
		time.Sleep(time.Minute)
		expect("after the end", "later\n")
	})
}

func TestStartForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w buffer
		Add("plan", 9)
		Expect("plan", 99)
		d := Start(&w, false)
		d.Stage("plan", "keys")
		d.Done("plan")
		d.Stop()
		if got, want := w.take(), "plan       0 keys in 0.0 s\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestCountersCountAll(t *testing.T) {
	d := Start(&buffer{}, false)
	defer d.Stop()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10000 {
				Add("plan", 2)
				Expect("plan", 3)
			}
		})
	}
	wg.Wait()
	c := counterOf("plan")
	if n, total := c.count.Load(), c.total.Load(); n != 160000 || total != 240000 {
		t.Errorf("counted %d of %d, want 160000 of 240000", n, total)
	}
}

func TestBars(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w buffer
		d := Start(&w, true)
		// frame returns the lines drawn last.
		frame := func() []string {
			time.Sleep(200 * time.Millisecond)
			synctest.Wait()
			w.take()
			time.Sleep(time.Second)
			synctest.Wait()
			frames := strings.Split(w.take(), "\x1b[")
			return strings.Split(strings.TrimSpace(frames[len(frames)-1]), "\n")
		}
		d.Stage("read", "rows")
		d.Stage("plan", "keys")
		d.Stage("match", "answers")
		Expect("plan", 200)
		Add("plan", 50)
		Expect("match", 100)
		Add("match", 50)
		Add("read", 3)
		lines := frame()
		if len(lines) != 3 {
			t.Fatalf("a frame of %d lines, want one a stage: %q", len(lines), lines)
		}
		if strings.Contains(lines[0], "━") || !strings.Contains(lines[0], "3 rows") {
			t.Errorf("without a total there is a count and no bar: %q", lines[0])
		}
		if n := strings.Count(lines[1], "━"); n != barWidth/4 || !strings.Contains(lines[1], "50 of 200 keys  25 %") {
			t.Errorf("a bar of %d of %d columns, want a quarter: %q", n, barWidth, lines[1])
		}
		fmt.Fprintln(d, "a line of a log")
		synctest.Wait()
		d.Done("plan")
		d.Stop()
		last := w.take()
		lines = strings.Split(strings.TrimSpace(last), "\n")
		for i, want := range map[int]int{3: 0, 2: barWidth, 1: barWidth / 2} {
			if n := strings.Count(lines[len(lines)-i], "━"); n != want {
				t.Errorf("a bar of %d columns at the end, want %d: %q", n, want, lines[len(lines)-i])
			}
		}
		for _, want := range []string{"a line of a log\n", "50 keys in 1.2 s", "3 rows  stopped after 1.2 s", strings.Repeat("━", barWidth)} {
			if !strings.Contains(last, want) {
				t.Errorf("the last frames lack %q:\n%s", want, last)
			}
		}
		d.Stop()
		d.Stage("late", "rows")
	})
}

// broken is a terminal that was closed.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestBrokenWriterFailsNothing(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := Start(broken{}, terminal)
			d.Stage("plan", "keys")
			time.Sleep(time.Minute)
			d.Stage("read", "rows")
			d.Done("plan")
			d.Stop()
		})
	}
}

func TestFormats(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{thousands(0), "0"},
		{thousands(999), "999"},
		{thousands(578360), "578,360"},
		{thousands(-1234567), "-1,234,567"},
		{perSecond(0.5), "0.50/s"},
		{perSecond(9.996), "10.0/s"},
		{perSecond(99.96), "100/s"},
		{perSecond(48000.4), "48,000/s"},
		{elapsed(840 * time.Millisecond), "0.8 s"},
		{elapsed(9960 * time.Millisecond), "10 s"},
		{duration(59600 * time.Millisecond), "1 min 00 s"},
		{duration(200 * time.Second), "3 min 20 s"},
		{duration(125 * time.Minute), "2 h 05 min"},
		{duration(5000 * time.Hour), "5,000 h 00 min"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestSummary(t *testing.T) {
	var w bytes.Buffer
	err := Summary(&w, []StageRow{
		{"cluster", 12000, 1761, 3, 1900 * time.Millisecond},
		{"plan", 578360, 578360, 12345, 73 * time.Second},
		{"été", 1, 2, 0, 0},
	})
	want := `stage    rows in  rows out  rejects  seconds
cluster   12,000     1,761        3      1.9
plan     578,360   578,360   12,345     73.0
été            1         2        0      0.0
`
	if err != nil || w.String() != want {
		t.Errorf("error %v\ngot\n%s\nwant\n%s", err, w.String(), want)
	}
	if err := Summary(broken{}, nil); err == nil {
		t.Error("a summary that could not be written is no error")
	}
}

func BenchmarkAdd(b *testing.B) {
	for b.Loop() {
		Add("bench", 1)
	}
}
