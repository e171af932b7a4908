// Package store keeps tables as directories of immutable versions with a
// pointer, on local disks and object stores alike.
//
// A table NAME below an output is
//
//	NAME/v=20260102T030405.678Z/part-00000-of-00004.parquet …
//	NAME/v=20260102T030405.678Z/_manifest.json
//	NAME/v=20260102T030405.678Z/_SUCCESS
//	NAME/CURRENT                       one line: v=20260102T030405.678Z
//
// written in this order, so that whoever follows CURRENT sees whole versions
// only. Shards are written first as attempts below _attempts/, under names of
// their own; Commit moves the winners into the version.
//
// All of it stands on Bucket, an interface small enough to be true of a file
// system and of an object store. Local paths are built in; other schemes
// register themselves (see store/gcs and store/beamfs).
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

var (
	// ErrNotExist is returned, wrapped, by Open, Stat and Move for a name
	// that is not there.
	ErrNotExist = errors.New("does not exist")
	// ErrPrecondition is returned, wrapped, by Put when what is there is not
	// of the generation that the caller asked for: somebody else wrote.
	ErrPrecondition = errors.New("changed by somebody else")
)

// Bucket is a flat space of named byte strings. Names are slash-separated and
// relative; a missing folder is no error. All methods are safe for concurrent
// use.
type Bucket interface {
	// Put stores what write writes under name: whole or, if write or the
	// store fails, not at all. Durable on return.
	Put(ctx context.Context, name string, when Precondition, write func(io.Writer) error) error
	// Open reads length bytes of name from offset; all to the end if length
	// is negative.
	Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error)
	// Stat tells size and generation of name.
	Stat(ctx context.Context, name string) (Info, error)
	// List tells every name that starts with prefix, sorted.
	List(ctx context.Context, prefix string) ([]Info, error)
	// Move gives from the name to, over what may be there: a rename on a
	// disk, a copy inside the store and a delete elsewhere.
	Move(ctx context.Context, from, to string) error
	// Remove deletes name; one that is not there is no error.
	Remove(ctx context.Context, name string) error
	// URL is the path of name as other programs take it.
	URL(name string) string
}

// Info describes one stored name.
type Info struct {
	Name string
	Size int64
	// Generation changes with each write of the name.
	Generation string
}

// Precondition says what must be there for a Put to happen.
type Precondition struct {
	checked    bool
	generation string
}

// Always puts, whatever is there.
var Always = Precondition{}

// IfAbsent puts only where nothing is there.
var IfAbsent = Precondition{checked: true}

// IfGeneration puts only over that generation.
func IfGeneration(g string) Precondition { return Precondition{checked: true, generation: g} }

// Generation is the generation asked for ("" for absent), and whether any is.
func (p Precondition) Generation() (string, bool) { return p.generation, p.checked }

// Opener opens the bucket at a URL of its scheme.
type Opener func(ctx context.Context, url string) (Bucket, error)

var (
	mu      sync.Mutex
	openers = map[string]Opener{}
)

// Register makes a scheme such as "gs" known to Open; "" is the fallback for
// all other schemes. Meant for init functions.
func Register(scheme string, open Opener) {
	mu.Lock()
	defer mu.Unlock()
	openers[scheme] = open
}

// Open opens the bucket at url: a local path (or file://), or a scheme that
// was registered.
func Open(ctx context.Context, url string) (Bucket, error) {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return Local(url), nil
	}
	if scheme == "file" {
		return Local(rest), nil
	}
	mu.Lock()
	open := openers[scheme]
	if open == nil {
		open = openers[""]
	}
	mu.Unlock()
	if open == nil {
		return nil, fmt.Errorf("open %s: this program knows no storage called %q; use a local path or gs://", url, scheme)
	}
	b, err := open(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", url, err)
	}
	return b, nil
}

// Read reads all of name.
func Read(ctx context.Context, b Bucket, name string) ([]byte, error) {
	r, err := b.Open(ctx, name, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", b.URL(name), err)
	}
	return data, nil
}

// Write stores data under name, whatever is there.
func Write(ctx context.Context, b Bucket, name string, data []byte) error {
	return b.Put(ctx, name, Always, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}
