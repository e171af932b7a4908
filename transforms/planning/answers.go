package planning

import (
	"context"
	"io"

	"foray/transforms/paidlog"
	"foray/transforms/store"
)

// How many answers wait to be durable for each call in flight: on a local disk
// that takes milliseconds, on an object store up to ten seconds.
const (
	waitingLocal  = 2
	waitingObject = 32
)

// openLog opens the paid log below an output: a log that is appended to on a
// local disk, parts every few seconds elsewhere.
func openLog(ctx context.Context, b store.Bucket) (log *paidlog.Log, waiting int, err error) {
	if local, ok := b.(store.Local); ok {
		log, err := paidlog.Open(ctx, string(local))
		return log, waitingLocal, err
	}
	return paidlog.OpenBucket(answersBucket{b}), waitingObject, nil
}

// answersBucket is a store.Bucket as the paid log wants it.
type answersBucket struct{ store.Bucket }

func (b answersBucket) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	return b.Bucket.Put(ctx, name, store.IfAbsent, write)
}

func (b answersBucket) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	return b.Bucket.Open(ctx, name, 0, -1)
}

func (b answersBucket) List(ctx context.Context, prefix string) ([]string, error) {
	infos, err := b.Bucket.List(ctx, prefix)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = info.Name
	}
	return names, nil
}
