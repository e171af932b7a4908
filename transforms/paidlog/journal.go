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

const (
	// syncEvery is how long written records wait for others to share their
	// fdatasync.
	syncEvery = 20 * time.Millisecond
	// unsyncedRecords is how many may wait; callers that keep more are slowed
	// down to the disk's pace.
	unsyncedRecords = 2048
)

// journal is the keeper of local disks: a log file that is appended to. What is
// written outlives the process, however it dies, so callers wait for no disk;
// fdatasyncs follow, each for all that was written by then, so that a loss of
// power costs no more than the last of them.
type journal struct {
	log  *Log
	dir  string
	lock *os.File
	wake chan struct{} // holds one token: there is something to sync
	done chan struct{} // closed when the syncing has ended; nil until it starts

	mu     sync.Mutex
	caught sync.Cond // synced has grown, or failed is set
	file   *os.File  // nil until there is something to write
	frame  []byte    // of one record, used again
	size   int64
	places []place // of what is written
	synced int     // how many places are synced
	closed bool
	// failed is set by the first write that fails. What a disk holds after
	// that is unknown, so nothing more is written.
	failed error
}

func newJournal(l *Log, dir string, lock *os.File) *journal {
	j := &journal{log: l, dir: dir, lock: lock, wake: make(chan struct{}, 1)}
	j.caught.L = &j.mu
	return j
}

// keep implements keeper.
func (j *journal) keep(_ context.Context, r *llm.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.places)-j.synced >= unsyncedRecords && j.failed == nil {
		j.caught.Wait()
	}
	if j.closed {
		return ErrClosed
	}
	if j.failed != nil {
		return j.failed
	}
	if j.file == nil {
		if err := j.create(); err != nil {
			return fmt.Errorf("start the paid log: %w", err)
		}
	}
	var err error
	if j.frame, err = appendFrame(j.frame[:0], r); err != nil {
		return err
	}
	if _, err := j.file.Write(j.frame); err != nil {
		return j.fail(err)
	}
	j.places = append(j.places, place{folderStart(r.Key[0]), uint32(len(j.frame) - frameHeader), j.size + int64(frameHeader)})
	j.size += int64(len(j.frame))
	j.log.remember(r)
	select {
	case j.wake <- struct{}{}:
	default: // it is known already
	}
	return nil
}

// fail ends the writing. The caller holds mu.
func (j *journal) fail(err error) error {
	if j.failed == nil {
		j.failed = fmt.Errorf("write the paid log: %w", err)
		j.caught.Broadcast()
	}
	return j.failed
}

// create makes the log file and starts the syncing. Names ascend with time, as
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
	go j.syncing()
	return nil
}

// uniqueName sorts by time, and is no other process's.
func uniqueName() string {
	var random [4]byte
	rand.Read(random[:]) // never fails, see crypto/rand
	return time.Now().UTC().Format("20060102T150405.000000000Z") + "-" + hex.EncodeToString(random[:])
}

// syncing makes durable what was written, until wake closes.
func (j *journal) syncing() {
	defer close(j.done)
	for range j.wake {
		time.Sleep(syncEvery)
		_ = j.sync() // kept in failed
	}
}

// sync implements keeper.
func (j *journal) sync() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	written, file := len(j.places), j.file
	if j.failed != nil || j.synced == written {
		return j.failed
	}
	j.mu.Unlock()
	err := datasync(file)
	j.mu.Lock()
	if err != nil {
		return j.fail(err)
	}
	j.synced = max(j.synced, written)
	j.caught.Broadcast()
	return j.failed
}

// close implements keeper: it seals the file.
func (j *journal) close() error {
	j.mu.Lock()
	j.closed = true
	file := j.file
	close(j.wake) // under mu, as keep sends to it
	j.mu.Unlock()
	err := func() error {
		if file == nil {
			return nil
		}
		<-j.done
		defer file.Close()
		if err := j.sync(); err != nil {
			return fmt.Errorf("%w; what was written before is kept, and sealed by the next run", err)
		}
		if err := seal(context.Background(), j.log.bucket, file, file.Name(), j.places); err != nil {
			return fmt.Errorf("seal the paid log: %w; all answers are kept, and sealed by the next run", err)
		}
		return nil
	}()
	return errors.Join(err, j.log.calls.close(), j.lock.Close())
}
