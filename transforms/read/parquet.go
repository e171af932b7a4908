package read

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"foray/transforms/columnar"
	"foray/transforms/commit"
	"foray/transforms/fields"
)

// kindsFor are the kinds of Parquet columns that each use can be made of.
var kindsFor = map[use][]columnar.Kind{
	asID:     {columnar.Text, columnar.Int},
	asTime:   {columnar.Time, columnar.Int, columnar.Float, columnar.Text},
	asNumber: {columnar.Int, columnar.Float, columnar.Text},
	asText:   {columnar.Text, columnar.TextList, columnar.Int},
	asVector: {columnar.FloatList, columnar.Text},
}

var useNames = map[use]string{
	asID: "text or whole numbers", asTime: "times", asNumber: "numbers", asText: "text", asVector: "lists of numbers",
}

// openParquet opens a file and its wanted columns; those that are absent are
// left out, and places tell where the others are.
func (f File) openParquet(ctx context.Context, names []string) (file *columnar.File, columns []columnar.Column, places []int, err error) {
	file, err = columnar.Open(readerAt{ctx, f.Path}, f.Bytes, f.Path)
	if err != nil {
		return nil, nil, nil, err
	}
	for i, name := range names {
		if f.Columns[i] < 0 {
			places = append(places, -1)
			continue
		}
		c, err := file.Find(name)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("%s: %w", f.Path, err)
		}
		places = append(places, len(columns))
		columns = append(columns, c)
	}
	return file, columns, places, nil
}

// inspectParquet finds columns by name and holds their types against their
// use. Times of a type of their own are no samples: there is no doubt about
// their unit.
func (f *File) inspectParquet(ctx context.Context, columns []Column, heads *sampler) error {
	if f.Compression != Plain {
		return fmt.Errorf("%s: a Parquet file that is packed with %s cannot be read in pieces: unpack it (Parquet is compressed inside)", f.Path, f.Compression)
	}
	file, err := columnar.Open(readerAt{ctx, f.Path}, f.Bytes, f.Path)
	if err != nil {
		return err
	}
	there := file.Names()
	if err := f.find(columns, func(name string) (int, error) { return fields.Find(there, name) }); err != nil {
		return err
	}
	for i, c := range columns {
		if f.Columns[i] < 0 {
			continue
		}
		found, err := file.Find(c.Name)
		if err != nil {
			return optionError("%s: --%s: %w", f.Path, c.Flag, err)
		}
		if !slices.Contains(kindsFor[c.use], found.Kind) {
			return optionError("%s: --%s: column %s holds %s: want %s", f.Path, c.Flag, fields.Quote(c.Name), found.Kind, useNames[c.use])
		}
		f.TypedTimes = f.TypedTimes || c.use == asTime && found.Kind == columnar.Time
	}
	if f.TypedTimes || file.Rows() == 0 {
		heads.good = heads.good || file.Rows() > 0
		return nil
	}
	return f.sampleParquet(ctx, names(columns), heads)
}

// sampleParquet gives the rows of the first batch.
func (f *File) sampleParquet(ctx context.Context, names []string, heads *sampler) error {
	file, columns, places, err := f.openParquet(ctx, names)
	if err != nil {
		return err
	}
	r := file.Read(0, columns)
	defer r.Close()
	batch, err := r.Next()
	if err != nil {
		return err
	}
	for row := range batch.Rows {
		texts := make([][]byte, len(names))
		for i, at := range places {
			if at >= 0 {
				texts[i], _ = appendText(nil, columns[at].Kind, &batch.Columns[at], row)
			}
		}
		if !heads.take(texts) {
			break
		}
	}
	return nil
}

// splitRows is about how many rows of a Parquet file a split has.
const splitRows = 1 << 18

// parquetSplits cuts between row groups.
func (f File) parquetSplits(ctx context.Context, file int) ([]Split, error) {
	opened, err := columnar.Open(readerAt{ctx, f.Path}, f.Bytes, f.Path)
	if err != nil {
		return nil, err
	}
	var all []Split
	from, rows := 0, int64(0)
	groups := opened.Groups()
	for i, g := range groups {
		if rows += g.Rows; rows >= splitRows || i == len(groups)-1 {
			all = append(all, Split{File: file, Groups: [2]int{from, i + 1}})
			from, rows = i+1, 0
		}
	}
	return all, nil
}

// appendText appends a value as it would stand in a text file; false if it is
// null.
func appendText(to []byte, kind columnar.Kind, v *columnar.Values, row int) ([]byte, bool) {
	if v.Null[row] {
		return to, false
	}
	switch kind {
	case columnar.Text:
		return append(to, v.Texts[row]...), true
	case columnar.TextList:
		for i, text := range v.Texts[v.Starts[row]:v.Starts[row+1]] {
			if i > 0 {
				to = append(to, listSeparator...)
			}
			to = append(to, text...)
		}
		return to, true
	case columnar.FloatList:
		to = append(to, '[')
		for i, x := range v.Floats[v.Starts[row]:v.Starts[row+1]] {
			if i > 0 {
				to = append(to, ',')
			}
			to = strconv.AppendFloat(to, x, 'g', -1, 32)
		}
		return append(to, ']'), true
	case columnar.Float:
		return strconv.AppendFloat(to, v.Floats[row], 'f', -1, 64), true
	}
	return strconv.AppendInt(to, v.Ints[row], 10), true
}

// listSeparator stands between the texts of a list.
const listSeparator = ", "

// parquetRow is one row of a Parquet file.
type parquetRow struct {
	names   []string
	columns []columnar.Column
	places  []int // of each wanted column among columns, −1 if absent
	batch   *columnar.Batch
	row     int
	room    []byte
}

