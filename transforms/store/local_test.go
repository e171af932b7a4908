package store_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"foray/transforms/store"
	"foray/transforms/store/storetest"
)

func openLocal(t *testing.T) store.Bucket { return store.Local(filepath.Join(t.TempDir(), "out")) }

func TestLocal(t *testing.T) {
	storetest.TestBucket(t, openLocal)
	storetest.TestConcurrent(t, openLocal)
}

func TestLocalRelative(t *testing.T) {
	for _, root := range []string{"", ".", "./", "out", "out/"} {
		t.Run(root, func(t *testing.T) {
			storetest.TestBucket(t, func(t *testing.T) store.Bucket {
				t.Chdir(t.TempDir())
				return store.Local(root)
			})
		})
	}
}

func TestLocalLeavesNothingBehind(t *testing.T) {
	root := t.TempDir()
	b := store.Local(root)
	for _, name := range []string{"a/b/c", "a/b/d"} {
		if err := store.Write(t.Context(), b, name, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Move(t.Context(), "a/b/c", "x"); err != nil {
		t.Fatal(err)
	}
	if err := b.Remove(t.Context(), "a/b/d"); err != nil {
		t.Fatal(err)
	}
	if err := b.Remove(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	failed := errors.New("spent quota")
	if err := b.Put(t.Context(), "t/_attempts/v=1/shard", store.IfAbsent, func(io.Writer) error { return failed }); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(root)
	if err != nil || len(entries) != 0 {
		t.Errorf("the bucket's own folder holds %v, %v; want it there and empty", entries, err)
	}
}

func TestOpenScheme(t *testing.T) {
	dir := t.TempDir()
	for _, url := range []string{dir, "file://" + dir} {
		b, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := b.URL("x"), filepath.Join(dir, "x"); got != want {
			t.Errorf("open %s: the URL of x is %s, want %s", url, got, want)
		}
	}
	if _, err := store.Open(t.Context(), "nowhere://x"); err == nil {
		t.Error("a scheme that nobody registered was opened")
	}
}
