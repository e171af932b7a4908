package progress

import (
	"sync"
	"sync/atomic"
)

// counters holds one *counter for each stage that was ever named.
var counters sync.Map

type counter struct {
	count, total atomic.Int64
	told         atomic.Pointer[func() string]
}

func counterOf(stage string) *counter {
	if c, ok := counters.Load(stage); ok {
		return c.(*counter)
	}
	c, _ := counters.LoadOrStore(stage, new(counter))
	return c.(*counter)
}

// Add says that n more units of a stage are done. It may be called from any
// goroutine, at any time, shown or not, and takes some 10 ns: often enough,
// but call it for a batch rather than for every event of millions.
func Add(stage string, n int64) { counterOf(stage).count.Add(n) }

// Expect says that n more units of a stage are to be done. Several callers
// (the shards of one stage) may each expect their part. A stage that expects
// nothing is shown with a plain count.
func Expect(stage string, n int64) { counterOf(stage).total.Add(n) }

// Tell lets text say more of a stage while it runs, such as what is in flight
// and what it cost so far. It is called whenever the stage is shown.
func Tell(stage string, text func() string) { counterOf(stage).told.Store(&text) }
