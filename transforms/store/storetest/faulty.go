package storetest

import (
	"context"
	"errors"
	"io"
	"sync"

	"foray/transforms/store"
)

// ErrCrash is what a Faulty bucket returns from its crash on.
var ErrCrash = errors.New("the process has crashed")

// Crash says how far the call that crashes gets.
type Crash int

// The ways to crash.
const (
	Before Crash = iota // nothing of the call happens
	Midway              // a Move has copied and not removed; else as Before
	After               // all of the call happens, the caller never hears of it
)

// Faulty is a bucket as a process sees it that crashes in its nth call, counted
// from 1: from there on nothing is done any more.
type Faulty struct {
	Bucket store.Bucket
	Crash  Crash
	Nth    int

	mu    sync.Mutex
	calls int
}

// Crashed tells whether the crash has come.
func (f *Faulty) Crashed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls >= f.Nth
}

// step does one call, as far as it gets.
func (f *Faulty) step(whole, half func() error) error {
	f.mu.Lock()
	f.calls++
	calls := f.calls
	f.mu.Unlock()
	if calls < f.Nth {
		return whole()
	}
	if calls == f.Nth {
		switch {
		case f.Crash == After:
			_ = whole()
		case f.Crash == Midway && half != nil:
			_ = half()
		}
	}
	return ErrCrash
}

// Put implements store.Bucket.
func (f *Faulty) Put(ctx context.Context, name string, when store.Precondition, write func(io.Writer) error) error {
	return f.step(func() error { return f.Bucket.Put(ctx, name, when, write) }, nil)
}

// Open implements store.Bucket.
func (f *Faulty) Open(ctx context.Context, name string, offset, length int64) (r io.ReadCloser, err error) {
	err = f.step(func() (err error) {
		r, err = f.Bucket.Open(ctx, name, offset, length)
		return err
	}, nil)
	if err != nil && r != nil {
		r.Close()
		r = nil
	}
	return r, err
}

// Stat implements store.Bucket.
func (f *Faulty) Stat(ctx context.Context, name string) (info store.Info, err error) {
	err = f.step(func() (err error) {
		info, err = f.Bucket.Stat(ctx, name)
		return err
	}, nil)
	return info, err
}

// List implements store.Bucket.
func (f *Faulty) List(ctx context.Context, prefix string) (infos []store.Info, err error) {
	err = f.step(func() (err error) {
		infos, err = f.Bucket.List(ctx, prefix)
		return err
	}, nil)
	return infos, err
}

// Move implements store.Bucket.
func (f *Faulty) Move(ctx context.Context, from, to string) error {
	return f.step(
		func() error { return f.Bucket.Move(ctx, from, to) },
		func() error {
			data, err := store.Read(ctx, f.Bucket, from)
			if err != nil {
				return err
			}
			return store.Write(ctx, f.Bucket, to, data)
		})
}

// Remove implements store.Bucket.
func (f *Faulty) Remove(ctx context.Context, name string) error {
	return f.step(func() error { return f.Bucket.Remove(ctx, name) }, nil)
}

// URL implements store.Bucket.
func (f *Faulty) URL(name string) string { return f.Bucket.URL(name) }
