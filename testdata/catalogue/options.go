package catalogue

import (
	"fmt"
	"time"
)

// Options are the size and the seed of a world.
type Options struct {
	// Items is the number of items, at least Interests.
	Items int
	// Users is the number of users, at least 1; each has at least one event.
	Users int
	// Events is the number of events, Users to 2,000 · Users.
	Events int
	// Interests is the number of interests, 5 to MaxInterests().
	Interests int
	// Seed selects the world: another seed draws other interests, texts,
	// successors and traffic.
	Seed uint64
}

// DefaultOptions is the world of the demo.
func DefaultOptions() Options {
	return Options{Items: 3000, Users: 2000, Events: 60000, Interests: 72, Seed: 1}
}

// Start and End bound all events: Start ≤ time < End. They are fixed, since a
// world must not depend on the day it is made.
var (
	End   = time.Date(2025, time.June, 30, 0, 0, 0, 0, time.UTC)
	Start = End.AddDate(0, 0, -12*7)
)

const (
	minInterests = 5 // each has four others as successors
	// maxEventsPerUser leaves every user at least a second for each event.
	maxEventsPerUser = 2000
	maxCount         = 1 << 30 // counts are held as int32
)

// MaxInterests is how many interests the lexicon has.
func MaxInterests() int {
	n := 0
	for _, t := range themes {
		n += len(t.interests)
	}
	return n
}

func (o Options) validate() error {
	switch {
	case o.Interests < minInterests || o.Interests > MaxInterests():
		return fmt.Errorf("%d interests: the lexicon allows %d to %d", o.Interests, minInterests, MaxInterests())
	case o.Items < o.Interests || o.Items > maxCount:
		return fmt.Errorf("%d items for %d interests: every interest needs an item (and at most %d items in all)", o.Items, o.Interests, maxCount)
	case o.Users < 1 || o.Users > maxCount:
		return fmt.Errorf("%d users: want 1 to %d", o.Users, maxCount)
	case o.Events < o.Users || o.Events > maxCount || o.Events > maxEventsPerUser*o.Users:
		return fmt.Errorf("%d events for %d users: want 1 to %d for each user (and at most %d in all)", o.Events, o.Users, maxEventsPerUser, maxCount)
	}
	return nil
}
