package lookup

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"

	"github.com/parquet-go/parquet-go"
	"golang.org/x/sync/errgroup"

	"foray/schemas"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// The columns that Plan and Status need.
const (
	statusColumn = "status"
	novelColumn  = "novel_cluster"
)

// columns are rows taken apart; keys are K to a row.
type columns struct {
	keys     []int32
	planned  []int32
	status   []uint8
	statuses []string
}

// loadParts reads all parts at once, and sets t's K and parts.
func (t *Table) loadParts(ctx context.Context, output store.Bucket) (columns, error) {
	m := t.manifest
	if m.Rows() > math.MaxInt32 {
		return columns{}, fmt.Errorf("it has %d rows, at most %d fit in memory", m.Rows(), math.MaxInt32)
	}
	t.parts = make([]part, len(m.Parts))
	loaded := make([]columns, len(m.Parts))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range m.Parts {
		group.Go(func() error {
			data, err := store.ReadPart(ctx, output, m.Table, m.Version, p)
			if err != nil {
				return err
			}
			file, err := tables.OpenKeyed[schemas.Lookup](data)
			if err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
			if file.File.NumRows() != p.Rows {
				return fmt.Errorf("%s has %d rows, its manifest says %d", p.Name, file.File.NumRows(), p.Rows)
			}
			t.parts[i].file = file
			if loaded[i], err = readColumns(file); err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return columns{}, err
	}
	var all columns
	for i, c := range loaded {
		p := &t.parts[i]
		if i == 0 {
			t.k = p.file.K
		}
		if p.file.K != t.k {
			return all, fmt.Errorf("%s has keys of %d clusters, other parts of %d", m.Parts[i].Name, p.file.K, t.k)
		}
		p.start = len(all.planned)
		if err := all.add(c); err != nil {
			return all, err
		}
		p.end = len(all.planned)
	}
	return all, nil
}

// add appends other.
func (c *columns) add(other columns) error {
	var as [math.MaxUint8 + 1]uint8
	for i, s := range other.statuses {
		n, err := c.statusNumber(s)
		if err != nil {
			return err
		}
		as[i] = n
	}
	c.keys = append(c.keys, other.keys...)
	c.planned = append(c.planned, other.planned...)
	for _, n := range other.status {
		c.status = append(c.status, as[n])
	}
	return nil
}

func (c *columns) statusNumber(s string) (uint8, error) {
	i := slices.Index(c.statuses, s)
	if i < 0 {
		i = len(c.statuses)
		if i > math.MaxUint8 {
			return 0, fmt.Errorf("column %s has more than %d values", statusColumn, i)
		}
		c.statuses = append(c.statuses, s)
	}
	return uint8(i), nil
}

// readColumns takes the rows of one file apart, touching no other column.
func readColumns(file *tables.KeyedFile[schemas.Lookup]) (columns, error) {
	n, k := int(file.File.NumRows()), file.K
	c := columns{keys: make([]int32, n*k), planned: make([]int32, n), status: make([]uint8, n)}
	for i := range k {
		name := schemas.KeyColumn(i)
		err := readColumn(file.File, name, parquet.Int32, func(row int, v parquet.Value) error {
			if v.IsNull() || v.Int32() < 0 {
				return fmt.Errorf("column %s holds %v in row %d, want a cluster", name, v, row)
			}
			c.keys[row*k+i] = v.Int32()
			return nil
		})
		if err != nil {
			return c, err
		}
	}
	err := readColumn(file.File, statusColumn, parquet.ByteArray, func(row int, v parquet.Value) (err error) {
		// The same status mostly comes again and again.
		if s := v.ByteArray(); row > 0 && string(s) == c.statuses[c.status[row-1]] {
			c.status[row] = c.status[row-1]
		} else {
			c.status[row], err = c.statusNumber(string(s))
		}
		return err
	})
	if err != nil {
		return c, err
	}
	err = readColumn(file.File, novelColumn, parquet.Int32, func(row int, v parquet.Value) error {
		c.planned[row] = notPlanned
		if ok := c.statuses[c.status[row]] == schemas.StatusOK; ok == v.IsNull() || ok && v.Int32() < 0 {
			return fmt.Errorf("row %d has status %q and the planned cluster %v", row, c.statuses[c.status[row]], v)
		}
		if !v.IsNull() {
			c.planned[row] = v.Int32()
		}
		return nil
	})
	return c, err
}

// readColumn calls each for every value of a column that holds one a row.
func readColumn(f *parquet.File, name string, kind parquet.Kind, each func(row int, v parquet.Value) error) error {
	leaf, ok := f.Schema().Lookup(name)
	if !ok || leaf.Node.Type().Kind() != kind || leaf.Node.Repeated() {
		return fmt.Errorf("there is no column %s of type %v", name, kind)
	}
	row := 0
	buf := make([]parquet.Value, 1024)
	for _, group := range f.RowGroups() {
		pages := group.ColumnChunks()[leaf.ColumnIndex].Pages()
		err := readPages(pages, buf, func(v parquet.Value) error {
			if int64(row) >= f.NumRows() {
				return fmt.Errorf("column %s has more values than the file has rows", name)
			}
			row++
			return each(row-1, v)
		})
		pages.Close()
		if err != nil {
			return err
		}
	}
	if int64(row) != f.NumRows() {
		return fmt.Errorf("column %s has %d values in %d rows", name, row, f.NumRows())
	}
	return nil
}

func readPages(pages parquet.Pages, buf []parquet.Value, each func(parquet.Value) error) error {
	for {
		page, err := pages.ReadPage()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		values := page.Values()
		for err == nil {
			var n int
			n, err = values.ReadValues(buf)
			for _, v := range buf[:n] {
				if err := each(v); err != nil {
					parquet.Release(page)
					return err
				}
			}
		}
		parquet.Release(page)
		if err != io.EOF {
			return err
		}
	}
}
