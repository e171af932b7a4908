package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"
)

// Local is a Bucket below a folder. A file is written under another name,
// synced, renamed, and its folder synced, so that a name is whole or absent
// after a crash too.
type Local string

// temporary marks files being written; List does not show them.
const temporary = ".tmp-"

func (l Local) path(name string) string {
	return filepath.Clean(filepath.Join(string(l), filepath.FromSlash(name)))
}

// URL implements Bucket.
func (l Local) URL(name string) string { return l.path(name) }

// Put implements Bucket; folders that it made for nothing go. A precondition
// holds against other Puts on this machine that state one, too.
func (l Local) Put(ctx context.Context, name string, when Precondition, write func(io.Writer) error) (err error) {
	path := l.path(name)
	defer func() {
		if err != nil {
			l.removeEmpty(filepath.Dir(path))
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	var f *os.File
	if err := inFolder(filepath.Dir(path), func(folder string) (err error) {
		f, err = os.CreateTemp(folder, temporary+filepath.Base(path)+"-")
		return err
	}); err != nil {
		return err
	}
	defer os.Remove(f.Name()) // no longer there once renamed
	defer f.Close()
	if err := write(f); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	// The precondition is looked at last: the lock is held for no longer than
	// a rename takes.
	if want, checked := when.Generation(); checked {
		unlock, err := l.lock(filepath.Dir(path))
		if err != nil {
			return err
		}
		defer unlock()
		if err := precede(path, want, f); err != nil {
			return err
		}
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// precede holds path against the generation wanted, and makes f's time of
// change later than that of what f is to replace: clocks of file systems tick
// slowly, and inodes are used again, so that two writes within a tick could
// have the same generation.
func precede(path, want string, f *os.File) error {
	have, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if want != "" {
			return ErrPrecondition
		}
		return nil
	}
	if err != nil {
		return err
	}
	if generation(have) != want {
		return ErrPrecondition
	}
	next, err := f.Stat()
	if err != nil || next.ModTime().After(have.ModTime()) {
		return err
	}
	return os.Chtimes(f.Name(), time.Time{}, have.ModTime().Add(1))
}

// inFolder makes folder and does what is to be done in it, again while
// something is not there: who removes the last file of a folder removes the
// folder, which may be in between.
func inFolder(folder string, do func(folder string) error) (err error) {
	for range 100 {
		if err = os.MkdirAll(folder, 0o777); err == nil {
			err = do(folder)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return err
}

// lock holds a folder against other conditional Puts; the lock dies with the
// process.
func (l Local) lock(folder string) (unlock func(), err error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Open implements Bucket.
func (l Local) Open(_ context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	f, err := os.Open(l.path(name))
	if err != nil {
		return nil, notExist(err)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, isFolder(l.path(name))
	}
	if offset == 0 && length < 0 {
		return f, nil
	}
	if length < 0 {
		length = 1<<63 - 1 - offset
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, offset, length), f}, nil
}

// Stat implements Bucket.
func (l Local) Stat(_ context.Context, name string) (Info, error) {
	info, err := os.Stat(l.path(name))
	if err != nil {
		return Info{}, notExist(err)
	}
	if info.IsDir() {
		return Info{}, isFolder(l.path(name))
	}
	return Info{Name: name, Size: info.Size(), Generation: generation(info)}, nil
}

func generation(info fs.FileInfo) string {
	g := fmt.Sprintf("%d-%d", info.ModTime().UnixNano(), info.Size())
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		g += fmt.Sprintf("-%d", s.Ino)
	}
	return g
}

// List implements Bucket.
func (l Local) List(_ context.Context, prefix string) ([]Info, error) {
	// A prefix may end inside a name: walk the folder that it names surely.
	top := ""
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		top = prefix[:i]
	}
	var found []Info
	err := filepath.WalkDir(l.path(top), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed since, or never there
		}
		if err != nil {
			return err
		}
		if d.IsDir() || strings.HasPrefix(d.Name(), temporary) {
			return nil
		}
		rel, err := filepath.Rel(string(l), path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if !strings.HasPrefix(name, prefix) {
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		found = append(found, Info{Name: name, Size: info.Size(), Generation: generation(info)})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", l.path(prefix), err)
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Name < found[j].Name })
	return found, nil
}

// Move implements Bucket; folders that it leaves empty go.
func (l Local) Move(ctx context.Context, from, to string) error {
	if _, err := l.Stat(ctx, from); err != nil {
		return err
	}
	err := inFolder(filepath.Dir(l.path(to)), func(string) error {
		return os.Rename(l.path(from), l.path(to))
	})
	if err != nil {
		return notExist(err)
	}
	l.removeEmpty(filepath.Dir(l.path(from)))
	return syncFolder(filepath.Dir(l.path(to)))
}

// Remove implements Bucket; folders that it leaves empty go too.
func (l Local) Remove(_ context.Context, name string) error {
	err := os.Remove(l.path(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return err
	}
	l.removeEmpty(filepath.Dir(l.path(name)))
	return nil
}

// removeEmpty removes folder, if it is empty, and those that this leaves
// empty, up to the bucket's own.
func (l Local) removeEmpty(folder string) {
	root := filepath.Clean(string(l))
	// Rmdir, since os.Remove would take a file of that name, too.
	for folder != root && folder != "." && folder != filepath.Dir(folder) && syscall.Rmdir(folder) == nil {
		folder = filepath.Dir(folder)
	}
}

func notExist(err error) error {
	// A file where the name has a folder is ENOTDIR: the name is not there.
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("%w (%w)", err, ErrNotExist)
	}
	return err
}

func isFolder(path string) error { return fmt.Errorf("%s is a folder, the file %w", path, ErrNotExist) }
