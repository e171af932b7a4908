package paidlog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// folderBucket is a Bucket below a local folder. A file is written under
// another name, synced, renamed, and its folder synced, so that a name is
// whole or absent after a crash too.
type folderBucket string

func (b folderBucket) path(name string) string {
	return filepath.Join(string(b), filepath.FromSlash(name))
}

// Put implements Bucket.
func (b folderBucket) Put(ctx context.Context, name string, write func(io.Writer) error) (err error) {
	final := b.path(name)
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", final, err)
		}
	}()
	if err := os.MkdirAll(filepath.Dir(final), 0o777); err != nil {
		return err
	}
	// One writer at a time holds the paid log, so the name is free, or a
	// crash left it.
	f, err := os.Create(final + ".tmp")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // no longer there once renamed
	defer f.Close()
	w := bufio.NewWriterSize(f, 64<<10)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), final); err != nil {
		return err
	}
	if err := syncFolder(filepath.Dir(final)); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(filepath.Dir(final))) // the folder may be new
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
func (b folderBucket) Open(_ context.Context, name string) (io.ReadCloser, error) {
	return os.Open(b.path(name))
}

// List implements Bucket, for prefixes that end in a slash.
func (b folderBucket) List(_ context.Context, prefix string) ([]string, error) {
	entries, err := os.ReadDir(b.path(prefix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && !strings.HasSuffix(e.Name(), ".tmp") {
			names = append(names, path.Join(prefix, e.Name()))
		}
	}
	return names, nil
}
