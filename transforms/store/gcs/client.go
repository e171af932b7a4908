package gcs

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"cloud.google.com/go/storage"
	"github.com/googleapis/gax-go/v2"
)

const signIn = "sign in with `gcloud auth application-default login`, or name a service account's key file in GOOGLE_APPLICATION_CREDENTIALS"

const emulatorVariable = "STORAGE_EMULATOR_HOST"

var (
	mu sync.Mutex
	// clients has one client a process, by the emulator that it was made for
	// ("" for the real store), since clients look for one only when made.
	clients = map[string]*storage.Client{}
)

func client(ctx context.Context) (*storage.Client, error) {
	mu.Lock()
	defer mu.Unlock()
	emulator := os.Getenv(emulatorVariable)
	if c := clients[emulator]; c != nil {
		return c, nil
	}
	// The client outlives the call that needed it first. Reads go through the
	// JSON API as everything else does: emulators are at odds with the XML one.
	c, err := storage.NewClient(context.WithoutCancel(ctx), storage.WithJSONReads())
	if err != nil {
		return nil, fmt.Errorf("%w; %s", err, signIn)
	}
	// Every call of ours may be sent twice: a Put holds the whole object, and
	// whoever moves or removes twice finds it done. Without a limit an
	// unreachable store would be tried for ever.
	c.SetRetry(
		storage.WithPolicy(storage.RetryAlways),
		storage.WithMaxAttempts(8),
		storage.WithBackoff(gax.Backoff{Initial: time.Second, Max: 30 * time.Second, Multiplier: 2}),
	)
	clients[emulator] = c
	return c, nil
}
