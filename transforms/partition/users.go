package partition

import (
	"cmp"
	"slices"
)

// Event is one engagement of a user.
type Event struct {
	// Time is in microseconds since 1970; Item is what the reader made of the
	// item's id.
	Time, Item int64
}

// EachUser calls visit with each user's events in the order (time, item), by
// ascending hash of the user. The slice is valid until visit returns.
//
// Events are dealt out to their users by counting, which is linear, and a
// user's few events are sorted only if they did not come in order: logs are
// written by time.
func (e *Events) EachUser(visit func(user int64, h []Event)) {
	number := make(map[int64]int32, 1024) // of a user, by first event
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
	order := make([]int32, len(users))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(users[a], users[b]) })
	next := make([]int32, len(users)) // by number
	at := int32(0)
	for _, n := range order {
		next[n] = at
		at += counts[n]
	}
	dealt := make([]Event, e.Len())
	for i, n := range of {
		dealt[next[n]] = Event{Time: e.Times[i], Item: e.Items[i]}
		next[n]++
	}
	for _, n := range order {
		h := dealt[next[n]-counts[n] : next[n]]
		if !slices.IsSortedFunc(h, compare) {
			slices.SortFunc(h, compare)
		}
		visit(users[n], h)
	}
}

func compare(a, b Event) int {
	if a.Time != b.Time {
		return cmp.Compare(a.Time, b.Time)
	}
	return cmp.Compare(a.Item, b.Item)
}
