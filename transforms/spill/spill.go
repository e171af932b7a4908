// Package spill keeps large blocks out of a shuffle. The in-process runner
// holds all elements in memory, some of them several times over; so where the
// workers share a disk, blocks wait in files and only their places travel.
package spill

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// What travels starts with a byte that says what it is.
const (
	// inline is followed by the block.
	inline = 'i'
	// place is followed by the block's offset and length, as uvarints, and
	// the path of its file.
	place = 'p'
)

var errDamaged = errors.New("the place of a spilled block is damaged")

// Writer puts the blocks of one piece of work into a file of its own. It is
// for one goroutine.
type Writer struct {
	folder string
	file   *os.File
	at     int64
}

// NewWriter makes a Writer to a folder, which is whoever's made it to remove.
// Without a folder the blocks themselves travel.
func NewWriter(folder string) *Writer { return &Writer{folder: folder} }

// Put takes a block, which may be used again, and gives what is to travel.
func (w *Writer) Put(block []byte) ([]byte, error) {
	if w.folder == "" {
		return append([]byte{inline}, block...), nil
	}
	if w.file == nil {
		if err := os.MkdirAll(w.folder, 0o777); err != nil {
			return nil, w.trouble(err)
		}
		var err error
		if w.file, err = os.CreateTemp(w.folder, "blocks-"); err != nil {
			return nil, w.trouble(err)
		}
	}
	if _, err := w.file.Write(block); err != nil {
		return nil, w.trouble(err)
	}
	element := append(make([]byte, 0, 80), place)
	element = binary.AppendUvarint(element, uint64(w.at))
	element = binary.AppendUvarint(element, uint64(len(block)))
	w.at += int64(len(block))
	return append(element, w.file.Name()...), nil
}

// Settle puts a block into the file that travels by itself, and gives what is
// to travel in its place; a block that waits in a file already stays there.
func (w *Writer) Settle(element []byte) ([]byte, error) {
	if len(element) == 0 || element[0] != inline || w.folder == "" {
		return element, nil
	}
	return w.Put(element[1:])
}

// Close ends the file. The blocks are lost if it gives an error.
func (w *Writer) Close() error {
	if w.file == nil {
		return nil
	}
	if err := w.file.Close(); err != nil {
		return w.trouble(err)
	}
	return nil
}

func (w *Writer) trouble(err error) error {
	return fmt.Errorf("spill to %s: %w", w.folder, err)
}

// Reader gets blocks by what travelled. It is for one goroutine; the zero
// value is ready.
type Reader struct {
	files map[string]*os.File
	room  []byte
}

// maxBlock bounds what a damaged place can ask for.
const maxBlock = 1 << 30

// Get gives a block, valid until the next Get.
func (r *Reader) Get(element []byte) ([]byte, error) {
	if len(element) == 0 {
		return nil, errDamaged
	}
	switch kind, rest := element[0], element[1:]; kind {
	case inline:
		return rest, nil
	case place:
		return r.fetch(rest)
	}
	return nil, errDamaged
}

func (r *Reader) fetch(place []byte) ([]byte, error) {
	offset, n := binary.Uvarint(place)
	if n <= 0 {
		return nil, errDamaged
	}
	place = place[n:]
	length, n := binary.Uvarint(place)
	if n <= 0 || length > maxBlock {
		return nil, errDamaged
	}
	path := string(place[n:])
	f, ok := r.files[path]
	if !ok {
		var err error
		if f, err = os.Open(path); err != nil {
			return nil, fmt.Errorf("read what was spilled: %w", err)
		}
		if r.files == nil {
			r.files = map[string]*os.File{}
		}
		r.files[path] = f
	}
	if uint64(cap(r.room)) < length {
		r.room = make([]byte, length)
	}
	r.room = r.room[:length]
	if _, err := f.ReadAt(r.room, int64(offset)); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read what was spilled: %s: %w", path, err)
	}
	return r.room, nil
}

// Close closes the files.
func (r *Reader) Close() {
	for _, f := range r.files {
		f.Close() // was only read
	}
	r.files = nil
}
