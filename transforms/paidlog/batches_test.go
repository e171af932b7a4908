package paidlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"foray/transforms/store"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// objects is an object store in memory, as far as the log needs one.
type objects struct {
	store.Bucket
	mu     sync.Mutex
	stored map[string][]byte
	putErr func(name string) error
}

func newObjects() *objects {
	return &objects{stored: map[string][]byte{}, putErr: func(string) error { return nil }}
}

func (o *objects) Put(_ context.Context, name string, when store.Precondition, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.putErr(name); err != nil {
		return err
	}
	if when != store.Always && o.stored[name] != nil {
		return fmt.Errorf("%s is there already", name)
	}
	o.stored[name] = b.Bytes()
	return nil
}

func (o *objects) Open(_ context.Context, name string, _, _ int64) (io.ReadCloser, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	data, ok := o.stored[name]
	if !ok {
		return nil, fmt.Errorf("%s does not exist", name)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (o *objects) List(_ context.Context, prefix string) ([]store.Info, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var infos []store.Info
	for _, name := range slices.Sorted(maps.Keys(o.stored)) {
		if strings.HasPrefix(name, prefix) {
			infos = append(infos, store.Info{Name: name})
		}
	}
	return infos, nil
}

func (o *objects) Remove(_ context.Context, name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.stored, name)
	return nil
}

// openEvery is a log that puts parts that often.
func openEvery(o *objects, every time.Duration) *Log {
	l := openObjects(o, &beats{bucket: o})
	l.keeper.(*batches).every = every
	return l
}

// appendAtOnce appends in as many goroutines, and checks that each record is
// stored once it is acknowledged.
func appendAtOnce(t *testing.T, o *objects, l *Log, from, to int, version string) {
	t.Helper()
	var wg sync.WaitGroup
	for i := from; i < to; i++ {
		wg.Go(func() {
			if err := l.Append(context.Background(), record(i, 64, version)); err != nil {
				t.Error(err)
				return
			}
			holds(t, openObjects(o, &beats{bucket: o}), i, i+1, 64, version)
		})
	}
	wg.Wait()
}

func TestBucket(t *testing.T) {
	o := newObjects()
	l := openEvery(o, time.Millisecond)
	for from := 0; from < 100; from += 20 {
		appendAtOnce(t, o, l, from, from+20, "a")
	}
	holds(t, l, 0, 100, 64, "a")
	holds(t, openObjects(o, &beats{bucket: o}), 0, 100, 64, "a") // while the first is open
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// Records wait for others, and Close does not wait for the clock.
func TestBucketCloseStores(t *testing.T) {
	o := newObjects()
	l := openEvery(o, time.Hour)
	var wg sync.WaitGroup
	const n = 20
	for i := range n {
		wg.Go(func() {
			if err := l.Append(context.Background(), record(i, 10, "a")); err != nil {
				t.Error(err)
			}
		})
	}
	k := l.keeper.(*batches)
	for waiting := 0; waiting < n; runtime.Gosched() {
		k.mu.Lock()
		if k.next != nil {
			waiting = len(k.next.folders[0].records)
		}
		k.mu.Unlock()
	}
	if len(o.stored) != 0 {
		t.Errorf("%d parts before Close", len(o.stored))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if len(o.stored) != 1 {
		t.Errorf("%d parts, want 1 for all that waited", len(o.stored))
	}
	holds(t, openObjects(o, &beats{bucket: o}), 0, n, 10, "a")
	if err := l.Append(context.Background(), record(n, 10, "a")); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want %v", err, ErrClosed)
	}
}

// A failed part is an error of its own records only.
func TestBucketFailingPut(t *testing.T) {
	o := newObjects()
	gone := errors.New("store is gone")
	o.putErr = func(name string) error {
		if strings.HasPrefix(name, folderName(0)) {
			return gone
		}
		return nil
	}
	l := openEvery(o, time.Millisecond)
	defer l.Close()
	var wg sync.WaitGroup
	for i, want := range map[int]error{3: gone, 40: nil} {
		wg.Go(func() {
			if err := l.Append(context.Background(), record(i, 64, "a")); !errors.Is(err, want) {
				t.Errorf("record %d: error %v, want %v", i, err, want)
			}
		})
	}
	wg.Wait()
	lacks(t, l, 3, 64)
	holds(t, l, 40, 41, 64, "a")
}

func TestBucketCancelled(t *testing.T) {
	l := openEvery(newObjects(), time.Hour)
	ctx, cancel := context.WithCancel(context.Background())
	lacks(t, l, 0, 10)
	cancel()
	if err := l.Append(ctx, record(0, 10, "a")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// Many bytes do not wait: or this test would for an hour.
func TestBucketManyBytes(t *testing.T) {
	o := newObjects()
	l := openEvery(o, time.Hour)
	defer l.Close()
	r := record(0, 10, "a")
	r.Text = strings.Repeat("x", putBytes)
	if err := l.Append(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	if len(o.stored) != 1 {
		t.Errorf("%d parts, want 1", len(o.stored))
	}
}

func TestBucketOldestWins(t *testing.T) {
	o := newObjects()
	// Two processes that do not see each other's answers.
	a, b := openEvery(o, time.Millisecond), openEvery(o, time.Millisecond)
	lacks(t, a, 0, 10)
	lacks(t, b, 0, 10)
	appendAll(t, a, 0, 1, 10, "earlier")
	appendAll(t, b, 0, 1, 10, "later")
	if len(o.stored) != 2 {
		t.Fatalf("%d parts, want 2", len(o.stored))
	}
	holds(t, openObjects(o, &beats{bucket: o}), 0, 1, 10, "earlier")
}
