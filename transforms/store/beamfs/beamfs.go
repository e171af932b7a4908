// Package beamfs keeps tables wherever Apache Beam's Go SDK has a file system
// for: s3://, and what else the program imports. Importing this package makes
// it store.Open's fallback for schemes that nobody else registered.
//
// It promises less than the other stores do. Beam's file systems know no
// preconditions: Put looks at what is there before it writes, and of two that
// write a name at once the last one wins, unnoticed; so only one run at a time
// should publish to an output. They know no generations either: sizes and
// times of change stand in, where the file system tells them. There are no
// ranged reads: bytes before the offset are read and dropped. Names lie at
// most 8 folders deep.
package beamfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"

	"foray/transforms/store"
)

func init() { store.Register("", Open) }

// bucket is a store.Bucket over a Beam file system.
type bucket struct {
	fs   filesystem.Interface
	root string // without a slash at its end
}

// Open opens a URL of any scheme that a Beam file system is registered for.
// The file system must be able to remove files.
func Open(ctx context.Context, url string) (store.Bucket, error) {
	fs, err := filesystem.New(ctx, url)
	if err != nil {
		return nil, err
	}
	if _, ok := fs.(filesystem.Remover); !ok {
		return nil, errors.New("its Beam file system cannot remove files: use a local path or gs://")
	}
	return &bucket{fs: fs, root: strings.TrimRight(url, "/")}, nil
}

// URL implements store.Bucket.
func (b *bucket) URL(name string) string { return b.root + "/" + name }

// Put implements store.Bucket.
func (b *bucket) Put(ctx context.Context, name string, when store.Precondition, write func(io.Writer) error) (err error) {
	url := b.URL(name)
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", url, err)
		}
	}()
	// Closing a file publishes it, whatever went wrong before. So what is
	// written gathers on the local disk until it is whole.
	spool, err := os.CreateTemp("", "foray-put-")
	if err != nil {
		return err
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	if err := write(spool); err != nil {
		return err
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := b.check(ctx, name, when); err != nil {
		return err
	}
	uploading, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := b.fs.OpenWrite(uploading, url)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, spool); err != nil {
		cancel() // before Close, which would publish a part of it
		w.Close()
		return err
	}
	return w.Close()
}

// check holds name against a precondition as it is now.
func (b *bucket) check(ctx context.Context, name string, when store.Precondition) error {
	want, checked := when.Generation()
	if !checked {
		return ctx.Err()
	}
	have := ""
	if info, err := b.Stat(ctx, name); err == nil {
		have = info.Generation
	} else if !errors.Is(err, store.ErrNotExist) {
		return err
	}
	if have != want {
		return store.ErrPrecondition
	}
	return nil
}

// Open implements store.Bucket.
func (b *bucket) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	r, err := b.fs.OpenRead(ctx, b.URL(name))
	if err != nil {
		return nil, b.explain(ctx, "read", name, err)
	}
	if _, err := io.CopyN(io.Discard, r, offset); err != nil && err != io.EOF {
		r.Close()
		return nil, fmt.Errorf("read %s: %w", b.URL(name), err)
	}
	if length < 0 {
		return r, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r, length), r}, nil
}

// Stat implements store.Bucket.
func (b *bucket) Stat(ctx context.Context, name string) (store.Info, error) {
	size, err := b.fs.Size(ctx, b.URL(name))
	if err != nil {
		return store.Info{}, b.explain(ctx, "look for", name, err)
	}
	info := store.Info{Name: name, Size: size, Generation: fmt.Sprint(size)}
	if fs, ok := b.fs.(filesystem.LastModifiedGetter); ok {
		changed, err := fs.LastModified(ctx, b.URL(name))
		if err != nil {
			return store.Info{}, b.explain(ctx, "look for", name, err)
		}
		info.Generation = fmt.Sprintf("%d-%d", changed.UnixNano(), size)
	}
	return info, nil
}

// depth is how many folders deep List looks.
const depth = 8

// List implements store.Bucket.
func (b *bucket) List(ctx context.Context, prefix string) ([]store.Info, error) {
	// A star of Beam's stops at a slash, hence one pattern for each depth.
	// What a pattern would read as more than a letter is left to the star.
	pattern := b.URL(prefix)
	if i := strings.IndexAny(pattern, `*?[\`); i >= 0 {
		pattern = pattern[:i]
	}
	var names []string
	for range depth + 1 {
		pattern += "*"
		urls, err := b.fs.List(ctx, pattern)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", b.URL(prefix), err)
		}
		for _, url := range urls {
			if name, ok := strings.CutPrefix(url, b.root+"/"); ok && strings.HasPrefix(name, prefix) {
				names = append(names, name)
			}
		}
		pattern += "/"
	}
	slices.Sort(names)
	var infos []store.Info
	for _, name := range slices.Compact(names) {
		info, err := b.Stat(ctx, name)
		if errors.Is(err, store.ErrNotExist) {
			continue // removed since
		}
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// Move implements store.Bucket.
func (b *bucket) Move(ctx context.Context, from, to string) error {
	// Some file systems move what is not there, as nothing.
	if _, err := b.Stat(ctx, from); err != nil {
		return err
	}
	if err := filesystem.Rename(ctx, b.fs, b.URL(from), b.URL(to)); err != nil {
		return fmt.Errorf("move %s to %s: %w", b.URL(from), b.URL(to), err)
	}
	return nil
}

// Remove implements store.Bucket.
func (b *bucket) Remove(ctx context.Context, name string) error {
	err := b.fs.(filesystem.Remover).Remove(ctx, b.URL(name))
	if err == nil {
		return nil
	}
	if err = b.explain(ctx, "remove", name, err); errors.Is(err, store.ErrNotExist) {
		return nil
	}
	return err
}

// explain says whether name is not there. Each file system says it by an error
// of its own, or by a bare text; so where the error is not the common one, the
// name is looked for in a listing.
func (b *bucket) explain(ctx context.Context, doing, name string, err error) error {
	gone := errors.Is(err, fs.ErrNotExist)
	if !gone && !strings.ContainsAny(b.URL(name), `*?[\`) {
		urls, listerr := b.fs.List(ctx, b.URL(name))
		gone = listerr == nil && !slices.Contains(urls, b.URL(name))
	}
	if gone {
		return fmt.Errorf("%s %s: %w", doing, b.URL(name), store.ErrNotExist)
	}
	return fmt.Errorf("%s %s: %w", doing, b.URL(name), err)
}