// kind is the kind of a wanted column, 0 if it is absent.
func (r *parquetRow) kind(column int) columnar.Kind {
	if r.places[column] < 0 {
		return 0
	}
	return r.columns[r.places[column]].Kind
}

func (r *parquetRow) values(column int) *columnar.Values { return &r.batch.Columns[r.places[column]] }

// text gives a value as text, nil if it is absent or null. It holds until the
// row is reset.
func (r *parquetRow) text(column int) []byte {
	if r.places[column] < 0 {
		return nil
	}
	v := r.values(column)
	if r.kind(column) == columnar.Text && !v.Null[r.row] {
		return v.Texts[r.row]
	}
	start := len(r.room)
	var ok bool
	if r.room, ok = appendText(r.room, r.kind(column), v, r.row); !ok {
		return nil
	}
	return r.room[start:len(r.room):len(r.room)]
}

// raw shows the row among the rejects.
func (r *parquetRow) raw() []byte {
	var out []byte
	for i, name := range r.names {
		if r.places[i] < 0 {
			continue
		}
		if len(out) > 0 {
			out = append(out, ' ')
		}
		out = append(append(out, name...), '=')
		out, _ = appendText(out, r.kind(i), r.values(i), r.row)
	}
	return out
}

// eachParquetRow calls use for every row of a split. An error of use rejects
// the row.
func (s Source) eachParquetRow(ctx context.Context, at Split, count string, rejects *commit.Rejects, use func(*parquetRow) error, progressed func(int64)) (rows, rejected int64, err error) {
	f := s.Files[at.File]
	file, columns, places, err := f.openParquet(ctx, s.Names)
	if err != nil {
		return 0, 0, err
	}
	r := &parquetRow{names: s.Names, columns: columns, places: places}
	for group := at.Groups[0]; group < at.Groups[1]; group++ {
		reader := file.Read(group, columns)
		for {
			if r.batch, err = reader.Next(); err != nil {
				break
			}
			for r.row = range r.batch.Rows {
				r.room = r.room[:0]
				rows++
				if why := use(r); why != nil {
					rejected++
					column := ""
					if c := (*columnError)(nil); errors.As(why, &c) {
						column = s.Names[c.column]
					}
					if err := rejects.Add(count, f.Path, r.batch.First+int64(r.row), column, reason(why), r.raw()); err != nil {
						return rows, rejected, err
					}
				}
			}
			progressed(int64(r.batch.Rows))
			if err = ctx.Err(); err != nil {
				break
			}
		}
		if err != io.EOF {
			return rows, rejected, errors.Join(err, reader.Close())
		}
	}
	return rows, rejected, nil
}

// parquet reads a split of a Parquet file.
func (p *parser) parquet(ctx context.Context, at Split, rejects *commit.Rejects, progressed func(rows int64)) (rows, rejected int64, err error) {
	return p.source.eachParquetRow(ctx, at, EventRowsRejected, rejects, p.parquetRow, progressed)
}

// parquetRow takes one row; an error says why it is none.
func (p *parser) parquetRow(r *parquetRow) error {
	micros, err := p.parquetTime(r)
	if err != nil {
		return &columnError{timeColumn, err}
	}
	engaged := len(r.places) > engagementColumn
	engagement := 0.0
	if engaged {
		if engagement, err = fields.Float(r.text(engagementColumn)); err != nil {
			return &columnError{engagementColumn, err}
		}
	}
	return p.event(r.text(userColumn), r.text(eventItemColumn), micros, engaged, engagement)
}

func (p *parser) parquetTime(r *parquetRow) (int64, error) {
	if v := r.values(timeColumn); !v.Null[r.row] {
		switch r.kind(timeColumn) {
		case columnar.Time:
			return v.Ints[r.row], fields.CheckTime(v.Ints[r.row])
		case columnar.Int:
			return fields.TimeOf(v.Ints[r.row], p.source.Unit)
		}
	}
	return fields.ParseTime(r.text(timeColumn), p.source.Unit)
}

// parquetItems reads a split of items of a Parquet file.
func (s ItemSource) parquetItems(ctx context.Context, at Split, rejects *commit.Rejects, use func(item) error) (rows, rejected int64, err error) {
	texts := make([][]byte, s.Texts)
	return s.eachParquetRow(ctx, at, ItemRowsRejected, rejects, func(r *parquetRow) error {
		it := item{line: r.batch.First + int64(r.row), id: r.text(0), texts: texts}
		for i := range texts {
			texts[i] = r.text(1 + i)
		}
		if s.Embedding {
			var err error
			if it.embedding, err = r.vector(1 + s.Texts); err != nil {
				return &columnError{1 + s.Texts, err}
			}
		}
		return use(it)
	}, func(int64) {})
}

var errNoVector = errors.New("the embedding is empty: give every item one")

// vector is an embedding.
func (r *parquetRow) vector(column int) ([]float32, error) {
	if r.kind(column) == columnar.Text {
		return fields.Floats(r.text(column))
	}
	v := r.values(column)
	list := v.Floats[v.Starts[r.row]:v.Starts[r.row+1]]
	if v.Null[r.row] || len(list) == 0 {
		return nil, errNoVector
	}
	vector := make([]float32, len(list))
	for i, x := range list {
		vector[i] = float32(x)
		if math.IsNaN(x) || math.IsInf(float64(vector[i]), 0) {
			return nil, fmt.Errorf("number %d of the embedding is %g: want numbers that are finite in 32 bits", i+1, x)
		}
	}
	return vector, nil
}
