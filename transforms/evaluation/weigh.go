package evaluation

import (
	"cmp"
	"context"
	"math/bits"
	"slices"

	"foray/schemas"
	"foray/transforms/packed"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// keyTable says of each key with a case what its cases count for. Columns of
// equal length, sorted by number.
type keyTable struct {
	numbers []int64
	// weight is the unit ÷ the key's cases, rounded.
	weight []int64
	// overlap of the key's first successors before and after the cut, in parts
	// of overlapUnit; −1 where it has none before.
	overlap []int64
	// decile is the group that the key is in by traffic, 1 for the keys with
	// the most users; 0 where no traffic is known.
	decile []int64
}

// stableTop is how many successors are compared over time.
const stableTop = 5

// weigh makes the key table of all cases counted, sorted.
func weigh(b *book, rows []counted, deciles map[int64]int64) *keyTable {
	keys := 0
	for i, r := range rows {
		if i == 0 || r.key != rows[i-1].key {
			keys++
		}
	}
	// Sums of weights, each drawn a few times over, stay below 2⁶³, and so
	// does a weight times overlapUnit.
	unit := int64(1) << min(45, 57-bits.Len(uint(keys)))
	before := b.transitions()
	t := &keyTable{}
	for i := 0; i < len(rows); {
		j, users := i, int64(0)
		for ; j < len(rows) && rows[j].key == rows[i].key; j++ {
			users += rows[j].users
		}
		t.numbers = append(t.numbers, rows[i].key)
		t.weight = append(t.weight, (unit+users/2)/users)
		t.overlap = append(t.overlap, overlap(before[rows[i].key], rows[i:j]))
		t.decile = append(t.decile, deciles[rows[i].key])
		i = j
	}
	return t
}

// transitions are the rows of transitions/ by the number of their key.
func (b *book) transitions() map[int64][]counted {
	found := map[int64][]counted{}
	all := b.world.Transitions
	for i := 0; i < len(all); {
		j := i
		var rows []counted
		for ; j < len(all) && slices.Equal(all[j].Key, all[i].Key); j++ {
			rows = append(rows, counted{next: int64(b.rank(all[j].Next)), users: all[j].Users})
		}
		if number, ok := b.numberOf(all[i].Key); ok {
			found[number] = rows
		}
		i = j
	}
	return found
}

// overlap is the Jaccard index of two lists' stableTop most frequent next
// clusters, the lower id first where users are equal.
func overlap(before, after []counted) int64 {
	if len(before) == 0 || len(after) == 0 {
		return -1
	}
	a, b := mostFrequent(before), mostFrequent(after)
	both := 0
	for _, r := range a {
		if slices.ContainsFunc(b, func(s counted) bool { return s.next == r.next }) {
			both++
		}
	}
	return int64(both * overlapUnit / (len(a) + len(b) - both))
}

func mostFrequent(rows []counted) []counted {
	rows = slices.SortedFunc(slices.Values(rows), func(a, b counted) int {
		return cmp.Or(cmp.Compare(b.users, a.users), cmp.Compare(a.next, b.next))
	})
	return rows[:min(len(rows), stableTop)]
}

// decilesOf groups keys by their users: the keys with the most users come
// first, and a key is in the tenth of all users that the users before it
// reach. Keys of no user are not in the map.
func decilesOf(numbers, users []int64) map[int64]int64 {
	order := make([]int, len(numbers))
	total := int64(0)
	for i := range order {
		order[i] = i
		total += users[i]
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(users[b], users[a]), cmp.Compare(numbers[a], numbers[b]))
	})
	deciles := make(map[int64]int64, len(numbers))
	before := int64(0)
	for _, i := range order {
		deciles[numbers[i]] = 1 + before*Deciles/total
		before += users[i]
	}
	return deciles
}

// standing reads how many users stand at which key; nothing where no keys
// were counted.
func (b *book) standing(ctx context.Context, cfg Config) (numbers, users []int64, err error) {
	if cfg.Planning.From.Keys == "" {
		return nil, nil, nil
	}
	bucket, err := store.Open(ctx, cfg.Output)
	if err != nil {
		return nil, nil, err
	}
	rows, _, err := tables.ReadKeyed[schemas.KeyTraffic](ctx, bucket, schemas.KeysTable, cfg.Planning.From.Keys)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range rows {
		if n, ok := b.numberOf(r.Key); ok && r.Users > 0 {
			numbers, users = append(numbers, n), append(users, r.Users)
		}
	}
	return numbers, users, nil
}

func (t *keyTable) encode() []byte { return packed.Encode(t.numbers, t.weight, t.overlap, t.decile) }

func decodeKeyTable(block []byte) (*keyTable, error) {
	t := &keyTable{}
	return t, packed.Decode(block, &t.numbers, &t.weight, &t.overlap, &t.decile)
}

// add counts one case of one user in sums.
func (t *keyTable) add(sums []int64, planners int, number int64, o outcome) {
	at, _ := slices.BinarySearch(t.numbers, number)
	weight, decile := t.weight[at], int(t.decile[at])
	sums[sumCases]++
	sums[sumCasesByKey] += weight
	if v := t.overlap[at]; v >= 0 {
		sums[sumStable]++
		sums[sumStableByKey] += weight
		sums[sumOverlap] += v
		sums[sumOverlapByKey] += v * weight / overlapUnit
	}
	if decile > 0 {
		sums[sumDecileCases+decile-1]++
	}
	for p := range planners {
		one, mine := o.under(p), sums[of(p, 0):][:sumPlanner]
		for i, top := range Tops {
			if one.place() < top {
				mine[sumRecall+i]++
				mine[sumRecallByKey+i] += weight
			}
			if one.freshPlace() < top {
				mine[sumNovel+i]++
				mine[sumNovelByKey+i] += weight
			}
		}
		if decile > 0 && one.place() < listed {
			mine[sumDecile+decile-1]++
		}
		if one&bitHit != 0 {
			mine[sumHit]++
			mine[sumHitByKey] += weight
		}
		if one&bitFresh != 0 {
			mine[sumFresh]++
			mine[sumFreshByKey] += weight
		}
		if one&bitPlanned != 0 && o&bitFirstKey != 0 {
			mine[sumUserKeys]++
			if one&bitAnother != 0 {
				mine[sumUserPlans]++
			}
		}
	}
}

// user counts the cases of one user into a score.
func (t *keyTable) user(s *Score, sums []int64, planners int, c cases) {
	clear(sums)
	for i, o := range c.outcomes {
		t.add(sums, planners, c.keys[i], outcome(o))
	}
	for p := range planners {
		if mine := sums[of(p, 0):][:sumPlanner]; mine[sumUserKeys] < 2 { // of one there is nothing to tell
			mine[sumUserKeys], mine[sumUserPlans] = 0, 0
		}
	}
	s.Add(uint64(c.users[0]), sums)
}
