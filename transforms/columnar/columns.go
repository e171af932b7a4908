package columnar

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"foray/transforms/fields"
)

// Kind is how the values of a column are given.
type Kind int

// The kinds of columns.
const (
	// Text are strings, enums, JSON, bytes without a type, and UUIDs as
	// 8-4-4-4-12 hexadecimal digits. It is not checked to be UTF-8.
	Text Kind = iota + 1
	// Int are whole numbers of up to 64 bits, decimals without a scale among
	// them, and booleans as 0 and 1.
	Int
	// Float are floats of 32 and 64 bits, NaN and infinities among them.
	Float
	// Time are microseconds since 1970 in UTC, from timestamps of any unit
	// (finer ones are cut), dates (their midnight) and INT96. A timestamp
	// without a zone counts as UTC.
	Time
	// FloatList are lists of numbers, TextList lists of Text.
	FloatList
	TextList
)

// Column is a column of a file.
type Column struct {
	// Name has dots between the structs that it stands in. A list is one
	// column.
	Name string
	Kind Kind
	leaf int // place among the leaves; the same in every row group
	// present is the definition level of a list's element; below it the list
	// is empty or null.
	present int
	number  func(parquet.Value) (float64, bool) // of a Float or FloatList
	whole   func(parquet.Value) (int64, bool)   // of an Int or Time
	text    func([]byte, parquet.Value) []byte  // appends a Text
	refused error                               // why it cannot be read
}

// Names are the names of all columns, in the file's order.
func (f *File) Names() []string {
	names := make([]string, len(f.columns))
	for i, c := range f.columns {
		names[i] = c.Name
	}
	return names
}

// Find returns the column of exactly that name, else the one that differs in
// case alone. An error lists the columns there are, or names a type that
// cannot be read.
func (f *File) Find(name string) (Column, error) {
	at, err := fields.Find(f.Names(), name)
	if err != nil {
		return Column{}, err
	}
	c := f.columns[at]
	return c, c.refused
}

// add takes in the columns below a node of the schema. present is not 0 within
// a list.
func (f *File) add(node *parquet.Column, path []string, present int) {
	if present > 0 && (node.Repeated() || !node.Leaf()) || node.Repeated() && !node.Leaf() && len(node.Columns()) != 1 {
		if present == 0 && len(path) == 0 {
			path = []string{node.Name()} // a repeated group without a LIST around it
		}
		f.refuse(path, "a list of lists or of structs")
		return
	}
	if node.Repeated() {
		present = node.MaxDefinitionLevel()
	}
	// The inner names of a list, such as list.element, are nobody's.
	if present == 0 || node.Repeated() && node.Leaf() {
		path = append(path[:len(path):len(path)], node.Name())
	}
	if !node.Leaf() {
		if isLogical[*format.MapType](node.Type()) {
			f.refuse(path, "a map")
			return
		}
		for _, child := range node.Columns() {
			f.add(child, path, present)
		}
		return
	}
	c := Column{Name: strings.Join(path, "."), leaf: node.Index(), present: present}
	c.setKind(node.Type(), f.leaves[c.leaf])
	if present > 0 && c.refused == nil {
		switch c.Kind {
		case Text:
			c.Kind = TextList
		case Int, Float:
			c.Kind = FloatList
		default:
			c.refused = fmt.Errorf("column %s is a list of times: want text, a number or a time", fields.Quote(c.Name))
		}
	}
	f.columns = append(f.columns, c)
}

// refuse takes in a column that cannot be read.
func (f *File) refuse(path []string, what string) {
	name := strings.Join(path, ".")
	f.columns = append(f.columns, Column{Name: name, refused: fmt.Errorf("column %s is %s: write its values as columns", fields.Quote(name), what)})
}

func isLogical[T format.LogicalTypeValue](t parquet.Type) bool {
	if l := t.LogicalType(); l != nil {
		_, ok := l.Value.(T)
		return ok
	}
	return false
}

var errUnsupported = errors.New("want text, a number or a time")

