package paidlog

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The machine may stop at any byte of what it writes.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	const n, clusters = 6, 3
	var ends []int64
	for i := range n {
		appendAll(t, l, i, i+1, clusters, "a")
		info, err := os.Stat(files(t, dir, "*.log")[0])
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, info.Size())
	}
	whole, err := os.ReadFile(files(t, dir, "*.log")[0])
	if err != nil {
		t.Fatal(err)
	}
	for cut := ends[n-3]; cut <= ends[n-1]; cut++ {
		dir := filepath.Join(t.TempDir(), "out")
		writeFile(t, filepath.Join(dir, Root, "a.log"), whole[:cut])
		l := open(t, dir)
		kept := 0
		for kept < n && ends[kept] <= cut {
			kept++
		}
		holds(t, l, 0, kept, clusters, "a")
		for i := kept; i < n; i++ {
			lacks(t, l, i, clusters)
		}
		if torn := cut != ends[kept-1]; torn != (len(l.Warnings()) == 1) {
			t.Fatalf("cut at %d: warnings %q", cut, l.Warnings())
		}
		l.Close()
	}
}

// Damage in the middle loses the record that it hits, and no other.
func TestDamagedFrame(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	appendAll(t, l, 0, 1, 3, "a")
	info, err := os.Stat(files(t, dir, "*.log")[0])
	if err != nil {
		t.Fatal(err)
	}
	frame := int(info.Size())
	appendAll(t, l, 1, 5, 3, "a")
	whole, err := os.ReadFile(files(t, dir, "*.log")[0])
	if err != nil {
		t.Fatal(err)
	}
	for at := frame; at < 2*frame; at++ {
		dir := filepath.Join(t.TempDir(), "out")
		bad := bytes.Clone(whole)
		bad[at] ^= 0x40
		writeFile(t, filepath.Join(dir, Root, "a.log"), bad)
		l := open(t, dir)
		holds(t, l, 0, 1, 3, "a")
		lacks(t, l, 1, 3)
		holds(t, l, 2, 5, 3, "a")
		if w := l.Warnings(); len(w) != 1 || !strings.Contains(w[0], fmt.Sprintf("%d bytes at offset %d", frame, frame)) {
			t.Fatalf("warnings %q", w)
		}
		l.Close()
	}
}

func TestDamagedPart(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	appendAll(t, l, 0, 60, 64, "a") // two folders
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	parts := files(t, dir, "*/*")
	good, err := os.ReadFile(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, bad []byte) {
		writeFile(t, parts[0], bad)
		l := open(t, dir)
		defer l.Close()
		lost := 0
		for i := range 60 {
			r := record(i, 64, "a")
			got, ok, err := l.Lookup(context.Background(), r.ID, r.Key)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if ok && got.Text != r.Text {
				t.Fatalf("%s: record %d has the answer %q, want %q", what, i, got.Text, r.Text)
			}
			if !ok && i >= 32 {
				t.Fatalf("%s: record %d of the other folder is lost", what, i)
			}
			if !ok {
				lost++
			}
		}
		if lost != 0 && lost != 32 {
			t.Fatalf("%s: %d records lost, want all of the part or none", what, lost)
		}
		if (lost == 0) != (len(l.Warnings()) == 0) {
			t.Fatalf("%s: %d lost, with warnings %q", what, lost, l.Warnings())
		}
	}
	check("nothing", good)
	check("empty", nil)
	for at := 0; at < len(good); at += 17 {
		bad := bytes.Clone(good)
		bad[at] ^= 1 << (at % 8)
		check(fmt.Sprintf("bit of byte %d", at), bad)
	}
	for cut := 1; cut < len(good); cut += 511 {
		check(fmt.Sprintf("cut at %d", cut), good[:cut])
	}
}

func TestUnreadablePart(t *testing.T) {
	dir := t.TempDir()
	// A name that cannot be read: its answers may be there, so asking again
	// might pay twice.
	name := filepath.Join(dir, folderName(0), "part-a.parquet")
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "nowhere"), name); err != nil {
		t.Fatal(err)
	}
	l := open(t, dir)
	if _, _, err := l.Lookup(context.Background(), idOf(0), []int32{1}); err == nil {
		t.Error("no error")
	}
	if err := l.Append(context.Background(), record(0, 10, "a")); err == nil {
		t.Error("appended to a folder that cannot be read")
	}
	if _, _, err := l.Lookup(context.Background(), idOf(0), []int32{40}); err != nil {
		t.Errorf("another folder: %v", err)
	}
}

// A disk that fails is an error of this append and of all later ones.
func TestFailingDisk(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	appendAll(t, l, 0, 10, 10, "a")
	j := l.keeper.(*journal)
	j.mu.Lock()
	good := j.file
	readOnly, err := os.Open(good.Name())
	if err != nil {
		t.Fatal(err)
	}
	j.file = readOnly
	j.mu.Unlock()
	for i := 10; i < 12; i++ {
		if err := l.Append(context.Background(), record(i, 10, "a")); err == nil {
			t.Errorf("record %d was kept on a disk that fails", i)
		}
		lacks(t, l, i, 10)
	}
	if err := l.Close(); err == nil {
		t.Error("Close gives no error")
	}
	good.Close()
	again := open(t, dir)
	holds(t, again, 0, 10, 10, "a")
	lacks(t, again, 10, 10)
}
