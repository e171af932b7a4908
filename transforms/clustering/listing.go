package clustering

import (
	"cmp"
	"fmt"
	"iter"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"foray/transforms/commit"
	"foray/transforms/kernel"
	"foray/transforms/read"
	"foray/transforms/spill"
)

// listing knows all items by their ids, sorted, each id once. Their texts and
// vectors, which may be larger than memory, wait in blocks on a disk.
type listing struct {
	IDs []string
	// dims is the length of the items' embeddings; 0 without them.
	dims   int
	rows   []place
	blocks []waiting
	folder string
}

// place is where an item waits.
type place struct{ block, at int32 }

// waiting is a block of items that waits.
type waiting struct {
	read.ItemBlock
	file string
	line int64 // of its first item
	dims int
}

// list gathers blocks of items. Of items with the same id the first, by file
// and line, stays. The others become rejects, as do embeddings of another
// length than most. Whoever calls it closes the listing.
func (cfg Config) list(blocks func(*read.ItemBlock) bool, rejects *commit.Rejects) (_ *listing, err error) {
	l := &listing{}
	defer func() {
		if err != nil {
			l.Close()
		}
	}()
	if l.folder, err = os.MkdirTemp("", "items-"); err != nil {
		return nil, fmt.Errorf("make a folder for items to wait in: %w", err)
	}
	ids, err := l.settle(blocks)
	if err != nil {
		return nil, err
	}
	lengths := map[int]int{} // items by the length of their embeddings
	for b, w := range l.blocks {
		lengths[w.dims] += len(ids[b])
	}
	l.dims = usual(lengths)
	items := 0
	for b := range ids {
		items += len(ids[b])
	}
	l.rows, l.IDs = make([]place, 0, items), make([]string, 0, items)
	for b := range ids {
		for at := range ids[b] {
			l.rows = append(l.rows, place{int32(b), int32(at)})
		}
	}
	slices.SortFunc(l.rows, func(x, y place) int {
		return cmp.Or(cmp.Compare(ids[x.block][x.at], ids[y.block][y.at]), cmp.Compare(x.block, y.block), cmp.Compare(x.at, y.at))
	})
	var bad []rejected
	n := 0
	for _, r := range l.rows {
		switch id := ids[r.block][r.at]; {
		case l.blocks[r.block].dims != l.dims:
			bad = append(bad, rejected{place: r, ofID: none})
		case n > 0 && l.IDs[n-1] == id:
			bad = append(bad, rejected{r, l.rows[n-1]})
		default:
			l.IDs = append(l.IDs, id)
			l.rows[n] = r
			n++
		}
	}
	l.rows = l.rows[:n:n]
	return l, cfg.reject(l, bad, rejects)
}

// settle has blocks wait on the disk, in the order of their files and lines,
// and gives the ids of each.
func (l *listing) settle(blocks func(*read.ItemBlock) bool) (ids [][]string, err error) {
	type block struct {
		waiting
		ids []string
	}
	var all []block
	out, in := spill.NewWriter(l.folder), &spill.Reader{}
	defer in.Close()
	for b := new(read.ItemBlock); blocks(b); b = new(read.ItemBlock) {
		if b.Empty() {
			continue
		}
		items, err := b.Load(in)
		if err != nil {
			return nil, err
		}
		settled, err := b.Settle(out)
		if err != nil {
			return nil, err
		}
		all = append(all, block{waiting{settled, items.File, items.Lines[0], items.Dims}, items.IDs})
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b block) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line))
	})
	for _, b := range all {
		l.blocks = append(l.blocks, b.waiting)
		ids = append(ids, b.ids)
	}
	return ids, nil
}

// rejected is an item that is none, for the embedding's length, or because
// the item at ofID has its id.
type rejected struct {
	place
	ofID place
}

var none = place{block: -1}

// rejectedAtOnce bounds how many rejected items are in memory.
const rejectedAtOnce = 1 << 14

