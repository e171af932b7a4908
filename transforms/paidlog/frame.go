package paidlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"time"

	"foray/llm"
)

// A frame of a log file is
//
//	ff 'f' fe 'r'    which no UTF-8 text holds, to find the next frame after a damaged one
//	length           of the payload, uint32 little endian
//	CRC-32C          of length and payload, uint32 little endian
//	payload          a record, see appendRecord
const (
	frameMagic  = "\xfff\xfer"
	frameHeader = len(frameMagic) + 8
	// maxPayload bounds what is believed of a length.
	maxPayload    = 64 << 20
	payloadFormat = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendFrame appends the frame of a record to buf.
func appendFrame(buf []byte, r *llm.Record) ([]byte, error) {
	start := len(buf)
	buf = append(buf, frameMagic...)
	buf = append(buf, 0, 0, 0, 0, 0, 0, 0, 0)
	buf = appendRecord(buf, r)
	length := len(buf) - start - frameHeader
	if length > maxPayload {
		return buf[:start], fmt.Errorf("an answer of %d bytes is too long for the paid log", len(r.Text))
	}
	head := buf[start+len(frameMagic):]
	binary.LittleEndian.PutUint32(head, uint32(length))
	binary.LittleEndian.PutUint32(head[4:], frameSum(head[:4], buf[start+frameHeader:]))
	return buf, nil
}

func frameSum(length, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, payload)
}

// appendRecord appends a record's bytes: the format, the id, then lengths and
// numbers as varints.
func appendRecord(buf []byte, r *llm.Record) []byte {
	text := func(s string) {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	buf = append(buf, payloadFormat)
	buf = append(buf, r.ID[:]...)
	buf = binary.AppendUvarint(buf, uint64(len(r.Key)))
	for _, c := range r.Key {
		buf = binary.AppendVarint(buf, int64(c))
	}
	text(r.Model)
	text(r.Endpoint)
	text(r.PromptVersion)
	text(r.Text)
	text(r.FinishReason)
	for _, n := range []int64{int64(r.Sample), int64(r.PromptTokens), int64(r.CompletionTokens), r.AskedAt.UnixMicro(), r.Latency.Milliseconds()} {
		buf = binary.AppendVarint(buf, n)
	}
	return buf
}

var errPayload = errors.New("not the bytes of a record")

// parseRecord reads what appendRecord wrote.
func parseRecord(b []byte) (*llm.Record, error) {
	r := &llm.Record{}
	if len(b) < 1+len(r.ID) || b[0] != payloadFormat {
		return nil, errPayload
	}
	copy(r.ID[:], b[1:])
	b = b[1+len(r.ID):]
	ok := true
	size := func() uint64 {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > uint64(len(b)-used) {
			ok = false
			return 0
		}
		b = b[used:]
		return n
	}
	text := func() string {
		n := size()
		s := string(b[:n])
		b = b[n:]
		return s
	}
	number := func(low, high int64) int64 {
		n, used := binary.Varint(b)
		if used <= 0 || n < low || n > high {
			ok = false
			return 0
		}
		b = b[used:]
		return n
	}
	r.Key = make([]int32, size())
	for i := range r.Key {
		r.Key[i] = int32(number(0, math.MaxInt32))
	}
	r.Model, r.Endpoint, r.PromptVersion, r.Text, r.FinishReason = text(), text(), text(), text(), text()
	r.Sample = int(number(0, math.MaxInt32))
	r.PromptTokens = int(number(0, math.MaxInt32))
	r.CompletionTokens = int(number(0, math.MaxInt32))
	r.AskedAt = time.UnixMicro(number(math.MinInt64, math.MaxInt64)).UTC()
	r.Latency = time.Duration(number(0, math.MaxInt32)) * time.Millisecond
	if !ok || len(b) != 0 || len(r.Key) == 0 {
		return nil, errPayload
	}
	return r, nil
}

// place is where a record's payload stands in a log file.
type place struct {
	start  int32 // of the record's folder
	length uint32
	offset int64
}

// damage is a stretch of a log file that is no frame.
type damage struct{ offset, length int64 }

// scan finds all whole frames of a log file of that size, in order, and what
// lies between them.
func scan(file io.ReaderAt, size int64, found func(place)) ([]damage, error) {
	w := window{file: file, size: size}
	var damages []damage
	for at := int64(0); at < size; {
		next, p, err := w.frame(at)
		if err != nil {
			return nil, err
		}
		if next > at {
			found(p)
			at = next
			continue
		}
		// Search on behind the first byte of what is no frame.
		next, err = w.find(at + 1)
		if err != nil {
			return nil, err
		}
		if n := len(damages); n > 0 && damages[n-1].offset+damages[n-1].length == at {
			damages[n-1].length += next - at
		} else {
			damages = append(damages, damage{at, next - at})
		}
		at = next
	}
	return damages, nil
}

// window reads a file ahead.
type window struct {
	file  io.ReaderAt
	size  int64
	start int64
	buf   []byte
}

const readAhead = 1 << 20

// at is up to n bytes from offset: fewer at the end of the file only.
func (w *window) at(offset int64, n int) ([]byte, error) {
	n = int(min(int64(n), w.size-offset))
	if offset < w.start || offset+int64(n) > w.start+int64(len(w.buf)) {
		want := int(min(int64(max(n, readAhead)), w.size-offset))
		if cap(w.buf) < want {
			w.buf = make([]byte, want)
		}
		w.buf = w.buf[:want]
		w.start = offset
		if k, err := w.file.ReadAt(w.buf, offset); k < want {
			w.buf = w.buf[:0]
			return nil, early(err)
		}
	}
	from := int(offset - w.start)
	return w.buf[from : from+n], nil
}

// frame reads the frame at offset, and tells where the next one begins: at
// the same offset if there is none.
func (w *window) frame(offset int64) (int64, place, error) {
	head, err := w.at(offset, frameHeader)
	if err != nil || len(head) < frameHeader || string(head[:len(frameMagic)]) != frameMagic {
		return offset, place{}, err
	}
	length := binary.LittleEndian.Uint32(head[4:])
	end := offset + int64(frameHeader) + int64(length)
	if length > maxPayload || end > w.size {
		return offset, place{}, nil
	}
	all, err := w.at(offset, frameHeader+int(length))
	if err != nil {
		return offset, place{}, err
	}
	payload := all[frameHeader:]
	if frameSum(all[4:8], payload) != binary.LittleEndian.Uint32(all[8:]) {
		return offset, place{}, nil
	}
	r, err := parseRecord(payload)
	if err != nil {
		return offset, place{}, nil
	}
	return end, place{folderStart(r.Key[0]), length, offset + int64(frameHeader)}, nil
}

// find is where the next magic stands at or behind offset, or the end.
func (w *window) find(offset int64) (int64, error) {
	for offset < w.size {
		b, err := w.at(offset, readAhead)
		if err != nil {
			return 0, err
		}
		if i := bytes.Index(b, []byte(frameMagic)); i >= 0 {
			return offset + int64(i), nil
		}
		if offset+int64(len(b)) >= w.size {
			break
		}
		offset += int64(len(b) - len(frameMagic) + 1) // it may begin here and end in the next
	}
	return w.size, nil
}

// early is the error of a file that is shorter than it was.
func early(err error) error {
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
