package paidlog

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"foray/llm"
	"foray/transforms/store"
)

// record is the i-th record of tests: its key's first cluster is i modulo
// clusters, its text depends on i and version.
func record(i, clusters int, version string) llm.Record {
	return llm.Record{
		ID:               idOf(i),
		Key:              []int32{int32(i % clusters), int32(i%clusters + 1)},
		Model:            "m",
		Endpoint:         "http://localhost/v1",
		PromptVersion:    "p",
		Sample:           i % 3,
		Text:             textOf(i, version),
		PromptTokens:     10,
		CompletionTokens: 5,
		FinishReason:     "stop",
		AskedAt:          time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC),
		Latency:          1500 * time.Millisecond,
	}
}

func idOf(i int) llm.ID { return sha256.Sum256(fmt.Append(nil, i)) }

func textOf(i int, version string) string {
	return fmt.Sprintf("New cluster: answer %d %s", i, version)
}

func open(t testing.TB, dir string) *Log {
	t.Helper()
	l, err := Open(context.Background(), store.Local(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func appendAll(t testing.TB, l *Log, from, to, clusters int, version string) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := l.Append(context.Background(), record(i, clusters, version)); err != nil {
			t.Fatal(err)
		}
	}
}

// holds checks that the log knows exactly the records from … to of version.
func holds(t testing.TB, l *Log, from, to, clusters int, version string) {
	t.Helper()
	for i := from; i < to; i++ {
		r := record(i, clusters, version)
		got, ok, err := l.Lookup(context.Background(), r.ID, r.Key)
		if err != nil || !ok || got.Text != r.Text || !got.Recorded {
			t.Fatalf("record %d: %+v, %v, %v, want %q", i, got, ok, err, r.Text)
		}
	}
}

func lacks(t testing.TB, l *Log, i, clusters int) {
	t.Helper()
	r := record(i, clusters, "")
	if got, ok, err := l.Lookup(context.Background(), r.ID, r.Key); ok || err != nil {
		t.Fatalf("record %d: %+v, %v, want none", i, got, err)
	}
}

func files(t testing.TB, dir, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, Root, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func rows(t testing.TB, path string) []Row {
	t.Helper()
	r, err := parquet.ReadFile[Row](path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// abandon leaves a log as a crash does: the lock is gone, nothing is sealed.
func abandon(t testing.TB, l *Log) {
	t.Helper()
	if err := l.keeper.(*journal).lock.Close(); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, to, data)
}

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}
