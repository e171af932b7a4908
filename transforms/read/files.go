package read

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"foray/schemas"
	"foray/transforms/store"
)

// Files lists the files that a pattern names: one path or a glob (*, ?, […]),
// local or of any scheme that the store knows, or several separated by commas.
// Sorted, so that what comes after is the same everywhere; a file that several
// patterns name is read once.
func Files(ctx context.Context, flag, pattern string) ([]schemas.Input, error) {
	var files []schemas.Input
	for _, p := range strings.Split(pattern, ",") {
		found, err := glob(ctx, p)
		if err != nil && !errors.Is(err, store.ErrNotExist) {
			return nil, fmt.Errorf("--%s=%s: %w", flag, pattern, err)
		}
		if len(found) == 0 {
			if strings.ContainsAny(p, "*?[") {
				return nil, optionError("--%s=%s: no file matches %s", flag, pattern, p)
			}
			return nil, optionError("--%s=%s: there is no file %s", flag, pattern, p)
		}
		files = append(files, found...)
	}
	slices.SortStableFunc(files, func(a, b schemas.Input) int { return cmp.Compare(a.Path, b.Path) })
	return slices.CompactFunc(files, func(a, b schemas.Input) bool { return a.Path == b.Path }), nil
}

func glob(ctx context.Context, pattern string) ([]schemas.Input, error) {
	root, name := splitURL(pattern)
	b, err := store.Open(ctx, root)
	if err != nil {
		return nil, err
	}
	if !strings.ContainsAny(name, "*?[") {
		info, err := b.Stat(ctx, name)
		if err != nil {
			return nil, err
		}
		return []schemas.Input{{Path: pattern, Bytes: info.Size, Generation: info.Generation}}, nil
	}
	if _, err := path.Match(name, ""); err != nil {
		return nil, err
	}
	literal := name[:strings.IndexAny(name, "*?[")]
	infos, err := b.List(ctx, literal)
	if err != nil {
		return nil, err
	}
	before, ok := strings.CutSuffix(pattern, name)
	if !ok { // name is a cleaned local path
		before = strings.TrimPrefix(root, ".")
	}
	var files []schemas.Input
	for _, info := range infos {
		if ok, _ := path.Match(name, info.Name); ok {
			files = append(files, schemas.Input{Path: before + info.Name, Bytes: info.Size, Generation: info.Generation})
		}
	}
	return files, nil
}

// splitURL parts a path into a bucket and a name in it.
func splitURL(url string) (root, name string) {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		// Local names are relative to a folder; "/" is one, too.
		if strings.HasPrefix(url, "/") {
			return "/", strings.TrimPrefix(path.Clean(url), "/")
		}
		return ".", path.Clean(url)
	}
	bucket, name, _ := strings.Cut(rest, "/")
	if scheme == "file" && bucket == "" {
		return "file:///", name
	}
	return scheme + "://" + bucket, name
}

// open opens a stretch of a file as it is stored; length −1 is up to its end.
func open(ctx context.Context, url string, offset, length int64) (io.ReadCloser, error) {
	root, name := splitURL(url)
	b, err := store.Open(ctx, root)
	if err != nil {
		return nil, err
	}
	return b.Open(ctx, name, offset, length)
}

// Open opens a file that Files has found, and unpacks it if its extension is
// .gz or .zst.
func Open(ctx context.Context, url string) (io.ReadCloser, error) {
	return unpack(ctx, url, compressionOf(url, nil))
}

// unpack opens a file and unpacks it.
func unpack(ctx context.Context, url string, how Compression) (io.ReadCloser, error) {
	f, err := open(ctx, url, 0, -1)
	if err != nil {
		return nil, err
	}
	switch how {
	case Gzip:
		z, err := gzip.NewReader(f)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: is no gzip file: %w", url, err)
		}
		return unpacked{z, url, how, z.Close, f}, nil
	case Zstd:
		z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: is no zstd file: %w", url, err)
		}
		return unpacked{z, url, how, func() error { z.Close(); return nil }, f}, nil
	}
	return f, nil
}

// unpacked closes the unpacker and the file below it, and says what is wrong
// with a packed file.
type unpacked struct {
	from  io.Reader
	url   string
	how   Compression
	close func() error
	below io.Closer
}

func (u unpacked) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return n, fmt.Errorf("the %s file is cut short: copy it again, whole: %w", u.how, err)
	}
	return n, fmt.Errorf("the %s file is damaged: copy it again: %w", u.how, err)
}

func (u unpacked) Close() error { return errors.Join(u.close(), u.below.Close()) }

// readerAt reads a file at any place.
type readerAt struct {
	ctx context.Context
	url string
}

// ReadAt implements io.ReaderAt.
func (r readerAt) ReadAt(p []byte, off int64) (int, error) {
	f, err := open(r.ctx, r.url, off, int64(len(p)))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return io.ReadFull(f, p)
}

// isLocal says that reading a file a second time costs next to nothing.
func isLocal(url string) bool {
	scheme, _, ok := strings.Cut(url, "://")
	return !ok || scheme == "file"
}
