// Package gcstest runs an emulator of Google Cloud Storage for tests, as a
// process of its own. Its version is pinned in scripts/tools/go.mod, apart from
// Foray's own requirements.
package gcstest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/storage"
)

// bucketName is the bucket that a server starts with.
const bucketName = "foray-test"

// patience bounds the wait for a server that neither answers nor ends.
const patience = time.Minute

// Start runs a server, empty but for one bucket, until the test ends, points
// STORAGE_EMULATOR_HOST at it, for processes that the test starts too, and
// gives the URL of the bucket. The test must not be a parallel one.
func Start(t testing.TB) (url string) {
	t.Helper()
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	// A port that is free now may be taken before the server has it.
	var host string
	for range 5 {
		if host, err = run(t, program); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("STORAGE_EMULATOR_HOST", host)
	c, err := storage.NewClient(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Bucket(bucketName).Create(t.Context(), "foray-test-project", nil); err != nil {
		t.Fatalf("make bucket gs://%s on the emulator: %v", bucketName, err)
	}
	return "gs://" + bucketName
}

// build gives the path of the server's program, which the go command keeps in
// its build cache.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		tools := filepath.Join(dir, "scripts", "tools")
		if _, err := os.Stat(filepath.Join(tools, "go.mod")); err == nil {
			cmd := exec.Command("go", "tool", "-n", "fake-gcs-server")
			cmd.Dir = tools
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				return "", fmt.Errorf("build fake-gcs-server in %s: %w\n%s", tools, err, stderr.Bytes())
			}
			return strings.TrimSpace(string(out)), nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no scripts/tools/go.mod in any folder above: run the test inside Foray's repository")
		}
		dir = filepath.Dir(dir)
	}
})

// run starts the program on a free port and waits until it answers.
func run(t testing.TB, program string) (host string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	host = l.Addr().String()
	_, port, _ := net.SplitHostPort(host)
	l.Close()
	var log bytes.Buffer
	cmd := exec.Command(program, "-scheme=http", "-host=127.0.0.1", "-port="+port, "-backend=memory",
		"-public-host="+host, "-external-url=http://"+host, "-log-level=error", "-data=")
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() { cmd.Process.Kill(); <-ended })

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		select {
		case <-ended:
			return "", fmt.Errorf("fake-gcs-server ended at once (%v):\n%s", cmd.ProcessState, log.Bytes())
		case <-ctx.Done():
			return "", fmt.Errorf("fake-gcs-server does not answer on %s", host)
		case <-time.After(20 * time.Millisecond):
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/_internal/healthcheck", nil)
		if err != nil {
			return "", err
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return host, nil
			}
		}
	}
}
