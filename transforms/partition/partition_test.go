package partition

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"foray/transforms/commit"
	"foray/transforms/packed"
	"foray/transforms/spill"
)

func TestHashesOfUsers(t *testing.T) {
	seen := map[int64]string{}
	var load [Partitions]int
	for i := range 64_000 {
		id := fmt.Sprintf("user-%d", i)
		partition, rest := Of([]byte(id))
		if partition < 0 || partition >= Partitions || rest < 0 || rest >= 1<<userBits {
			t.Fatalf("%s: partition %d, rest %d", id, partition, rest)
		}
		full := FullHash(partition, rest)
		if full != HashUser(id) || full%Partitions != int64(partition) || full/Partitions != rest || full < 0 {
			t.Fatalf("%s: %d and %d make %d, want %d", id, partition, rest, full, HashUser(id))
		}
		if other, ok := seen[full]; ok {
			t.Fatalf("%s and %s have the same hash", id, other)
		}
		seen[full] = id
		load[partition]++
	}
	for partition, n := range load {
		if n < 800 || n > 1200 { // 1000 on average, six standard deviations
			t.Errorf("partition %d holds %d of 64000 users", partition, n)
		}
	}
}

func TestEachUserAgainstAPlainSort(t *testing.T) {
	type row struct{ user, time, item int64 }
	byUser := func(a, b row) int {
		return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(a.time, b.time), cmp.Compare(a.item, b.item))
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{0, 1, 2, 10, 1000, 5000} {
		for _, sorted := range []bool{false, true} {
			rows := make([]row, n)
			for i := range rows {
				rows[i] = row{rng.Int64N(1<<userBits) >> rng.IntN(userBits), rng.Int64N(50) - 25, rng.Int64N(5)}
			}
			if sorted {
				slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.time, b.time) })
			}
			// Through blocks, as on a runner.
			var blocks Blocks
			for part := range slices.Chunk(rows, 300) {
				var e Events
				for _, r := range part {
					e.Users, e.Times, e.Items = append(e.Users, r.user), append(e.Times, r.time), append(e.Items, r.item)
				}
				element, err := spill.NewWriter("").Put(packed.Append([]byte{eventsBlock}, e.Users, e.Times, e.Items))
				if err != nil {
					t.Fatal(err)
				}
				blocks = append(blocks, element)
			}
			e, err := taken(blocks).Load()
			if err != nil || e.Len() != n {
				t.Fatalf("gathered %d of %d events, %v", e.Len(), n, err)
			}
			var got []row
			last := int64(-1)
			e.EachUser(func(user int64, h []Event) {
				if user <= last || len(h) == 0 {
					t.Errorf("user %d with %d events comes after %d", user, len(h), last)
				}
				last = user
				for _, event := range h {
					got = append(got, row{user, event.Time, event.Item})
				}
			})
			slices.SortFunc(rows, byUser)
			if !slices.Equal(got, rows) {
				t.Errorf("%d events: not in the order of a plain sort", n)
			}
		}
	}
}

// taken gives blocks as they come out of an iterator.
func taken(blocks Blocks) Blocks {
	return Take(func(b *[]byte) bool {
		if len(blocks) == 0 {
			return false
		}
		*b, blocks = blocks[0], blocks[1:]
		return true
	})
}

// written writes events of users u0 … u29 and gives the blocks by partition.
func written(t *testing.T, spill string, names bool, n int) (blocks map[int]Blocks, w *Writer) {
	t.Helper()
	blocks = map[int]Blocks{}
	w = NewWriter(spill, names, func(partition int, block []byte) {
		blocks[partition] = append(blocks[partition], block)
	})
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range n {
		w.Add(fmt.Appendf(nil, "u%d", rng.IntN(30)), int64(i)*1e6, rng.Int64N(100))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return blocks, w
}

func TestSpilledBlocksHoldWhatInlineBlocksHold(t *testing.T) {
	const n = 30*blockEvents + 17
	inline, w := written(t, "", true, n)
	if w.Count != n || w.Bytes > 12*n {
		t.Errorf("%d events in %d bytes", w.Count, w.Bytes)
	}
	folder := filepath.Join(t.TempDir(), "new", "folder")
	spilled, _ := written(t, folder, true, n)
	if len(inline) < 10 || len(spilled) != len(inline) {
		t.Fatalf("%d partitions inline, %d spilled", len(inline), len(spilled))
	}
	shuffled, users := 0, 0
	for partition, blocks := range spilled {
		want, err := inline[partition].Load()
		if err != nil {
			t.Fatal(err)
		}
		got, err := taken(blocks).Load()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Users, want.Users) || !slices.Equal(got.Times, want.Times) || !slices.Equal(got.Items, want.Items) || !maps.Equal(got.Names, want.Names) {
			t.Errorf("partition %d differs", partition)
		}
		for user, id := range got.Names {
			users++
			if FullHash(partition, user) != HashUser(id) {
				t.Errorf("%s stands for user %d of partition %d", id, user, partition)
			}
		}
		for _, b := range blocks {
			shuffled += len(b)
		}
	}
	if users != 30 {
		t.Errorf("%d users have names, want 30", users)
	}
	if shuffled > n/10 {
		t.Errorf("%d bytes are shuffled of spilled blocks", shuffled)
	}
}

func TestTroubleWithSpillIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	w := NewWriter(file, false, func(int, []byte) { t.Error("a block was emitted") })
	w.Add([]byte("u"), 1, 1)
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a folder that cannot be made gave %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(packed.Append([]byte{eventsBlock}, []int64{1, 2}, []int64{3, 4}, []int64{5, 6}))
	f.Add(append([]byte{namesBlock, 1}, appendName(nil, 7, "someone")...))
	f.Add([]byte{eventsBlock, 0xff, 0xff, 0xff})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, block []byte) {
		e := &Events{}
		err := e.append(block)
		if err == nil && (len(e.Times) != e.Len() || len(e.Items) != e.Len()) {
			t.Errorf("columns of %d, %d and %d", e.Len(), len(e.Times), len(e.Items))
		}
	})
}

// dayOf is the start of a day of 2026, in microseconds.
func dayOf(n int) int64 {
	return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC).UnixMicro()
}

func TestEachKept(t *testing.T) {
	hour := int64(time.Hour / time.Microsecond)
	// Users by name: the events' times.
	users := map[string][]int64{
		"long":    {dayOf(1), dayOf(5), dayOf(10), dayOf(20)},
		"short":   {dayOf(10)},
		"late":    {dayOf(20), dayOf(21)},
		"bot":     {dayOf(9), dayOf(9) + hour, dayOf(9) + 23*hour},
		"nightly": {dayOf(9) + 23*hour, dayOf(10), dayOf(10) + hour},
		"latebot": {dayOf(5), dayOf(20), dayOf(20) + 1, dayOf(20) + 2},
	}
	cut, last := dayOf(15), dayOf(21)
	tests := []struct {
		name  string
		keep  Keep
		sight Sight
		want  map[string]int // events seen, by user
		left  map[string]int64
		bots  []string
	}{
		{"all before the cut", Keep{}, Sight{Cut: cut, Last: last},
			map[string]int{"long": 3, "short": 1, "bot": 3, "nightly": 3, "latebot": 1}, nil, nil},
		{"all beyond it", Keep{}, Sight{Cut: cut, Last: last, Beyond: true},
			map[string]int{"long": 4, "short": 1, "late": 2, "bot": 3, "nightly": 3, "latebot": 4}, nil, nil},
		{"ten days before the cut", Keep{HistoryDays: 10}, Sight{Cut: cut, Last: last},
			map[string]int{"long": 2, "short": 1, "bot": 3, "nightly": 3, "latebot": 1}, map[string]int64{OldEvents: 1}, nil},
		{"ten days before the last event", Keep{HistoryDays: 11}, Sight{Cut: math.MaxInt64, Last: last},
			map[string]int{"long": 1, "late": 2, "latebot": 3, "nightly": 1}, map[string]int64{OldEvents: 10}, nil},
		{"two events before the cut", Keep{MinEvents: 2}, Sight{Cut: cut, Last: last, Beyond: true},
			map[string]int{"long": 4, "bot": 3, "nightly": 3}, map[string]int64{FewUsers: 3, FewUsersEvents: 7}, nil},
		{"old events do not make a user", Keep{MinEvents: 3, HistoryDays: 10}, Sight{Cut: cut, Last: last},
			map[string]int{"bot": 3, "nightly": 3}, map[string]int64{OldEvents: 1, FewUsers: 3, FewUsersEvents: 4}, nil},
		{"bots of what is seen", Keep{MaxEventsPerDay: 2}, Sight{Cut: cut, Last: last},
			map[string]int{"long": 3, "short": 1, "nightly": 3, "latebot": 1}, map[string]int64{BotUsers: 1, BotEvents: 3}, []string{"bot"}},
		{"bots beyond the cut", Keep{MaxEventsPerDay: 2}, Sight{Cut: cut, Last: last, Beyond: true},
			map[string]int{"long": 4, "short": 1, "late": 2, "nightly": 3}, map[string]int64{BotUsers: 2, BotEvents: 7}, []string{"bot", "latebot"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			blocks := map[int]Blocks{}
			w := NewWriter("", tc.keep.NeedsNames(), func(p int, b []byte) { blocks[p] = append(blocks[p], b) })
			byHash := map[int64]string{}
			for user, times := range users {
				byHash[HashUser(user)] = user
				for _, at := range times {
					w.Add([]byte(user), at, 1)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			got := map[string]int{}
			var tally commit.Tally
			var bots []string
			for partition, b := range blocks {
				events, err := b.Load()
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range events.EachKept("curate", tc.keep, tc.sight, func(user int64, h []Event) {
					got[byHash[FullHash(partition, user)]] = len(h)
				}) {
					if e.Reject != nil {
						bots = append(bots, strings.TrimPrefix(e.Reject.Source, "user "))
						if e.Reject.Stage != "curate" || !strings.Contains(e.Reject.Reason, "3 events on 2026-01-") {
							t.Errorf("rejected as %+v", e.Reject)
						}
					} else {
						tally.Add(*e.Tally)
					}
				}
			}
			if !maps.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
			if n := tally.Counts[UsersRead]; n != int64(len(users)) {
				t.Errorf("%d users were read, want %d", n, len(users))
			}
			delete(tally.Counts, UsersRead)
			if !maps.Equal(tally.Counts, tc.left) {
				t.Errorf("left out %v, want %v", tally.Counts, tc.left)
			}
			if slices.Sort(bots); !slices.Equal(bots, tc.bots) {
				t.Errorf("bots %v, want %v", bots, tc.bots)
			}
		})
	}
}
