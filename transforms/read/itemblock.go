package read

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"fmt"
	"math"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"foray/transforms/spill"
)

// ItemBlock is a block of items on its way, in two parts, of which either may
// wait in a file (see package spill): ids and texts, and vectors, which are
// larger, and wanted of some items only.
type ItemBlock struct {
	Head, Vectors []byte
}

func init() {
	beam.RegisterCoder(reflect.TypeFor[ItemBlock](), encodeItemBlock, decodeItemBlock)
	beam.RegisterType(reflect.TypeFor[ItemBlock]())
}

// The coder's functions have names, since workers find them by name.
func encodeItemBlock(b ItemBlock) ([]byte, error) {
	out := binary.AppendUvarint(make([]byte, 0, 10+len(b.Head)+len(b.Vectors)), uint64(len(b.Head)))
	return append(append(out, b.Head...), b.Vectors...), nil
}

func decodeItemBlock(data []byte) (ItemBlock, error) {
	length, n := binary.Uvarint(data)
	if n <= 0 || length > uint64(len(data)-n) {
		return ItemBlock{}, fmt.Errorf("a block of items is damaged")
	}
	data = bytes.Clone(data[n:])
	return ItemBlock{data[:length:length], data[length:]}, nil
}

// Pack puts a block of items on its way.
func (v Items) Pack(w *spill.Writer) (b ItemBlock, err error) {
	vectors := make([]byte, 0, 4*len(v.Vectors))
	for _, x := range v.Vectors {
		vectors = binary.LittleEndian.AppendUint32(vectors, math.Float32bits(x))
	}
	v.Vectors = nil
	var head bytes.Buffer
	if err := gob.NewEncoder(&head).Encode(v); err != nil {
		return b, err
	}
	if b.Head, err = w.Put(head.Bytes()); err != nil {
		return b, err
	}
	b.Vectors, err = w.Put(vectors)
	return b, err
}

// Empty tells a block that nothing was packed into.
func (b ItemBlock) Empty() bool { return len(b.Head) == 0 }

// Load gives a block's items, without their vectors.
func (b ItemBlock) Load(r *spill.Reader) (v Items, err error) {
	data, err := r.Get(b.Head)
	if err != nil {
		return v, err
	}
	return v, gob.NewDecoder(bytes.NewReader(data)).Decode(&v)
}

// LoadVectors gives the vectors of a block's items: of each, as many floats as
// the block's Dims.
func (b ItemBlock) LoadVectors(r *spill.Reader) ([]float32, error) {
	data, err := r.Get(b.Vectors)
	if err != nil {
		return nil, err
	}
	vectors := make([]float32, len(data)/4)
	for i := range vectors {
		vectors[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return vectors, nil
}

// Settle puts what of a block travels by itself into a file.
func (b ItemBlock) Settle(w *spill.Writer) (ItemBlock, error) {
	head, err := w.Settle(b.Head)
	if err != nil {
		return b, err
	}
	vectors, err := w.Settle(b.Vectors)
	return ItemBlock{head, vectors}, err
}
