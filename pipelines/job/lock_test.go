package job

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestLockTidiesUp(t *testing.T) {
	out := t.TempDir()
	t.Chdir(out)
	long := time.Now().Add(-2 * time.Hour)
	for name, written := range map[string]time.Time{
		"lookup/_attempts/v=1/.tmp-shard-1": long, "lookup/_attempts/v=2/.tmp-shard-1": time.Now(),
		"lookup/_attempts/v=3/shard-1": long, "keys/_attempts/v=1/.tmp-shard-1": long, "keys/v=1/.tmp-part-1": long,
		"keys/v=2/part-1": long, "_scratch/x/y": time.Now(),
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, written, written); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll("keys/_attempts/v=2", 0o777); err != nil {
		t.Fatal(err)
	}
	unlock, err := Lock(out)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	var left []string
	if err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		left = append(left, path)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{".", "keys", "keys/v=2", "keys/v=2/part-1", "lookup", "lookup/_attempts",
		"lookup/_attempts/v=2", "lookup/_attempts/v=2/.tmp-shard-1", "lookup/_attempts/v=3", "lookup/_attempts/v=3/shard-1"}
	if !slices.Equal(left, want) {
		t.Errorf("left are\n%q, want\n%q", left, want)
	}
}
