package paidlog

import (
	"context"
	"errors"
	"fmt"
	"foray/transforms/store"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
)

const logSuffix = ".log"

// ErrInUse is returned, wrapped, by Open while another process, or another
// Log of this one, has the same paid log open.
var ErrInUse = errors.New("is in use by another run")

// Open opens the paid log of an output: on a local disk a log that is appended
// to, elsewhere parts every few seconds.
//
// A local log seals what crashed runs left, and until Close or the end of the
// process nobody else can open it (ErrInUse). A process opens a log once, and
// shares it.
func Open(ctx context.Context, output store.Bucket) (*Log, error) {
	local, ok := output.(store.Local)
	if !ok {
		calls, err := openBeats(ctx, output)
		if err != nil {
			return nil, err
		}
		return openObjects(output, calls), nil
	}
	dir := filepath.Join(string(local), Root)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("open the paid log: %w", err)
	}
	lock, err := acquire(dir)
	if err != nil {
		return nil, err
	}
	l := newLog(local)
	if err := l.sealLeft(ctx, dir); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if l.calls, err = openMapped(dir); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	l.keeper = newJournal(l, dir, lock)
	return l, nil
}

// acquire holds the directory until the file closes, at the latest with the
// process: a lock file alone would outlive a crash.
func acquire(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("open the paid log: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("the paid log %s %w; wait until that ends, or give another output", dir, ErrInUse)
	} else if err != nil {
		err = fmt.Errorf("lock the paid log %s: %w", dir, err)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// sealLeft seals the log files of runs that did not.
func (l *Log) sealLeft(ctx context.Context, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("open the paid log: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), logSuffix) {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	for _, name := range names {
		if err := l.sealFile(ctx, filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("seal %s, which an earlier run left: %w", filepath.Join(dir, name), err)
		}
	}
	return nil
}

func (l *Log) sealFile(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var places []place
	damages, err := scan(f, info.Size(), func(p place) { places = append(places, p) })
	if err != nil {
		return err
	}
	for _, d := range damages {
		l.warn("%s: %d bytes at offset %d are no record, as after a crash while writing; answers that stood there will be asked again",
			filepath.Base(path), d.length, d.offset)
	}
	return seal(ctx, l.bucket, f, path, places)
}
