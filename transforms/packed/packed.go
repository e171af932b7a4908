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
	"slices"
)

var errDamaged = errors.New("packed block: damaged")

// Encode packs columns of equal length. A column is stored as (value − least)
// ÷ step in as few whole bytes as its largest needs, where step is the largest
// of 10⁶, 10³ and 1 that divides all: microseconds that are whole seconds cost
// what seconds cost. At most 2³¹ rows.
//
//	uvarint rows · uvarint columns · for each column: 8 bytes least, 1 byte
//	log₁₀ step, 1 byte width, rows × width bytes, all little-endian
func Encode(columns ...[]int64) []byte { return Append(nil, columns...) }

// Append appends what Encode gives to out.
func Append(out []byte, columns ...[]int64) []byte {
	rows := 0
	if len(columns) > 0 {
		rows = len(columns[0])
	}
	out = slices.Grow(out, 20+len(columns)*(18+5*rows))
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
	exponent := commonStep(c, least)
	width := (bits.Len64(uint64(most-least)/steps[exponent]) + 7) / 8
	out = binary.LittleEndian.AppendUint64(out, uint64(least))
	out = append(out, exponent, byte(width))
	at := len(out)
	// Eight bytes of room let every value be written with one store.
	out = slices.Grow(out, len(c)*width+8)[:at+len(c)*width+8]
	// A division by a constant is a multiplication.
	switch exponent {
	case 6:
		for _, v := range c {
			binary.LittleEndian.PutUint64(out[at:], uint64(v-least)/1e6)
			at += width
		}
	case 3:
		for _, v := range c {
			binary.LittleEndian.PutUint64(out[at:], uint64(v-least)/1e3)
			at += width
		}
	default:
		for _, v := range c {
			binary.LittleEndian.PutUint64(out[at:], uint64(v-least))
			at += width
		}
	}
	return out[:at]
}

// steps are the steps by their exponent; 0 for those that are none.
var steps = [7]uint64{0: 1, 3: 1e3, 6: 1e6}

// commonStep is the exponent of the largest step that divides all distances
// from least.
func commonStep(c []int64, least int64) (exponent byte) {
	exponent = 6
	for _, v := range c {
		d := uint64(v - least)
		if exponent == 6 && d%1e6 != 0 {
			exponent = 3
		}
		if exponent == 3 && d%1e3 != 0 {
			return 0
		}
	}
	return exponent
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
		if len(data) < 10 || int(data[8]) >= len(steps) || steps[data[8]] == 0 || data[9] > 8 {
			return errDamaged
		}
		least, step, width := int64(binary.LittleEndian.Uint64(data)), int64(steps[data[8]]), int(data[9])
		data = data[10:]
		if width > 0 && int(rows) > len(data)/width || width == 0 && rows > 1<<24 {
			return errDamaged
		}
		start := len(*c)
		*c = slices.Grow(*c, int(rows))[:start+int(rows)]
		decodeColumn((*c)[start:], data, least, step, width)
		data = data[int(rows)*width:]
	}
	if len(data) != 0 {
		return errDamaged
	}
	return nil
}

// decodeColumn fills a column. Behind it in data stands what follows, so that
// nearly all values are read with one load.
func decodeColumn(c []int64, data []byte, least, step int64, width int) {
	mask := uint64(1)<<(8*width) - 1 // all ones for 8, since Go shifts by 64 to 0
	at, i := 0, 0
	for ; i < len(c) && at+8 <= len(data); i++ {
		c[i] = least + int64(binary.LittleEndian.Uint64(data[at:])&mask)*step
		at += width
	}
	var wide [8]byte
	for ; i < len(c); i++ {
		copy(wide[:width], data[at:])
		c[i] = least + int64(binary.LittleEndian.Uint64(wide[:]))*step
		at += width
	}
}
