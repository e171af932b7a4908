package read

import (
	"cmp"
	"slices"
)

// Event is one engagement of a user.
type Event struct {
	// Time is in microseconds since 1970; Item is what ItemKey says.
	Time, Item int64
}

// Gather unpacks all blocks of a partition.
func Gather(blocks func(*[]byte) bool) (*Events, error) {
	var e Events
	for block := []byte(nil); blocks(&block); {
		if err := e.Append(block); err != nil {
			return nil, err
		}
	}
	return &e, nil
}

// EachUser calls visit with each user's events in the order (time, item), by
// ascending hash of the user. The slice is valid until visit returns.
//
// Events are dealt out to their users by counting, which is linear, and a
// user's few events are sorted only if they did not come in order: logs are
// written by time.
func (e *Events) EachUser(visit func(user int64, h []Event)) {
	number := map[int64]int32{} // of a user, by first event
	var users []int64
	var counts []int32
	of := make([]int32, e.Len())
	for i, user := range e.Users {
		n, ok := number[user]
		if !ok {
			n = int32(len(users))
			number[user] = n
			users = append(users, user)
			counts = append(counts, 0)
		}
		of[i] = n
		counts[n]++
	}
	slices.Sort(users)
	start := make([]int32, len(users)) // by number
	at := int32(0)
	for _, user := range users {
		n := number[user]
		start[n] = at
		at += counts[n]
	}
	dealt := make([]Event, e.Len())
	next := slices.Clone(start)
	for i, n := range of {
		dealt[next[n]] = Event{Time: e.Times[i], Item: e.Items[i]}
		next[n]++
	}
	for _, user := range users {
		n := number[user]
		h := dealt[start[n]:next[n]]
		if !slices.IsSortedFunc(h, compare) {
			slices.SortFunc(h, compare)
		}
		visit(user, h)
	}
}

func compare(a, b Event) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Item, b.Item))
}
