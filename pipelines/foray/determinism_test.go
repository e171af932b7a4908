package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/apache/beam/sdks/v2/go/container/pool"

	"foray/schemas"
	"foray/testdata/catalogue"
	"foray/transforms/store"
)

// threeLogs writes a catalogue with its events in three files, one of
// them with rows that cannot be used, so that what comes of several readers
// has an order to lose.
func threeLogs(t *testing.T, world catalogue.Options) (items, events string) {
	t.Helper()
	dir := t.TempDir()
	w, err := catalogue.Generate(world)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(dir); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, catalogue.EventsFile))
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.Collect(bytes.Lines(data))
	header, lines := lines[0], lines[1:]
	var logs [3][]byte
	for i := range logs {
		logs[i] = bytes.Clone(header)
	}
	for i, line := range lines {
		logs[i%3] = append(logs[i%3], line...)
	}
	logs[1] = append(logs[1], "u0001,i0001,no time,5\nu0002,unknown item,1750000000,5\n,i0001,1750000000,5\n"...)
	for i, log := range logs {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("log-%d.csv", i)), log, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, catalogue.ItemsFile), filepath.Join(dir, "log-*.csv")
}

// wholeRun runs everything and gives the parts of each table.
func wholeRun(t *testing.T, items, events string, more ...string) map[string][]schemas.Part {
	t.Helper()
	output := filepath.Join(t.TempDir(), "out")
	args := append([]string{"run", "--items", items, "--events", events, "--clusters", smallClusters, "--output", output}, more...)
	foray(t, args...).want(t, 0, "table   ")
	parts := map[string][]schemas.Part{}
	for _, table := range store.Tables() {
		parts[table] = newest(t, output, table).Parts
		for _, p := range parts[table] {
			if p.Rows == 0 && len(parts[table]) == 1 {
				t.Errorf("%s is empty: nothing is compared", table)
			}
		}
	}
	return parts
}

func sameParts(t *testing.T, have, want map[string][]schemas.Part) {
	t.Helper()
	for _, table := range store.Tables() {
		if !slices.Equal(have[table], want[table]) {
			t.Errorf("%s has the parts\n%v\nwant\n%v", table, have[table], want[table])
		}
	}
}

// TestSameBytesEverywhere holds the bytes of every part of every table against
// each other: on one core and two, and on workers of their own. The catalogue
// is that of the demo.
func TestSameBytesEverywhere(t *testing.T) {
	items, events := threeLogs(t, catalogue.DefaultOptions())
	t.Setenv("GOMAXPROCS", "1")
	one := wholeRun(t, items, events)
	t.Setenv("GOMAXPROCS", "2")
	sameParts(t, wholeRun(t, items, events), one)
	t.Run("external workers", func(t *testing.T) {
		if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
			t.Skip("external workers are programs for Linux on amd64, which this is not")
		}
		sameParts(t, wholeRun(t, items, events, "--environment_type=EXTERNAL", "--environment_config="+workerPool(t)), one)
	})
}

// workerPool runs Beam's pool of external workers until the test ends, and
// gives its address. Its boot program is Beam's own: it fetches the staged
// worker, which is the test's program, and starts it.
func workerPool(t *testing.T) (address string) {
	t.Helper()
	dir := t.TempDir()
	boot := filepath.Join(dir, "boot")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", boot, "github.com/apache/beam/sdks/v2/go/container").CombinedOutput(); err != nil {
		t.Fatalf("build Beam's boot program: %v\n%s", err, out)
	}
	// boot stages below /tmp unless told, which a pool does not pass on, and
	// writes the job's options where it stands. The worker that it starts
	// outlives it, hence a process group for both.
	started := filepath.Join(dir, "start.sh")
	script := fmt.Sprintf("#!/bin/sh\ncd %[1]s\necho $$ >> %[1]s/workers\nexec setsid %[1]s/boot --semi_persist_dir=%[1]s/staged \"$@\" > /dev/null 2>&1\n", dir)
	if err := os.WriteFile(started, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	// A port that is free now may be taken before the pool has it.
	var p *pool.Process
	var err error
	for range 5 {
		var l net.Listener
		if l, err = net.Listen("tcp", ":0"); err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if p, err = pool.New(context.Background(), port, started); err == nil {
			address = fmt.Sprintf("localhost:%d", port)
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- p.ServeAndWait() }()
	before := stagedWorkers(t)
	t.Cleanup(func() {
		if err := p.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, "workers"))
		if err != nil || len(data) == 0 {
			t.Errorf("no external worker was started: %v", err)
		}
		for _, line := range strings.Fields(string(data)) {
			if group, err := strconv.Atoi(line); err == nil && group > 1 {
				syscall.Kill(-group, syscall.SIGKILL) // an error says that all have ended
			}
		}
		// boot copies the worker into a folder that it leaves behind.
		for _, worker := range stagedWorkers(t) {
			if !slices.Contains(before, worker) && isThisProgram(t, worker) {
				os.RemoveAll(filepath.Dir(worker))
			}
		}
	})
	return address
}

func stagedWorkers(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("/tmp/bin*/worker")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// isThisProgram tells whether a file is a copy of the program that runs.
func isThisProgram(t *testing.T, path string) bool {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a, err := os.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := os.Open(path)
	if err != nil {
		return false // gone since
	}
	defer b.Close()
	var x, y [1 << 16]byte
	for {
		n, err := io.ReadFull(a, x[:])
		m, _ := io.ReadFull(b, y[:])
		if !bytes.Equal(x[:n], y[:m]) {
			return false
		}
		if err != nil {
			return true // both have ended
		}
	}
}

// TestOrderOfFilesDoesNotMatter: the same rows in files of other names are
// read in another order, and make the same clusters and tables. What names
// files, or the order of rows, is left out.
func TestOrderOfFilesDoesNotMatter(t *testing.T) {
	items, events := threeLogs(t, smallWorld)
	one := wholeRun(t, items, events)
	for i, name := range []string{"log-2.csv", "log-0.csv", "log-1.csv"} {
		old := strings.Replace(events, "log-*.csv", name, 1)
		if err := os.Rename(old, strings.Replace(events, "log-*.csv", fmt.Sprintf("turn-%d.csv", i), 1)); err != nil {
			t.Fatal(err)
		}
	}
	other := wholeRun(t, items, strings.Replace(events, "log-*", "turn-*", 1))
	delete(one, schemas.RejectsTable)
	delete(other, schemas.RejectsTable)
	sameParts(t, other, one)
}
