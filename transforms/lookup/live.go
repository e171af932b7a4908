package lookup

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"foray/schemas"
	"foray/transforms/store"
)

// Live holds the version that CURRENT names, and follows it when told to.
// Readers are never stopped and never fail: whoever holds a Table goes on with
// it, and a refresh that fails leaves the version that was there.
type Live struct {
	output store.Bucket
	table  atomic.Pointer[Table]
	mu     sync.Mutex // held by Refresh
}

// OpenLive opens the published lookup table of an output, as Open does.
func OpenLive(ctx context.Context, output store.Bucket) (*Live, error) {
	t, err := Open(ctx, output)
	if err != nil {
		return nil, err
	}
	l := &Live{output: output}
	l.table.Store(t)
	return l, nil
}

// Table gives the version as of the last refresh, never nil. Take it once for
// all that has to agree with each other.
func (l *Live) Table() *Table { return l.table.Load() }

// Refresh opens the version that CURRENT names now, if it is another one,
// older ones too, and says whether it did. Old and new version are both in
// memory meanwhile. Call it as often as versions should be looked for: a call
// that finds nothing new reads a few bytes.
func (l *Live) Refresh(ctx context.Context) (moved bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	version, err := store.Current(ctx, l.output, schemas.LookupTable)
	if err != nil {
		return false, fmt.Errorf("refresh the lookup table: %w", err)
	}
	if version == l.Table().Version() {
		return false, nil
	}
	t, err := OpenVersion(ctx, l.output, version)
	if err != nil {
		return false, err
	}
	l.table.Store(t)
	return true, nil
}
