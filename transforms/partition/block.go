package partition

import (
	"encoding/binary"
	"errors"

	"foray/transforms/packed"
	"foray/transforms/spill"
)

// A block is one kind of content behind a byte that says which.
const (
	// eventsBlock holds packed columns: users, times, items.
	eventsBlock = 'e'
	// namesBlock holds user ids: uvarint count, then for each 8 bytes of hash
	// and the id behind its uvarint length.
	namesBlock = 'n'
	// spanBlock holds the first and the last moment, 8 bytes each.
	spanBlock = 's'
)

var errDamaged = errors.New("block of events: damaged")

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
	e := &Events{Span: NoSpan}
	var r spill.Reader
	defer r.Close()
	for _, element := range b {
		block, err := r.Get(element)
		if err == nil {
			err = e.append(block)
		}
		if err != nil {
			return nil, err
		}
	}
	return e, nil
}

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
	// Span is that of the events of all partitions.
	Span Span
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
	case spanBlock:
		return e.takeSpan(rest)
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
