package partition

import (
	"fmt"
	"math"
	"sort"
	"time"

	"foray/schemas"
	"foray/transforms/commit"
)

// Keep says which users and events count. The zero value keeps all.
type Keep struct {
	// HistoryDays keeps the events of so many days before the cut, or before
	// the last event where that is earlier; 0 keeps all.
	HistoryDays int
	// MinEvents keeps users with at least so many events before the cut.
	MinEvents int64
	// MaxEventsPerDay keeps users who on no day (UTC) have more events.
	MaxEventsPerDay int64
}

// Sight is what a step sees of a history.
type Sight struct {
	// Cut is the end of training, in microseconds since 1970; MaxInt64 for
	// none. Last is the time of the last event of all.
	Cut, Last int64
	// Beyond shows the events from the cut on, too.
	Beyond bool
}

const day = 24 * int64(time.Hour/time.Microsecond)

// since is the moment from which events count.
func (k Keep) since(s Sight) int64 {
	if k.HistoryDays == 0 {
		return math.MinInt64
	}
	return min(s.Cut, s.Last+1) - int64(k.HistoryDays)*day
}

// Names of what was left out, as manifests count it.
const (
	// UsersRead are all users with an event that can be used.
	UsersRead      = "users_read"
	OldEvents      = "events_before_history_days"
	FewUsers       = "users_below_min_events"
	FewUsersEvents = "events_of_users_below_min_events"
	BotUsers       = "users_above_max_events_per_day"
	BotEvents      = "events_of_users_above_max_events_per_day"
)

// EachKept calls visit with the events that count of each user who counts, as
// EachUser does, and gives entries that tell of what was left out: its
// figures, and a reject for each user set aside as a bot.
func (e *Events) EachKept(stage string, k Keep, s Sight, visit func(user int64, h []Event)) []commit.Entry {
	left := map[string]int64{}
	var entries []commit.Entry
	since := k.since(s)
	e.EachUser(func(user int64, h []Event) {
		left[UsersRead]++
		if n := firstFrom(h, since); n > 0 {
			left[OldEvents] += int64(n)
			h = h[n:]
		}
		before := firstFrom(h, s.Cut)
		if !s.Beyond {
			h = h[:before]
		}
		if k.MaxEventsPerDay > 0 {
			if n, on := busiestDay(h); n > k.MaxEventsPerDay {
				left[BotUsers]++
				left[BotEvents] += int64(len(h))
				entries = append(entries, commit.Entry{Reject: &schemas.Reject{
					Stage: stage, Source: "user " + e.name(user),
					Reason: fmt.Sprintf("%d events on %s, more than --max_events_per_day=%d: set aside as a bot, with all of its %d events", n, on, k.MaxEventsPerDay, len(h)),
				}})
				return
			}
		}
		if int64(before) < k.MinEvents {
			if len(h) > 0 {
				left[FewUsers]++
				left[FewUsersEvents] += int64(len(h))
			}
			return
		}
		if len(h) > 0 {
			visit(user, h)
		}
	})
	return append(entries, commit.Count(left))
}

// NeedsNames says that what is left out is told by user id.
func (k Keep) NeedsNames() bool { return k.MaxEventsPerDay > 0 }

func (e *Events) name(user int64) string {
	if id, ok := e.Names[user]; ok {
		return id
	}
	return fmt.Sprintf("of hash %x", user)
}

// firstFrom is the place of the first event at or after a moment.
func firstFrom(h []Event, moment int64) int {
	return sort.Search(len(h), func(i int) bool { return h[i].Time >= moment })
}

// busiestDay is the number of events of the day that has most, and that day.
func busiestDay(h []Event) (most int64, on string) {
	var count, best int64
	today := int64(math.MinInt64)
	for _, e := range h {
		if d := floorDay(e.Time); d != today {
			today, count = d, 0
		}
		if count++; count > most {
			most, best = count, today
		}
	}
	return most, time.UnixMicro(best * day).UTC().Format(time.DateOnly)
}

func floorDay(micros int64) int64 {
	d := micros / day
	if micros%day < 0 {
		d--
	}
	return d
}
