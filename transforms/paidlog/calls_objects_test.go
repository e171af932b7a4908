package paidlog

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// On an object store a number of calls in flight is stored every few seconds;
// once nobody stores it any more, the next run tells of it.
func TestCallsInFlightAreStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newObjects()
		open := func() *Log {
			calls, err := openBeats(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			return openObjects(o, calls)
		}
		stored := func() (n int) {
			infos, _ := o.List(t.Context(), beatRoot)
			return len(infos)
		}
		begin := func(l *Log, n int) {
			for range n {
				if err := l.Begin(); err != nil {
					t.Fatal(err)
				}
			}
		}
		// die is what a kill leaves: nobody stores the number any more.
		die := func(l *Log) {
			c := l.calls.(*beats)
			close(c.stop)
			<-c.done
		}
		l := open()
		begin(l, 7)
		time.Sleep(beatEvery + time.Second)
		if err := l.End(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(beatEvery)
		if n := open().MaybePaid(); n != 0 {
			t.Errorf("of a run that goes on %d calls are told", n)
		}
		die(l)
		time.Sleep(deadAfter)

		looks := open() // an estimate: it looks, and does not ask
		if err := looks.Close(); err != nil {
			t.Fatal(err)
		}
		l = open()
		if n := l.MaybePaid(); n != 6 {
			t.Errorf("%d calls may have been paid for, want 6", n)
		}
		begin(l, 2)
		time.Sleep(beatEvery + time.Second)
		die(l) // before it could tell anybody
		time.Sleep(deadAfter)

		l = open()
		if n := l.MaybePaid(); n != 8 || stored() != 1 {
			t.Errorf("%d calls of two runs may have been paid for, in %d objects; want 8, in 1", n, stored())
		}
		if err := l.Close(); err != nil || stored() != 0 {
			t.Errorf("%v; %d objects are left", err, stored())
		}

		// A store that fails is told before the first call is paid for.
		o.putErr = func(string) error { return errors.New("no room") }
		if err := open().Begin(); err == nil || !strings.Contains(err.Error(), "count the calls in flight: no room") {
			t.Errorf("counting where nothing can be stored: %v", err)
		}
	})
}
