package paidlog

import (
	"context"
	"io"
)

// Bucket is what the paid log needs of storage: named byte strings below an
// output, with slash-separated names. Safe for concurrent use.
type Bucket interface {
	// Put stores what write writes under name: whole or not at all, and
	// durable on return. It may call write again after a failure.
	Put(ctx context.Context, name string, write func(io.Writer) error) error
	// Open reads name.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// List tells every name that starts with prefix; none is no error.
	List(ctx context.Context, prefix string) ([]string, error)
}
