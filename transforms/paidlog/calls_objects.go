package paidlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"foray/transforms/store"
)

const (
	// beatEvery is how often a changed number is stored, and deadAfter how
	// long after the last beat a run is taken for killed: an object store has
	// no lock that would tell.
	beatEvery = 5 * time.Second
	deadAfter = 6 * beatEvery
	// beatPatience bounds one write of a number.
	beatPatience = time.Minute
	// beatRoot is the folder of the numbers.
	beatRoot = Root + "/_calls/"
)

// beat is what is stored of a run, as JSON.
type beat struct {
	InFlight int64     `json:"in_flight"`
	At       time.Time `json:"at"`
}

// beats counts the calls in flight in an object that is stored anew every few
// seconds, and removed when the log closes.
type beats struct {
	bucket   store.Bucket
	inFlight atomic.Int64
	begun    atomic.Bool

	mu sync.Mutex
	// left is what killed runs left in old; taken says that it was told.
	left  int64
	old   []string
	taken bool
	name  string        // of the own object; empty before the first call
	stop  chan struct{} // ends the beating
	done  chan struct{} // closed when it has ended
}

// openBeats reads what killed runs left. Numbers of runs that beat stay theirs.
func openBeats(ctx context.Context, b store.Bucket) (*beats, error) {
	c := &beats{bucket: b}
	infos, err := b.List(ctx, beatRoot)
	if err != nil {
		return nil, fmt.Errorf("open the paid log: %w", err)
	}
	for _, info := range infos {
		data, err := store.Read(ctx, b, info.Name)
		if errors.Is(err, store.ErrNotExist) {
			continue // that run has just ended
		}
		if err != nil {
			return nil, fmt.Errorf("open the paid log: %w", err)
		}
		var last beat
		if json.Unmarshal(data, &last) != nil || time.Since(last.At) < deadAfter {
			continue
		}
		c.left += max(last.InFlight, 0)
		c.old = append(c.old, info.Name)
	}
	return c, nil
}

// add implements calls.
func (c *beats) add(n int64) error {
	c.inFlight.Add(n)
	if c.begun.Load() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begun.Load() {
		return nil
	}
	c.name = beatRoot + uniqueName() + callsSuffix
	if err := c.store(); err != nil {
		return fmt.Errorf("count the calls in flight: %w", err)
	}
	c.taken = true // what was left stands in the own object
	if err := c.forget(); err != nil {
		return fmt.Errorf("count the calls in flight: %w", err)
	}
	c.stop, c.done = make(chan struct{}), make(chan struct{})
	go c.beat()
	c.begun.Store(true)
	return nil
}

// beat stores the number until stop closes. A store that fails now and then
// leaves an older number.
func (c *beats) beat() {
	defer close(c.done)
	ticks := time.NewTicker(beatEvery)
	defer ticks.Stop()
	for {
		select {
		case <-c.stop:
			return
		case <-ticks.C:
			_ = c.store()
		}
	}
}

// store stores the number of calls in flight, killed runs' that have not been
// told in a manifest yet among them.
func (c *beats) store() error {
	data, err := json.Marshal(beat{InFlight: c.inFlight.Load() + c.left, At: time.Now().UTC()})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), beatPatience)
	defer cancel()
	return c.bucket.Put(ctx, c.name, store.Always, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// forget removes what killed runs left, if it was told.
func (c *beats) forget() error {
	if !c.taken {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), beatPatience)
	defer cancel()
	var err error
	for _, old := range c.old {
		err = errors.Join(err, c.bucket.Remove(ctx, old))
	}
	c.old = nil
	return err
}

// told implements calls.
func (c *beats) told() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = true
	return c.left
}

// close implements calls.
func (c *beats) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.forget()
	if c.name == "" {
		return err
	}
	close(c.stop)
	<-c.done
	ctx, cancel := context.WithTimeout(context.Background(), beatPatience)
	defer cancel()
	err = errors.Join(err, c.bucket.Remove(ctx, c.name))
	c.name = ""
	return err
}
