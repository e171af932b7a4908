// Package progress shows how far long work has come: a bar a stage on a
// terminal, a line a stage every ten seconds elsewhere, and a closing table.
//
//	d := progress.Start(os.Stderr, isTerminal)
//	defer d.Stop()
//	d.Stage("plan", "keys")
//	progress.Expect("plan", 578360)  // anywhere in the process
//	progress.Add("plan", 1000)       // from any goroutine, DoFns included
//	d.Done("plan")
//
// Beam's metrics reach the launcher only when a job ends on some runners, so
// the counters are the process's own: with the in-process runner they count
// everything, and on a cluster, where the DoFns run elsewhere, the display
// says how long a stage has been running. Figures that must be right come
// from receipts and manifests, never from here.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// interval is the time between two lines where there is no terminal.
const interval = 10 * time.Second

// Display shows stages until Stop. It is safe for use by several goroutines.
// Trouble with writing is passed over: a display must not fail the work.
type Display struct {
	mu     sync.Mutex
	w      io.Writer
	bars   *bars // nil without a terminal
	stages []*stage
	quit   chan struct{} // closed by Stop
	gone   chan struct{} // closed when the ticking has ended
}

// Start clears the process's counters and begins to show stages on w. There
// is one display a process at a time.
func Start(w io.Writer, isTerminal bool) *Display {
	counters.Clear()
	d := &Display{w: w, quit: make(chan struct{}), gone: make(chan struct{})}
	if isTerminal {
		d.bars = newBars(w)
		close(d.gone)
		return d
	}
	go d.tick()
	return d
}

// Stage begins to show a stage whose progress is counted in unit ("keys").
// A name that is shown already is left as it is.
func (d *Display) Stage(name, unit string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped() || d.find(name) != nil {
		return
	}
	s := newStage(name, unit, time.Now())
	d.stages = append(d.stages, s)
	if d.bars != nil {
		d.bars.add(s)
	}
}

// Done says that a stage is finished, whatever its counter says.
func (d *Display) Done(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.find(name); s != nil && !d.stopped() {
		d.end(s, true)
	}
}

// Stop ends the display; stages not done are shown as stopped. Calls after
// the first do nothing.
func (d *Display) Stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped() {
		return
	}
	close(d.quit)
	for _, s := range d.stages {
		d.end(s, false)
	}
	if d.bars != nil {
		d.bars.wait()
	}
	// Without a terminal the ticking goroutine needs the lock to end a tick.
	d.mu.Unlock()
	<-d.gone
	d.mu.Lock()
}

// Write shows text, whole lines, above the bars, so that a log may go
// through the display instead of tearing the bars apart.
func (d *Display) Write(text []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bars != nil && !d.stopped() {
		return d.bars.Write(text)
	}
	return d.w.Write(text)
}

// end freezes a stage that is still running and shows its last state.
func (d *Display) end(s *stage, done bool) {
	if !s.end(time.Now(), done) {
		return
	}
	if d.bars != nil {
		d.bars.end(s)
		return
	}
	d.print(s)
}

func (d *Display) tick() {
	defer close(d.gone)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-d.quit:
			return
		case <-ticker.C:
			d.mu.Lock()
			for _, s := range d.stages {
				if running, _ := s.state(); running && !d.stopped() {
					d.print(s)
				}
			}
			d.mu.Unlock()
		}
	}
}

func (d *Display) print(s *stage) {
	fmt.Fprintf(d.w, "%-10s %s\n", s.name, s.text(time.Now()))
}

func (d *Display) find(name string) *stage {
	for _, s := range d.stages {
		if s.name == name {
			return s
		}
	}
	return nil
}

func (d *Display) stopped() bool {
	select {
	case <-d.quit:
		return true
	default:
		return false
	}
}