// setKind decides how values of a type are given.
func (c *Column) setKind(t parquet.Type, leaf format.SchemaElement) {
	var logical format.LogicalTypeValue
	if l := t.LogicalType(); l != nil {
		logical = l.Value
	} else if leaf.LogicalType.Value != nil {
		logical = leaf.LogicalType.Value // one that the library takes for plain bytes
	}
	scale := int32(0)
	if d, ok := logical.(*format.DecimalType); ok {
		scale = d.Scale
	}
	unsigned := false
	if i, ok := logical.(*format.IntType); ok {
		unsigned = !i.IsSigned
	}
	kind := t.Kind()
	switch {
	case isLogical[*format.DateType](t):
		c.Kind, c.whole = Time, func(v parquet.Value) (int64, bool) { return int64(v.Int32()) * 86_400e6, true }
	case kind == parquet.Int96:
		c.Kind, c.whole = Time, func(v parquet.Value) (int64, bool) { return int96Micros(v.Int96()) }
	case kind == parquet.Int64 && isLogical[*format.TimestampType](t):
		c.Kind, c.whole = Time, microsOf(logical.(*format.TimestampType).Unit)
	case isLogical[*format.TimeType](t), scale != 0:
		c.refuseType(t)
	case kind == parquet.Boolean:
		c.Kind, c.whole = Int, func(v parquet.Value) (int64, bool) {
			if v.Boolean() {
				return 1, true
			}
			return 0, true
		}
	case kind == parquet.Int32 && unsigned:
		c.Kind, c.whole = Int, func(v parquet.Value) (int64, bool) { return int64(v.Uint32()), true }
	case kind == parquet.Int32:
		c.Kind, c.whole = Int, func(v parquet.Value) (int64, bool) { return int64(v.Int32()), true }
	case kind == parquet.Int64:
		c.Kind, c.whole = Int, func(v parquet.Value) (int64, bool) { return v.Int64(), !unsigned || v.Int64() >= 0 }
	case (kind == parquet.FixedLenByteArray || kind == parquet.ByteArray) && isLogical[*format.DecimalType](t):
		c.Kind, c.whole = Int, func(v parquet.Value) (int64, bool) { return bigEndian(v.ByteArray()) }
	case kind == parquet.Float:
		c.Kind, c.number = Float, func(v parquet.Value) (float64, bool) { return float64(v.Float()), true }
	case kind == parquet.Double:
		c.Kind, c.number = Float, func(v parquet.Value) (float64, bool) { return v.Double(), true }
	case kind == parquet.ByteArray && logicalText(logical):
		c.Kind, c.text = Text, func(to []byte, v parquet.Value) []byte { return append(to, v.ByteArray()...) }
	case isLogical[*format.UUIDType](t):
		c.Kind, c.text = Text, appendUUID
	case kind == parquet.FixedLenByteArray && logical == nil:
		c.Kind, c.text = Text, func(to []byte, v parquet.Value) []byte { return append(to, v.ByteArray()...) }
	default:
		c.refuseType(t)
	}
	if c.Kind == Int {
		whole := c.whole
		c.number = func(v parquet.Value) (float64, bool) { n, ok := whole(v); return float64(n), ok }
	}
}

func (c *Column) refuseType(t parquet.Type) {
	c.refused = fmt.Errorf("column %s is of type %s: %w", fields.Quote(c.Name), t, errUnsupported)
}

// logicalText tells whether bytes of a logical type are text as they stand.
func logicalText(l format.LogicalTypeValue) bool {
	switch l.(type) {
	case nil, *format.StringType, *format.EnumType, *format.JsonType:
		return true
	}
	return false
}

// microsOf makes microseconds of a unit of timestamps.
func microsOf(unit format.TimeUnit) func(parquet.Value) (int64, bool) {
	switch unit.Value.(type) {
	case *format.MilliSeconds:
		return func(v parquet.Value) (int64, bool) {
			n := v.Int64()
			return n * 1000, n <= math.MaxInt64/1000 && n >= math.MinInt64/1000
		}
	case *format.NanoSeconds:
		return func(v parquet.Value) (int64, bool) { return floorDiv(v.Int64(), 1000), true }
	}
	return func(v parquet.Value) (int64, bool) { return v.Int64(), true }
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// julianEpoch is 1970-01-01 as a Julian day, which INT96 counts in.
const julianEpoch = 2_440_588

// int96Micros reads what Impala and old Sparks write as times: nanoseconds of
// the day in eight bytes, then the Julian day in four.
func int96Micros(t deprecated.Int96) (int64, bool) {
	nanos := int64(t[0]) | int64(t[1])<<32
	day := int64(t[2]) - julianEpoch
	const dayNanos = 86_400e9
	return day*86_400e6 + nanos/1000, nanos >= 0 && nanos <= dayNanos
}

// bigEndian reads a whole number of two's complement; false if it does not fit.
func bigEndian(b []byte) (int64, bool) {
	n := int64(0)
	for i, c := range b {
		if i == 0 {
			n = int64(int8(c))
			continue
		}
		if n > math.MaxInt64>>8 || n < math.MinInt64>>8 {
			return 0, false
		}
		n = n<<8 | int64(c)
	}
	return n, true
}

// appendUUID writes 16 bytes as 8-4-4-4-12 digits.
func appendUUID(to []byte, v parquet.Value) []byte {
	b := v.ByteArray()
	if len(b) != 16 {
		return append(to, b...)
	}
	for i, part := range [][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if i > 0 {
			to = append(to, '-')
		}
		to = hex.AppendEncode(to, part)
	}
	return to
}

// String is the kind in a sentence.
func (k Kind) String() string {
	switch k {
	case Text:
		return "text"
	case Int:
		return "whole numbers"
	case Float:
		return "floats"
	case Time:
		return "times"
	case FloatList:
		return "lists of numbers"
	case TextList:
		return "lists of texts"
	}
	return fmt.Sprintf("kind %d", int(k))
}
