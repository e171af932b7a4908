// Package gcs keeps tables in Google Cloud Storage. Importing it makes
// gs://bucket/prefix known to store.Open.
//
// A Put is one upload with a precondition that the store itself checks, so
// that of two publishers one fails and notices. Moving is a copy inside the
// store and a delete: objects cannot be renamed. STORAGE_EMULATOR_HOST names
// an emulator to use instead.
package gcs

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"

	"foray/transforms/store"
)

// Scheme is that of the URLs.
const Scheme = "gs"

func init() { store.Register(Scheme, Open) }

// bucket is a store.Bucket over the objects below a prefix.
type bucket struct {
	objects *storage.BucketHandle
	name    string
	prefix  string // empty, or ends in a slash
}

// Open opens gs://bucket or gs://bucket/prefix. Nothing is asked of the store
// yet, so that a bucket that does not exist is told by the first use.
func Open(ctx context.Context, url string) (store.Bucket, error) {
	rest, ok := strings.CutPrefix(url, Scheme+"://")
	name, prefix, _ := strings.Cut(rest, "/")
	if !ok || name == "" {
		return nil, fmt.Errorf("%q names no bucket: want gs://bucket or gs://bucket/folder", url)
	}
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	c, err := client(ctx)
	if err != nil {
		return nil, err
	}
	return &bucket{objects: c.Bucket(name), name: name, prefix: prefix}, nil
}

// URL implements store.Bucket.
func (b *bucket) URL(name string) string { return Scheme + "://" + b.name + "/" + b.prefix + name }

func (b *bucket) object(name string) *storage.ObjectHandle { return b.objects.Object(b.prefix + name) }

// uploadBytes is how much of an object is sent, and kept for sending it
// again, at a time; every open upload holds as much memory.
const uploadBytes = 4 << 20

// writerKey marks an object with a random word of the Put that wrote it.
const writerKey = "foray-put"

// Put implements store.Bucket.
func (b *bucket) Put(ctx context.Context, name string, when store.Precondition, write func(io.Writer) error) error {
	object := b.object(name)
	want, checked := when.Generation()
	switch {
	case checked && want == "":
		object = object.If(storage.Conditions{DoesNotExist: true})
	case checked:
		g, err := strconv.ParseInt(want, 10, 64)
		if err != nil || g <= 0 {
			return fmt.Errorf("write %s: %q is no generation of an object: %w", b.URL(name), want, store.ErrPrecondition)
		}
		object = object.If(storage.Conditions{GenerationMatch: g})
	}
	// Close publishes whatever was written so far, so after an error the
	// upload has to be cancelled first.
	uploading, cancel := context.WithCancel(ctx)
	defer cancel()
	w := object.NewWriter(uploading)
	w.ChunkSize = uploadBytes
	w.ContentType = "application/octet-stream"
	id := rand.Text()
	w.Metadata = map[string]string{writerKey: id}
	if err := write(w); err != nil {
		cancel()
		_ = w.Close()
		return b.explain("write", name, err)
	}
	err := w.Close()
	if err == nil {
		return nil
	}
	if status(err) == http.StatusPreconditionFailed && b.wrote(ctx, name, id) {
		return nil
	}
	return b.explain("write", name, err)
}

// wrote tells whether name is what the Put of this id wrote: the client sends
// an upload again when the answer was lost, and then finds its own first try.
func (b *bucket) wrote(ctx context.Context, name, id string) bool {
	attrs, err := b.object(name).Attrs(ctx)
	return err == nil && attrs.Metadata[writerKey] == id
}

// Open implements store.Bucket. An object with a Content-Encoding of gzip is
// unpacked by the store, whatever its name.
func (b *bucket) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if length == 0 {
		_, err := b.Stat(ctx, name)
		return io.NopCloser(bytes.NewReader(nil)), err
	}
	r, err := b.object(name).NewRangeReader(ctx, offset, length)
	if status(err) == http.StatusRequestedRangeNotSatisfiable {
		return io.NopCloser(bytes.NewReader(nil)), nil // from the end on
	}
	if err != nil {
		return nil, b.explain("read", name, err)
	}
	return r, nil
}

// Stat implements store.Bucket.
func (b *bucket) Stat(ctx context.Context, name string) (store.Info, error) {
	attrs, err := b.object(name).Attrs(ctx)
	if err != nil {
		return store.Info{}, b.explain("look for", name, err)
	}
	return b.info(attrs), nil
}

func (b *bucket) info(attrs *storage.ObjectAttrs) store.Info {
	return store.Info{
		Name:       strings.TrimPrefix(attrs.Name, b.prefix),
		Size:       attrs.Size,
		Generation: strconv.FormatInt(attrs.Generation, 10),
	}
}

// List implements store.Bucket. The store lists in the order of names.
func (b *bucket) List(ctx context.Context, prefix string) ([]store.Info, error) {
	q := &storage.Query{Prefix: b.prefix + prefix, Projection: storage.ProjectionNoACL}
	if err := q.SetAttrSelection([]string{"Name", "Size", "Generation"}); err != nil {
		return nil, err
	}
	var infos []store.Info
	it := b.objects.Objects(ctx, q)
	for {
		attrs, err := it.Next()
		if errors.Is(err, iterator.Done) {
			return infos, nil
		}
		if err != nil {
			return nil, b.explain("list", prefix, err)
		}
		if !strings.HasSuffix(attrs.Name, "/") { // what consoles make to show a folder
			infos = append(infos, b.info(attrs))
		}
	}
}

// Move implements store.Bucket.
func (b *bucket) Move(ctx context.Context, from, to string) error {
	if _, err := b.object(to).CopierFrom(b.object(from)).Run(ctx); err != nil {
		return b.explain("move to "+b.URL(to)+" from", from, err)
	}
	return b.Remove(ctx, from)
}

// Remove implements store.Bucket.
func (b *bucket) Remove(ctx context.Context, name string) error {
	err := b.object(name).Delete(ctx)
	if err == nil {
		return nil
	}
	if err = b.explain("remove", name, err); errors.Is(err, store.ErrNotExist) {
		return nil
	}
	return err
}

// status is the HTTP status that err carries, or 0.
func status(err error) int {
	var e *googleapi.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// explain turns an error of the client into the store's, with the URL and what
// to do about it.
func (b *bucket) explain(doing, name string, err error) error {
	url := b.URL(name)
	code := status(err)
	switch {
	case errors.Is(err, storage.ErrBucketNotExist), code == http.StatusNotFound && (doing == "write" || strings.Contains(err.Error(), "bucket does not exist")):
		return fmt.Errorf("%s %s: there is no bucket gs://%s; make it with `gcloud storage buckets create gs://%s`: %w", doing, url, b.name, b.name, err)
	case errors.Is(err, storage.ErrObjectNotExist), code == http.StatusNotFound:
		return fmt.Errorf("%s %s: %w", doing, url, store.ErrNotExist)
	case code == http.StatusPreconditionFailed:
		return fmt.Errorf("%s %s: %w", doing, url, store.ErrPrecondition)
	case code == http.StatusUnauthorized:
		return fmt.Errorf("%s %s: %w; %s", doing, url, err, signIn)
	case code == http.StatusForbidden:
		return fmt.Errorf("%s %s: %w; give the account roles/storage.objectUser on gs://%s", doing, url, err, b.name)
	}
	return fmt.Errorf("%s %s: %w", doing, url, err)
}
