package paidlog

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"foray/transforms/store"
)

// left are the files of calls in flight.
func left(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, Root, "*"+callsSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A run that dies leaves the number of its calls in flight; the next one tells
// of them, and once it has ended well, nobody does any more.
func TestCallsInFlightOutliveTheirRun(t *testing.T) {
	dir := t.TempDir()
	open := func() *Log {
		l, err := Open(context.Background(), store.Local(dir))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	// die is what a kill leaves: the files as they are, and no lock.
	die := func(l *Log) {
		if err := l.keeper.(*journal).lock.Close(); err != nil {
			t.Fatal(err)
		}
	}
	count := func(l *Log, begin, end int) {
		var wg sync.WaitGroup
		for i := range begin {
			wg.Go(func() {
				if err := l.Begin(); err != nil {
					t.Error(err)
				}
				if i < end {
					if err := l.End(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	}
	l := open()
	count(l, 100, 93)
	die(l)

	l = open() // looks, and does not ask: an estimate
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open()
	if n := l.MaybePaid(); n != 7 {
		t.Errorf("%d calls may have been paid for, want 7", n)
	}
	count(l, 10, 8)
	die(l) // before it could tell anybody

	l = open()
	if n := l.MaybePaid(); n != 9 {
		t.Errorf("%d calls of two runs may have been paid for, want 9", n)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open()
	defer l.Close()
	if n := l.MaybePaid(); n != 0 || len(left(t, dir)) != 0 {
		t.Errorf("%d calls are told of again, in %v", n, left(t, dir))
	}
}

func TestCallsThatCannotBeCounted(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, Root), 0o777); err != nil {
		t.Fatal(err)
	}
	// Of a run that died before it had begun to count.
	if err := os.WriteFile(filepath.Join(dir, Root, "20260102T030405.000000000Z-0"+callsSuffix), []byte("half"), 0o666); err != nil {
		t.Fatal(err)
	}
	l, err := Open(context.Background(), store.Local(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if n := l.MaybePaid(); n != 0 {
		t.Errorf("%d calls may have been paid for, want 0", n)
	}
	if err := os.RemoveAll(filepath.Join(dir, Root)); err != nil {
		t.Fatal(err)
	}
	if err := l.Begin(); err == nil || !strings.Contains(err.Error(), "count the calls in flight") {
		t.Errorf("counting in a folder that is gone: %v", err)
	}
}

func BenchmarkCalls(b *testing.B) {
	l, err := Open(context.Background(), store.Local(b.TempDir()))
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if l.Begin() != nil || l.End() != nil {
				b.Error("not counted")
			}
		}
	})
}
