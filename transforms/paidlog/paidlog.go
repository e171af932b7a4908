// Package paidlog keeps every answer that was paid for: the llm.Log below an
// output.
//
//	answers/LOCK                                  held while a local log is open
//	answers/20260102T030405.678901234Z-….log      appended to by the open log
//	answers/20260102T030405.678901234Z-….calls    how many calls are in flight
//	answers/_calls/20260102T….calls               the same on an object store
//	answers/clusters-00000-00031/part-….parquet   immutable, sorted by id
//	answers/texts-a/part-….parquet                answers about texts (TextKey)
//	answers/names/part-….parquet                  names of clusters (NameKey)
//
// Answers stand in folders of 32 cluster ids by the first cluster of their
// key. Ids stay over refreshes of the clustering, unlike ranks, and unlike
// versions of tables, so an answer is found again whatever else changed.
//
// On a local disk Append writes to one log file, which an fdatasync follows
// every 20 milliseconds; Close seals the log into Parquet parts, or the
// next Open does after a crash. On an object store Append waits until a part
// with the answer is stored, which happens every ten seconds, or at 1,024 answers.
//
// What is damaged loses only itself, is reported by Warnings, and is asked
// again. Of several records with one id, the one in the part with the lowest
// name, which is the oldest, wins.
package paidlog

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"foray/llm"
	"foray/transforms/store"
)

// Root is the directory of the paid log below an output.
const Root = "answers"

// ErrClosed is returned, wrapped, by Append after Close.
var ErrClosed = errors.New("the paid log is closed")

// Log is a paid log, an llm.Log. Safe for concurrent use.
type Log struct {
	bucket store.Bucket
	keeper keeper
	calls  calls

	mu       sync.Mutex
	folders  map[int32]*folder
	warnings []string
	closed   atomic.Bool
}

var _ llm.Log = (*Log)(nil)

// keeper keeps records. It calls Log.remember for each of them, in the order
// in which they stand in storage, before keep returns.
type keeper interface {
	// keep returns once the record outlives the process.
	keep(ctx context.Context, r *llm.Record) error
	// sync returns once all that was kept outlives the machine's power.
	sync() error
	// close makes durable, and final, all that was kept.
	close() error
}

// newLog is a log without a keeper.
func newLog(b store.Bucket) *Log {
	return &Log{bucket: b, folders: map[int32]*folder{}}
}

// Lookup implements llm.Log. The first look-up in a folder loads it.
func (l *Log) Lookup(ctx context.Context, id llm.ID, key []int32) (llm.Answer, bool, error) {
	f, err := l.folder(ctx, key)
	if err != nil {
		return llm.Answer{}, false, err
	}
	text, ok := f.answers.get(id)
	return llm.Answer{Text: text, Recorded: ok}, ok, nil
}

// Append implements llm.Log. It returns at once on a local disk, where a loss
// of power may cost the records of the last 20 milliseconds (2,048 at most),
// and within ten seconds on an object store, where callers let many calls
// wait. If ctx ends first, the record may be kept or not.
func (l *Log) Append(ctx context.Context, r llm.Record) error {
	if l.closed.Load() {
		return ErrClosed
	}
	f, err := l.folder(ctx, r.Key)
	if err != nil {
		return err
	}
	if _, ok := f.answers.get(r.ID); ok {
		return nil
	}
	if err := clean(&r); err != nil {
		return err
	}
	return l.keeper.keep(ctx, &r)
}

// Sync returns once all that was appended outlives the machine's power.
func (l *Log) Sync() error { return l.keeper.sync() }

// clean makes a record one that every format can hold.
func clean(r *llm.Record) error {
	for _, c := range r.Key {
		if c < 0 {
			return fmt.Errorf("the paid log has no place for the key %v: want cluster ids from 0", r.Key)
		}
	}
	if r.Sample < 0 || r.Sample > math.MaxInt32 {
		return fmt.Errorf("the paid log has no place for sample %d", r.Sample)
	}
	for _, s := range []*string{&r.Model, &r.Endpoint, &r.PromptVersion, &r.Text, &r.FinishReason} {
		*s = strings.ToValidUTF8(*s, "\ufffd")
	}
	// An endpoint may count any nonsense.
	r.PromptTokens = min(max(r.PromptTokens, 0), math.MaxInt32)
	r.CompletionTokens = min(max(r.CompletionTokens, 0), math.MaxInt32)
	r.Latency = min(max(r.Latency, 0), math.MaxInt32*time.Millisecond)
	return nil
}

// Load reads the folders of all keys whose first cluster is in [first, last],
// so that look-ups need not.
func (l *Log) Load(ctx context.Context, first, last int32) error {
	if first < 0 || last < first {
		return fmt.Errorf("load the paid log: clusters %d to %d are no range", first, last)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for start := folderStart(first); start <= last; start += folderWidth {
		group.Go(func() error {
			_, err := l.folder(ctx, []int32{start})
			return err
		})
	}
	return group.Wait()
}

// Warnings tells of all damage met so far, each in a sentence.
func (l *Log) Warnings() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.warnings)
}

func (l *Log) warn(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.warnings = append(l.warnings, fmt.Sprintf(format, args...))
}

// Close makes all appended records final. Without it nothing is lost: the
// next Open does the same.
func (l *Log) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	return l.keeper.close()
}

// remember makes a kept record known to Lookup.
func (l *Log) remember(r *llm.Record) {
	l.mu.Lock()
	f := l.folders[folderStart(r.Key[0])]
	l.mu.Unlock()
	// Append loaded the folder, or it could have paid for a known answer.
	f.answers.add(r.ID, r.Text)
}
