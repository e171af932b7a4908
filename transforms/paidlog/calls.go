package paidlog

// callsSuffix names files that hold how many calls were in flight.
const callsSuffix = ".calls"

// calls counts the calls in flight so that the number outlives the process.
type calls interface {
	// add counts calls that begin, or, below zero, end.
	add(n int64) error
	// told is how many calls killed runs left; close then forgets them.
	told() int64
	close() error
}

// Begin counts a call in flight, until End. If the process dies in between,
// the next log of this output tells of it (MaybePaid).
func (l *Log) Begin() error { return l.calls.add(1) }

// End counts a call that has failed, or whose answer is kept.
func (l *Log) End() error { return l.calls.add(-1) }

// MaybePaid is the number of calls that were in flight when earlier runs were
// killed: the endpoint may charge for them, and they are asked again. Once it
// is asked for, Close forgets it. On an object store the number is that of at
// most five seconds before, and a run counts as killed half a minute after.
func (l *Log) MaybePaid() int64 { return l.calls.told() }
