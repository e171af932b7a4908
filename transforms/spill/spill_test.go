package spill

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBlocksComeBack(t *testing.T) {
	for _, folder := range []string{"", filepath.Join(t.TempDir(), "new", "folder")} {
		var elements [][]byte
		room := make([]byte, 0, 5000)
		for writer := range 3 {
			w := NewWriter(folder)
			for i := range 40 {
				room = append(room[:0], bytes.Repeat([]byte{byte(writer), byte(i)}, i*i)...)
				element, err := w.Put(room)
				if err != nil {
					t.Fatal(err)
				}
				elements = append(elements, element)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		var r Reader
		for n, element := range elements {
			i := n % 40
			got, err := r.Get(element)
			if err != nil || !bytes.Equal(got, bytes.Repeat([]byte{byte(n / 40), byte(i)}, i*i)) {
				t.Fatalf("block %d in %q: %d bytes, %v", n, folder, len(got), err)
			}
			if folder != "" && len(element) > 200 {
				t.Errorf("%d bytes travel for a spilled block", len(element))
			}
		}
		r.Close()
	}
}

func TestTroubleIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := NewWriter(file).Put([]byte("x")); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a folder that cannot be made gave %v", err)
	}
	folder := t.TempDir()
	w := NewWriter(folder)
	element, err := w.Put(make([]byte, 1000))
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(folder + "/*")
	if err != nil || len(files) != 1 || os.Truncate(files[0], 100) != nil {
		t.Fatalf("files %q, %v", files, err)
	}
	var r Reader
	if _, err := r.Get(element); err == nil || !strings.Contains(err.Error(), files[0]) {
		t.Errorf("a cut file gave %v", err)
	}
	r.Close()
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	for _, element := range [][]byte{element, nil, {'x'}, {place}, {place, 1}, []byte(fmt.Sprintf("%c\xff\xff\xff\xff\xff\xff\xff\xff", place))} {
		if _, err := r.Get(element); err == nil {
			t.Errorf("%q is no error", element)
		}
	}
}
