package job

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// lockName is the file that a command holds while it writes to an output.
const lockName = "_lock"

// Lock keeps other commands on this machine from writing to a local output;
// the lock ends with the process at the latest. Two commands on one output
// would tidy each other's work away. An output in an object store is not
// locked: versions have names of their own there, and the last CURRENT wins.
func Lock(output string) (unlock func(), err error) {
	folder, local := localFolder(output)
	if !local {
		return func() {}, nil
	}
	_, err = os.Stat(folder)
	isNew := err != nil
	f, err := hold(folder)
	if err != nil {
		return nil, &Exit{Failed, fmt.Errorf("--output=%s %w", output, err)}
	}
	// What a killed command put down is nobody's now.
	_ = os.RemoveAll(filepath.Join(folder, scratchFolder))
	for _, half := range []string{"*/_attempts/*/.tmp-*", "*/v=*/.tmp-*"} {
		left, _ := filepath.Glob(filepath.Join(folder, half))
		for _, path := range left {
			// A job that was submitted without waiting may still write.
			if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > time.Hour {
				_ = os.Remove(path)
			}
		}
	}
	for _, made := range []string{"*/_attempts/*", "*/_attempts", "*/v=*"} {
		folders, _ := filepath.Glob(filepath.Join(folder, made))
		for _, path := range folders {
			_ = syscall.Rmdir(path) // those with anything in them stay
		}
	}
	return func() {
		_ = os.Remove(f.Name())
		if isNew {
			_ = os.Remove(folder) // stays unless it is empty
		}
		f.Close()
	}, nil
}

// localFolder is the folder of a local output.
func localFolder(output string) (folder string, local bool) {
	folder = strings.TrimPrefix(output, "file://")
	return folder, !strings.Contains(folder, "://")
}

// hold makes a folder's lock and holds it.
func hold(folder string) (*os.File, error) {
	for {
		if err := os.MkdirAll(folder, 0o777); err != nil {
			return nil, fmt.Errorf("cannot be written: %w", err)
		}
		f, err := os.OpenFile(filepath.Join(folder, lockName), os.O_RDWR|os.O_CREATE, 0o666)
		if errors.Is(err, os.ErrNotExist) {
			continue // somebody removed the folder
		}
		if err != nil {
			return nil, fmt.Errorf("cannot be written: %w", err)
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			defer f.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				holder, _ := io.ReadAll(io.LimitReader(f, 20))
				return nil, fmt.Errorf("is being written by another foray (process %s): wait until it ends, or give another output", strings.TrimSpace(string(holder)))
			}
			return nil, fmt.Errorf("cannot be locked: %w", err)
		}
		held, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, err
		}
		if there, err := os.Stat(f.Name()); err != nil || !os.SameFile(held, there) {
			f.Close() // who held it before has removed it
			continue
		}
		// Who holds the lock is told to others; that it fails is no harm.
		_ = f.Truncate(0)
		_, _ = fmt.Fprintln(f, os.Getpid())
		return f, nil
	}
}
