// Package packed holds many small records in one element. A runner spends
// about a kilobyte and some microseconds on an element, whatever is in it; so
// events cross a shuffle as columns in blocks, at a few bytes an event.
package packed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

var errDamaged = errors.New("packed block: damaged")

// Encode packs columns of equal length. A column is stored as (value − least)
// ÷ step in as few whole bytes as its largest needs, where step is a power of
// ten (up to 10⁶) that divides all: microseconds that are whole seconds cost
// what seconds cost. At most 2³¹ rows.
//
//	uvarint rows · uvarint columns · for each column: 8 bytes least, 1 byte
//	log₁₀ step, 1 byte width, rows × width bytes, all little-endian
func Encode(columns ...[]int64) []byte {
	rows := 0
	if len(columns) > 0 {
		rows = len(columns[0])
	}
	out := make([]byte, 0, 20+len(columns)*(10+4*rows))
	out = binary.AppendUvarint(out, uint64(rows))
	out = binary.AppendUvarint(out, uint64(len(columns)))
	for _, c := range columns {
		if len(c) != rows {
			panic(fmt.Sprintf("packed: columns of %d and %d rows", rows, len(c)))
		}
		out = appendColumn(out, c)
	}
	return out
}

func appendColumn(out []byte, c []int64) []byte {
	least, most := int64(0), int64(0)
	for i, v := range c {
		if i == 0 || v < least {
			least = v
		}
		if i == 0 || v > most {
			most = v
		}
	}
	exponent, step := commonStep(c, least)
	width := (bits.Len64(uint64(most-least)/step) + 7) / 8
	out = binary.LittleEndian.AppendUint64(out, uint64(least))
	out = append(out, exponent, byte(width))
	at := len(out)
	// Eight bytes of room let every value be written with one store.
	out = append(out, make([]byte, len(c)*width+8)...)
	for _, v := range c {
		binary.LittleEndian.PutUint64(out[at:], uint64(v-least)/step)
		at += width
	}
	return out[:at]
}

// commonStep finds the largest power of ten up to 10⁶ that divides all
// distances from least.
func commonStep(c []int64, least int64) (exponent byte, step uint64) {
	exponent, step = 6, 1e6
	for _, v := range c {
		for uint64(v-least)%step != 0 {
			exponent, step = exponent-1, step/10
		}
		if exponent == 0 {
			break
		}
	}
	return exponent, step
}

// Decode unpacks a block of as many columns as are given, appending to them.
func Decode(data []byte, columns ...*[]int64) error {
	rows, n := binary.Uvarint(data)
	if n <= 0 || rows > math.MaxInt32 {
		return errDamaged
	}
	data = data[n:]
	count, n := binary.Uvarint(data)
	if n <= 0 || count != uint64(len(columns)) {
		return fmt.Errorf("%w: %d columns, want %d", errDamaged, count, len(columns))
	}
	data = data[n:]
	for _, c := range columns {
		if len(data) < 10 || data[8] > 6 || data[9] > 8 {
			return errDamaged
		}
		least, width := int64(binary.LittleEndian.Uint64(data)), int(data[9])
		step := int64(1)
		for range data[8] {
			step *= 10
		}
		data = data[10:]
		if width > 0 && int(rows) > len(data)/width || width == 0 && rows > 1<<24 {
			return errDamaged
		}
		var wide [8]byte
		for range rows {
			copy(wide[:width], data)
			data = data[width:]
			*c = append(*c, least+int64(binary.LittleEndian.Uint64(wide[:]))*step)
		}
	}
	if len(data) != 0 {
		return errDamaged
	}
	return nil
}
