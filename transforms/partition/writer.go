package partition

import (
	"encoding/binary"

	"foray/transforms/packed"
	"foray/transforms/spill"
)

// blockEvents is the number of events of a block: some 80 kB.
const blockEvents = 8192

// nameBytes is the size at which a block of user ids is full.
const nameBytes = 256 << 10

// Writer packs the events of one split into blocks of each partition. It is
// for one goroutine.
type Writer struct {
	// Count and Bytes are the events added, and the bytes of their blocks.
	Count, Bytes int64

	emit  func(partition int, element []byte)
	spill *spill.Writer
	parts [Partitions]Events
	names *[Partitions]names
	err   error
}

// names are the user ids of one partition.
type names struct {
	known   map[int64]struct{}
	waiting []byte
	count   uint64
}

// NewWriter makes a Writer, which spills to a folder if there is one. Names
// asks for the users' ids, too.
func NewWriter(folder string, withNames bool, emit func(partition int, element []byte)) *Writer {
	w := &Writer{emit: emit, spill: spill.NewWriter(folder)}
	if withNames {
		w.names = new([Partitions]names)
	}
	return w
}

// Add adds one event. Trouble with the file is told by Close.
func (w *Writer) Add(user []byte, micros, item int64) {
	partition, rest := Of(user)
	if w.names != nil {
		w.name(partition, rest, user)
	}
	e := &w.parts[partition]
	e.Users = append(e.Users, rest)
	e.Times = append(e.Times, micros)
	e.Items = append(e.Items, item)
	w.Count++
	if len(e.Users) == blockEvents {
		w.sendEvents(partition)
	}
}

// Close sends what is left. The events are lost if it gives an error.
func (w *Writer) Close() error {
	for i := range w.parts {
		w.sendEvents(i)
		if w.names != nil {
			w.sendNames(i)
		}
	}
	if err := w.spill.Close(); w.err == nil {
		w.err = err
	}
	return w.err
}

func (w *Writer) name(partition int, rest int64, id []byte) {
	n := &w.names[partition]
	if _, ok := n.known[rest]; ok {
		return
	}
	if n.known == nil {
		n.known = map[int64]struct{}{}
	}
	n.known[rest] = struct{}{}
	n.waiting = appendName(n.waiting, rest, string(id))
	if n.count++; len(n.waiting) >= nameBytes {
		w.sendNames(partition)
	}
}

func (w *Writer) sendNames(partition int) {
	n := &w.names[partition]
	if n.count == 0 {
		return
	}
	block := binary.AppendUvarint([]byte{namesBlock}, n.count)
	w.send(partition, append(block, n.waiting...))
	n.waiting, n.count = n.waiting[:0], 0
}

func (w *Writer) sendEvents(partition int) {
	e := &w.parts[partition]
	if e.Len() == 0 {
		return
	}
	block := packed.Append([]byte{eventsBlock}, e.Users, e.Times, e.Items)
	w.Bytes += int64(len(block))
	w.send(partition, block)
	e.Users, e.Times, e.Items = e.Users[:0], e.Times[:0], e.Items[:0]
}

func (w *Writer) send(partition int, block []byte) {
	if w.err != nil {
		return
	}
	var element []byte
	if element, w.err = w.spill.Put(block); w.err == nil {
		w.emit(partition, element)
	}
}
