package paidlog

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"foray/llm"
)

// journal is the keeper of local disks: a log file that is appended to. All
// records that arrive while one batch is being synced form the next batch, so
// that an fdatasync serves as many calls as are waiting.
type journal struct {
	log  *Log
	dir  string
	lock *os.File
	wake chan struct{} // holds one token: there is a batch to write
	done chan struct{} // closed when the writer has ended; nil until it starts

	mu     sync.Mutex
	next   *batch
	file   *os.File // nil until there is something to write
	size   int64
	places []place
	closed bool
	// failed is set by the first write that fails. What a disk holds after
	// that is unknown, so nothing more is written.
	failed error
}

// batch is what one fdatasync makes durable.
type batch struct {
	frames  []byte
	places  []place // offsets count from the start of frames
	records []*llm.Record
	done    chan struct{}
	err     error // valid once done is closed
}

func newJournal(l *Log, dir string, lock *os.File) *journal {
	return &journal{log: l, dir: dir, lock: lock, wake: make(chan struct{}, 1), next: newBatch()}
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

// keep implements keeper.
func (j *journal) keep(ctx context.Context, r *llm.Record) error {
	b, err := j.enqueue(r)
	if err != nil {
		return err
	}
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (j *journal) enqueue(r *llm.Record) (*batch, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, ErrClosed
	}
	if j.failed != nil {
		return nil, j.failed
	}
	if j.file == nil {
		if err := j.create(); err != nil {
			return nil, fmt.Errorf("start the paid log: %w", err)
		}
	}
	b := j.next
	offset := int64(len(b.frames) + frameHeader)
	frames, err := appendFrame(b.frames, r)
	if err != nil {
		return nil, err
	}
	b.frames = frames
	b.places = append(b.places, place{folderStart(r.Key[0]), uint32(int64(len(frames)) - offset), offset})
	b.records = append(b.records, r)
	select {
	case j.wake <- struct{}{}:
	default: // the writer knows already
	}
	return b, nil
}

// create makes the log file and starts the writer. Names ascend with time, as
// the oldest answer is to win.
func (j *journal) create() error {
	f, err := os.OpenFile(filepath.Join(j.dir, uniqueName()+logSuffix), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if err := syncFolder(j.dir); err != nil {
		return errors.Join(err, f.Close())
	}
	j.file = f
	j.done = make(chan struct{})
	go j.write()
	return nil
}

// uniqueName sorts by time, and is no other process's.
func uniqueName() string {
	var random [4]byte
	rand.Read(random[:]) // never fails, see crypto/rand
	return time.Now().UTC().Format("20060102T150405.000000000Z") + "-" + hex.EncodeToString(random[:])
}

// write makes batches durable until wake closes.
func (j *journal) write() {
	defer close(j.done)
	for range j.wake {
		j.flush()
	}
	j.flush()
}

func (j *journal) flush() {
	j.mu.Lock()
	b, file, failed := j.next, j.file, j.failed
	j.next = newBatch()
	j.mu.Unlock()
	if failed != nil {
		b.err = failed
	} else if len(b.records) > 0 {
		_, err := file.Write(b.frames)
		if err == nil {
			err = datasync(file)
		}
		if err != nil {
			b.err = fmt.Errorf("write the paid log: %w", err)
		}
	}

	j.mu.Lock()
	if b.err != nil {
		j.failed = b.err
	} else {
		for _, p := range b.places {
			p.offset += j.size
			j.places = append(j.places, p)
		}
		j.size += int64(len(b.frames))
	}
	j.mu.Unlock()
	if b.err == nil {
		for _, r := range b.records {
			j.log.remember(r)
		}
	}
	close(b.done)
}

// close implements keeper: it writes what waits, and seals the file.
func (j *journal) close() error {
	j.mu.Lock()
	j.closed = true
	file := j.file
	close(j.wake) // under mu, as enqueue sends to it
	j.mu.Unlock()
	err := func() error {
		if file == nil {
			return nil
		}
		<-j.done
		defer file.Close()
		if j.failed != nil {
			return fmt.Errorf("%w; what was written before is kept, and sealed by the next run", j.failed)
		}
		if err := seal(context.Background(), j.log.bucket, file, file.Name(), j.places); err != nil {
			return fmt.Errorf("seal the paid log: %w; all answers are kept, and sealed by the next run", err)
		}
		return nil
	}()
	return errors.Join(err, j.log.calls.close(), j.lock.Close())
}
