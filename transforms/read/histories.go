package read

import (
	"cmp"
	"slices"
)

// Event is one row of Events.
type Event struct {
	User, Time, Item int64
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
func (e *Events) EachUser(visit func(user int64, h []Event)) {
	all := make([]Event, e.Len())
	for i := range all {
		all[i] = Event{e.Users[i], e.Times[i], e.Items[i]}
	}
	slices.SortFunc(all, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Time, b.Time), cmp.Compare(a.Item, b.Item))
	})
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].User == all[i].User {
			j++
		}
		visit(all[i].User, all[i:j])
		i = j
	}
}
