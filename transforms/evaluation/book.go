package evaluation

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"foray/schemas"
	"foray/transforms/once"
	"foray/transforms/planner"
	"foray/transforms/planning"
)

// book holds the first plans of every planner for every key of the table, as
// ranks of leaves: the planners are asked once a key, however many users have
// it.
type book struct {
	world    *planning.World
	table    *planning.Table
	planners []planner.Planner // in the order of Config.Names
	ranks    []int32           // of leaves by id, −1 for none
	set      bool
	// plans has listed ranks for each planner of each row, noPlan behind the
	// last.
	plans []uint16
	rows  map[int64]int32 // of keys, by number
	dense []int32         // the same, where the numbers are few
}

const (
	// listed is how many plans of a key are looked at.
	listed = planning.Candidates
	noPlan = math.MaxUint16
	// maxDense is the largest number of a key that is looked up in an array.
	maxDense = 1 << 22
)

type bookID struct {
	output, lookup string
	seed           uint64
}

var books once.Cache[bookID, *book]

// loadBook makes the book, at the first call in this process only.
func loadBook(ctx context.Context, cfg Config) (*book, error) {
	return books.Get(bookID{cfg.Output, cfg.Lookup, cfg.Planning.Seed}, func() (*book, error) {
		return newBook(context.WithoutCancel(ctx), cfg)
	})
}

// Prepare makes the book of a job that is to run in this process, while events
// are still being read. What goes wrong is told to who asks for the book.
func Prepare(ctx context.Context, cfg Config) { _, _ = loadBook(ctx, cfg) }

func newBook(ctx context.Context, cfg Config) (*book, error) {
	w, err := planning.LoadWorld(ctx, cfg.Planning)
	if err != nil {
		return nil, err
	}
	table, err := planning.LoadTable(ctx, cfg.Output, cfg.Lookup)
	if err != nil {
		return nil, err
	}
	b := &book{world: w, table: table, planners: []planner.Planner{table}, set: cfg.SetKeys()}
	for _, name := range cfg.Names()[1:] {
		p, err := planning.LoadPlanner(name, w)
		if err != nil {
			return nil, fmt.Errorf("make the baseline %s: %w", name, err)
		}
		b.planners = append(b.planners, p)
	}
	if err := b.number(); err != nil {
		return nil, err
	}
	return b, b.fill(ctx)
}

// number gives leaves their ranks, and keys their rows.
func (b *book) number() error {
	leaves := b.world.Leaves
	if len(leaves) >= noPlan {
		return fmt.Errorf("plans of %d clusters cannot be judged: at most %d", len(leaves), noPlan-1)
	}
	b.ranks = make([]int32, leaves[len(leaves)-1].ClusterID+1)
	for i := range b.ranks {
		b.ranks[i] = -1
	}
	for i, c := range leaves {
		b.ranks[c.ClusterID] = int32(i)
	}
	if n := math.Pow(float64(len(leaves)), float64(b.world.Space.K())); n <= maxDense {
		b.dense = make([]int32, int(n))
		for i := range b.dense {
			b.dense[i] = -1
		}
	} else {
		b.rows = make(map[int64]int32, len(b.table.Rows))
	}
	for i, r := range b.table.Rows {
		n, ok := b.numberOf(r.Key)
		if !ok {
			return fmt.Errorf("lookup holds the key %v, of another clustering than clusters %s", r.Key, b.table.Manifest.Parents[schemas.ClustersTable])
		}
		if b.dense != nil {
			b.dense[n] = int32(i)
		} else {
			b.rows[n] = int32(i)
		}
	}
	return nil
}

// rank is the place of a leaf among the leaves, −1 for other ids.
func (b *book) rank(id int32) int32 {
	if id < 0 || int(id) >= len(b.ranks) {
		return -1
	}
	return b.ranks[id]
}

// numberOf tells keys apart: it reads their ranks as the digits of a number,
// in 64 bits whatever overflows.
func (b *book) numberOf(key []int32) (n int64, ok bool) {
	for _, id := range key {
		r := b.rank(id)
		if r < 0 {
			return 0, false
		}
		n = n*int64(len(b.world.Leaves)) + int64(r)
	}
	return n, true
}

// row is the table's row of a key, −1 if it has none.
func (b *book) row(number int64) int {
	if b.dense != nil {
		return int(b.dense[number])
	}
	if row, ok := b.rows[number]; ok {
		return int(row)
	}
	return -1
}

// fill asks the planners.
func (b *book) fill(ctx context.Context) error {
	size := len(b.planners) * listed
	b.plans = make([]uint16, len(b.table.Rows)*size)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	const chunk = 4096
	for from := 0; from < len(b.table.Rows); from += chunk {
		group.Go(func() error {
			var room []schemas.Candidate
			for row := from; row < min(from+chunk, len(b.table.Rows)); row++ {
				room = b.ask(b.table.Rows[row].Key, b.plans[row*size:][:size], room)
			}
			return ctx.Err()
		})
	}
	return group.Wait()
}

// ask writes the ranks of all planners' plans of a key.
func (b *book) ask(key []int32, into []uint16, room []schemas.Candidate) []schemas.Candidate {
	for p, planner := range b.planners {
		plans := into[p*listed:][:listed]
		for i := range plans {
			plans[i] = noPlan
		}
		room = planner.Plan(key, listed, room[:0])
		for i, c := range room[:min(len(room), listed)] {
			if r := b.rank(c.Cluster); r >= 0 {
				plans[i] = uint16(r)
			}
		}
	}
	return room
}

// of are the plans of a key by all planners, listed to a planner; room is for
// a key that the table does not hold.
func (b *book) of(key []int32, number int64, room *asking) []uint16 {
	size := len(b.planners) * listed
	if row := b.row(number); row >= 0 {
		return b.plans[row*size:][:size]
	}
	room.plans = slices.Grow(room.plans[:0], size)[:size]
	room.candidates = b.ask(key, room.plans, room.candidates)
	return room.plans
}

// asking is room for plans of keys outside the table.
type asking struct {
	plans      []uint16
	candidates []schemas.Candidate
}
