package paidlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// mapped counts the calls in flight in eight bytes of a file that is mapped
// into memory: adding costs some nanoseconds, and what was added outlives the
// process, however it dies (but not a loss of power). A file that is there when
// a log is opened tells how many calls a killed run may have paid for without
// an answer.
type mapped struct {
	dir string

	mu sync.Mutex
	// left is what killed runs left in old; taken says that it was told.
	left  int64
	old   []string
	taken bool
	path  string // of the mapped file; empty before the first call
	bytes []byte
	count atomic.Pointer[int64]
}

// openMapped reads what killed runs left. A file that is not of eight bytes was
// not yet begun.
func openMapped(dir string) (*mapped, error) {
	c := &mapped{dir: dir}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open the paid log: %w", err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), callsSuffix) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("open the paid log: %w", err)
		}
		if len(data) == 8 {
			c.left += max(int64(binary.NativeEndian.Uint64(data)), 0)
		}
		c.old = append(c.old, path)
	}
	return c, nil
}

// add implements calls.
func (c *mapped) add(n int64) error {
	count := c.count.Load()
	if count == nil {
		if err := c.open(); err != nil {
			return fmt.Errorf("count the calls in flight: %w", err)
		}
		count = c.count.Load()
	}
	atomic.AddInt64(count, n)
	return nil
}

// open maps a file that goes on from what killed runs left.
func (c *mapped) open() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count.Load() != nil {
		return nil
	}
	path := filepath.Join(c.dir, uniqueName()+callsSuffix)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(binary.NativeEndian.AppendUint64(nil, uint64(c.left))); err != nil {
		return err
	}
	if c.bytes, err = syscall.Mmap(int(f.Fd()), 0, 8, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED); err != nil {
		return os.NewSyscallError("mmap", err)
	}
	c.path, c.taken = path, true
	for _, old := range c.old {
		err = errors.Join(err, os.Remove(old))
	}
	c.old = nil
	c.count.Store((*int64)(unsafe.Pointer(unsafe.SliceData(c.bytes)))) // mapped memory is aligned to pages
	return err
}

// told implements calls.
func (c *mapped) told() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = true
	return c.left
}

// close implements calls.
func (c *mapped) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	if c.taken {
		for _, old := range c.old {
			err = errors.Join(err, os.Remove(old))
		}
		c.old = nil
	}
	if c.path != "" {
		c.count.Store(nil)
		err = errors.Join(err, syscall.Munmap(c.bytes), os.Remove(c.path))
		c.path, c.bytes = "", nil
	}
	return err
}