// reject tells of items that are none, in the order of files and lines.
func (cfg Config) reject(l *listing, bad []rejected, rejects *commit.Rejects) error {
	slices.SortFunc(bad, func(x, y rejected) int {
		return cmp.Or(cmp.Compare(x.block, y.block), cmp.Compare(x.at, y.at))
	})
	for some := range slices.Chunk(bad, rejectedAtOnce) {
		raw, rows := make([]string, len(some)), make([]place, 0, 2*len(some))
		for _, r := range some {
			rows = append(rows, r.place)
		}
		for _, r := range some {
			if r.ofID == none {
				r.ofID = r.place
			}
			rows = append(rows, r.ofID)
		}
		lines := make([]int64, len(rows))
		err := l.visit(rows, heads, func(numbers []int32, block read.Items) error {
			for _, i := range numbers {
				at := rows[i].at
				if lines[i] = block.Lines[at]; int(i) < len(some) {
					raw[i] = commit.Cut(block.IDs[at] + " " + block.Texts[at])
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i, r := range some {
			from := l.blocks[r.block]
			column, reason := cfg.EmbeddingColumn, fmt.Sprintf("the embedding has %d floats, most have %d: give all items as many", from.dims, l.dims)
			if r.ofID != none {
				column, reason = cfg.ItemIDColumn, fmt.Sprintf("the item id is that of %s:%d: give every item an id of its own; the first one stays", l.blocks[r.ofID.block].file, lines[len(some)+i])
			}
			if err := rejects.Add(read.ItemRowsRejected, from.file, lines[i], column, reason, []byte(raw[i])); err != nil {
				return err
			}
		}
	}
	return nil
}

// What of a block is read.
const (
	heads   = 1 << iota // ids and texts
	vectors             // embeddings
)

// visit has a look at items that wait, block by block, several blocks at
// once: use gets the numbers in rows of those of one block, and the block.
func (l *listing) visit(rows []place, what int, use func(numbers []int32, items read.Items) error) error {
	order := make([]int32, len(rows))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(x, y int32) int {
		return cmp.Or(cmp.Compare(rows[x].block, rows[y].block), cmp.Compare(x, y))
	})
	visits := slices.Collect(chunkBy(order, func(i int32) int32 { return rows[i].block }))
	var next atomic.Int64
	var group errgroup.Group
	for range min(runtime.GOMAXPROCS(0), len(visits)) {
		group.Go(func() (err error) {
			in := &spill.Reader{}
			defer in.Close()
			for i := int(next.Add(1)) - 1; i < len(visits); i = int(next.Add(1)) - 1 {
				block := l.blocks[rows[visits[i][0]].block]
				items := read.Items{Dims: block.dims}
				if what&heads != 0 {
					if items, err = block.Load(in); err != nil {
						return err
					}
				}
				if what&vectors != 0 {
					if items.Vectors, err = block.LoadVectors(in); err != nil {
						return err
					}
				}
				if err := use(visits[i], items); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// chunkBy cuts values where their key changes.
func chunkBy[T any, K comparable](values []T, key func(T) K) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for first := 0; first < len(values); {
			end := first + 1
			for end < len(values) && key(values[end]) == key(values[first]) {
				end++
			}
			if !yield(values[first:end]) {
				return
			}
			first = end
		}
	}
}

// load gives some items, in the order asked for: texts, vectors, or both.
func (l *listing) load(items []int32, what int) (*catalogue, error) {
	c := &catalogue{items: slices.Clone(items), IDs: make([]string, len(items)), Texts: make([]string, len(items)), Vectors: kernel.Matrix{Rows: len(items)}}
	if what&vectors != 0 {
		c.Vectors = kernel.New(len(items), l.dims)
	}
	rows := make([]place, len(items))
	for i, item := range items {
		c.IDs[i], rows[i] = l.IDs[item], l.rows[item]
	}
	return c, l.visit(rows, what, func(numbers []int32, block read.Items) error {
		for _, i := range numbers {
			at := int(rows[i].at)
			if what&heads != 0 {
				// A copy, or one text would hold all those of its block.
				c.Texts[i] = strings.Clone(block.Texts[at])
			}
			if what&vectors != 0 {
				copy(c.Vectors.Row(int(i)), block.Vectors[at*l.dims:])
			}
		}
		return nil
	})
}

// inBlockOrder gives items in an order in which each block is read once.
func (l *listing) inBlockOrder(items []int32) []int32 {
	return slices.SortedFunc(slices.Values(items), func(x, y int32) int {
		a, b := l.rows[x], l.rows[y]
		return cmp.Or(cmp.Compare(a.block, b.block), cmp.Compare(a.at, b.at))
	})
}

// all are the numbers of all items.
func (l *listing) all() []int32 {
	all := make([]int32, len(l.IDs))
	for i := range all {
		all[i] = int32(i)
	}
	return all
}

// Close removes what waits.
func (l *listing) Close() error { return os.RemoveAll(l.folder) }
