package partition

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"foray/transforms/packed"
)

// A block is one kind of content behind a byte that says which.
const (
	// eventsBlock holds packed columns: users, times, items.
	eventsBlock = 'e'
	// namesBlock holds user ids: uvarint count, then for each 8 bytes of hash
	// and the id behind its uvarint length.
	namesBlock = 'n'
	// placeBlock says where a block stands: uvarint offset, uvarint length,
	// and the path of the file.
	placeBlock = 'p'
)

var errDamaged = errors.New("block of events: damaged")

func appendPlace(out []byte, path string, offset, length int64) []byte {
	out = append(out, placeBlock)
	out = binary.AppendUvarint(out, uint64(offset))
	out = binary.AppendUvarint(out, uint64(length))
	return append(out, path...)
}

// Blocks are a partition's blocks as they came out of the shuffle.
type Blocks [][]byte

// Take takes all of an iterator's blocks. What is in them is looked at in
// Load, so that this, which the runner waits for, is short.
func Take(next func(*[]byte) bool) Blocks {
	var b Blocks
	for block := []byte(nil); next(&block); {
		b = append(b, block)
	}
	return b
}

// Load unpacks the blocks.
func (b Blocks) Load() (*Events, error) {
	e := &Events{}
	files := map[string]*os.File{}
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	var room []byte
	for _, block := range b {
		if len(block) > 0 && block[0] == placeBlock {
			var err error
			if block, err = fetch(block[1:], files, room); err != nil {
				return nil, err
			}
			room = block
		}
		if err := e.append(block); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// fetch reads the block that a placeBlock names, into room if it fits.
func fetch(place []byte, files map[string]*os.File, room []byte) ([]byte, error) {
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
	f, ok := files[path]
	if !ok {
		var err error
		if f, err = os.Open(path); err != nil {
			return nil, fmt.Errorf("read spilled events: %w", err)
		}
		files[path] = f
	}
	if uint64(cap(room)) < length {
		room = make([]byte, length)
	}
	room = room[:length]
	if _, err := f.ReadAt(room, int64(offset)); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read spilled events: %s: %w", path, err)
	}
	return room, nil
}

// maxBlock bounds what a damaged place can ask for.
const maxBlock = 1 << 30

// Events are the events of one partition, in columns of equal length.
type Events struct {
	// Users are the hashes of users within the partition.
	Users []int64
	// Times are in microseconds since 1970.
	Times []int64
	// Items are what the reader made of item ids.
	Items []int64
	// Names are the ids of users, where they were asked for.
	Names map[int64]string
}

// Len is the number of events.
func (e *Events) Len() int { return len(e.Users) }

func (e *Events) append(block []byte) error {
	if len(block) == 0 {
		return errDamaged
	}
	switch kind, rest := block[0], block[1:]; kind {
	case eventsBlock:
		return packed.Decode(rest, &e.Users, &e.Times, &e.Items)
	case namesBlock:
		return e.appendNames(rest)
	}
	return errDamaged
}

func appendName(out []byte, user int64, id string) []byte {
	out = binary.LittleEndian.AppendUint64(out, uint64(user))
	out = binary.AppendUvarint(out, uint64(len(id)))
	return append(out, id...)
}

func (e *Events) appendNames(rest []byte) error {
	if e.Names == nil {
		e.Names = map[int64]string{}
	}
	count, n := binary.Uvarint(rest)
	if n <= 0 {
		return errDamaged
	}
	rest = rest[n:]
	for range count {
		if len(rest) < 8 {
			return errDamaged
		}
		user := int64(binary.LittleEndian.Uint64(rest))
		rest = rest[8:]
		length, n := binary.Uvarint(rest)
		if n <= 0 || length > uint64(len(rest)-n) {
			return errDamaged
		}
		if _, ok := e.Names[user]; !ok {
			e.Names[user] = string(rest[n : n+int(length)])
		}
		rest = rest[n+int(length):]
	}
	if len(rest) > 0 {
		return errDamaged
	}
	return nil
}
