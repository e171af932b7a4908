package paidlog

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"foray/llm"
	"foray/transforms/store"
)

const (
	// putEvery is how long a record waits for others to share its part.
	putEvery = 10 * time.Second
	// putBytes is how many bytes of answers no longer wait, and PutRecords
	// how many answers: callers that keep more than so many calls waiting are
	// slowed down by the store's latency alone.
	putBytes   = 8 << 20
	PutRecords = 1024
	// putPatience bounds one write, so that a store that is gone stops a run.
	putPatience = 5 * time.Minute
)

// openObjects opens the paid log of an object store. Every part has
// a name of its own, so any number of processes may write at once; each knows
// the answers that were there when it first looked into a folder, and its own.
func openObjects(b store.Bucket, calls calls) *Log {
	l := newLog(b)
	l.keeper = &batches{log: l, every: putEvery}
	l.calls = calls
	return l
}

// batches is the keeper of object stores: it gathers the records of some
// seconds, and puts them as one part a folder.
type batches struct {
	log   *Log
	every time.Duration

	mu     sync.Mutex
	next   *gathering // nil while nothing waits
	closed bool
	// puts counts gatherings that are not stored yet.
	puts sync.WaitGroup
}

// gathering is the records of one span of time, by folder.
type gathering struct {
	timer   *time.Timer
	bytes   int
	records int
	folders map[int32]*waiting
}

// waiting is the records that go to one part.
type waiting struct {
	records []*llm.Record
	done    chan struct{}
	err     error // valid once done is closed
}

// keep implements keeper.
func (k *batches) keep(ctx context.Context, r *llm.Record) error {
	w, err := k.gather(r)
	if err != nil {
		return err
	}
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (k *batches) gather(r *llm.Record) (*waiting, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil, ErrClosed
	}
	if k.next == nil {
		g := &gathering{folders: map[int32]*waiting{}}
		g.timer = time.AfterFunc(k.every, func() {
			k.mu.Lock()
			defer k.mu.Unlock()
			if k.next == g {
				k.release()
			}
		})
		k.next = g
	}
	g := k.next
	start := folderStart(r.Key[0])
	w := g.folders[start]
	if w == nil {
		w = &waiting{done: make(chan struct{})}
		g.folders[start] = w
	}
	w.records = append(w.records, r)
	g.records++
	if g.bytes += len(r.Text); g.bytes >= putBytes || g.records >= PutRecords {
		k.release()
	}
	return w, nil
}

// release starts storing what waits. The caller holds mu.
func (k *batches) release() {
	g := k.next
	k.next = nil
	g.timer.Stop()
	k.puts.Go(func() { k.put(g) })
}

func (k *batches) put(g *gathering) {
	ctx, cancel := context.WithTimeout(context.Background(), putPatience)
	defer cancel()
	unique := uniqueName()
	var group errgroup.Group
	group.SetLimit(8)
	for start, w := range g.folders {
		group.Go(func() error {
			defer close(w.done)
			err := k.log.bucket.Put(ctx, partName(start, unique), store.IfAbsent, func(out io.Writer) error { return writePart(out, w.records) })
			if err != nil {
				w.err = fmt.Errorf("write the paid log: %w", err)
				return nil // its own callers hear of it
			}
			for _, r := range w.records {
				k.log.remember(r)
			}
			return nil
		})
	}
	group.Wait()
}

// sync implements keeper: what keep returns from is stored.
func (k *batches) sync() error { return nil }

// close implements keeper: it stores what waits.
func (k *batches) close() error {
	k.mu.Lock()
	if k.closed = true; k.next != nil {
		k.release()
	}
	k.mu.Unlock()
	k.puts.Wait()
	return k.log.calls.close()
}
