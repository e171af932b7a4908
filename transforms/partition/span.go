package partition

import (
	"encoding/binary"
	"math"

	"foray/transforms/spill"
)

// Span is the time of the first and of the last event, in microseconds; empty
// if Last < First.
type Span struct {
	First, Last int64
}

// NoSpan is the span of no events.
var NoSpan = Span{First: math.MaxInt64, Last: math.MinInt64}

// Join is the span of both.
func Join(a, b Span) Span {
	return Span{First: min(a.First, b.First), Last: max(a.Last, b.Last)}
}

// Tell gives a partition the span of all events, as a block of its own. A side
// input would do as well, were the in-process runner not busy waiting for as
// long as a step with a side input works.
func Tell(s Span) ([]byte, error) {
	block := binary.LittleEndian.AppendUint64([]byte{spanBlock}, uint64(s.First))
	return spill.NewWriter("").Put(binary.LittleEndian.AppendUint64(block, uint64(s.Last)))
}

func (e *Events) takeSpan(rest []byte) error {
	if len(rest) != 16 {
		return errDamaged
	}
	e.Span = Join(e.Span, Span{int64(binary.LittleEndian.Uint64(rest)), int64(binary.LittleEndian.Uint64(rest[8:]))})
	return nil
}
