package read

import (
	"context"
	"errors"

	"github.com/cespare/xxhash/v2"

	"foray/transforms/commit"
	"foray/transforms/fields"
	"foray/transforms/partition"
)

// parser makes events of rows.
type parser struct {
	source EventSource
	items  *ItemMap
	key    ItemKey
	latest int64 // the last time that can be true
	out    *partition.Writer
	span   partition.Span

	unknown, low int64
}

// text reads a split of a text file.
func (p *parser) text(ctx context.Context, at Split, rejects *commit.Rejects, progressed func(rows int64)) (rows, rejected int64, err error) {
	r, err := p.source.eachRow(ctx, at, EventRowsRejected, rejects, func(r *rowReader) error {
		if r.Read%progressRows == 0 {
			progressed(progressRows)
		}
		return p.row(r.Row)
	})
	progressed(r.Read % progressRows)
	return r.Read, r.Rejected, err
}

// progressRows is the number of rows after which progress is told.
const progressRows = 4096

var (
	errNoUser = errors.New("the user id is empty: name a user in every row")
	errNoItem = errors.New("the item id is empty: name an item in every row")
)

// row takes one row of text; an error says why it is none.
func (p *parser) row(row [][]byte) error {
	micros, err := fields.ParseTime(row[timeColumn], p.source.Unit)
	if err != nil {
		return &columnError{timeColumn, err}
	}
	engagement := 0.0
	if len(row) > engagementColumn {
		if engagement, err = fields.Float(row[engagementColumn]); err != nil {
			return &columnError{engagementColumn, err}
		}
	}
	return p.event(row[userColumn], row[eventItemColumn], micros, len(row) > engagementColumn, engagement)
}

// event takes one event; an error says why it is none.
func (p *parser) event(user, item []byte, micros int64, engaged bool, engagement float64) error {
	switch {
	case micros > p.latest:
		return &columnError{timeColumn, fields.CheckFuture(micros, p.source.Now)}
	case len(user) == 0:
		return &columnError{userColumn, errNoUser}
	case len(item) == 0:
		return &columnError{eventItemColumn, errNoItem}
	}
	if err := fields.CheckUTF8(user); err != nil {
		return &columnError{userColumn, err}
	}
	p.span = partition.Join(p.span, partition.Span{First: micros, Last: micros})
	if engaged && engagement < p.source.MinEngagement {
		p.low++
		return nil
	}
	var of int64
	if p.key == ItemHash {
		of = int64(xxhash.Sum64(item) >> 1)
	} else {
		i, ok := p.items.Index(item)
		if !ok {
			p.unknown++
			return nil
		}
		of = int64(i)
		if p.key == ItemCluster {
			of = int64(p.items.Clusters[i])
		}
	}
	p.out.Add(user, micros, of)
	return nil
}
