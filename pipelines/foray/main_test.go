package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"foray/schemas"
	"foray/testdata/catalogue"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// TestMain makes the test's program foray itself, too: under that name, and
// as the worker that a runner starts.
func TestMain(m *testing.M) {
	if isWorker(os.Args[1:]) {
		main()
		return
	}
	testscript.Main(tidy{m}, map[string]func(){"foray": main})
}

// tidy removes what tests share when all have ended.
type tidy struct{ *testing.M }

// shared is the folder of what tests share.
var shared string

// Run implements testscript.TestingM.
func (m tidy) Run() int {
	var err error
	if shared, err = os.MkdirTemp("", "foray-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(shared)
	return m.M.Run()
}

// smallWorld is the catalogue of most tests; smallClusters fit it.
var smallWorld = catalogue.Options{Items: 300, Users: 200, Events: 5000, Interests: 16, Seed: 1}

const smallClusters = "16"

// smallCatalogue writes the small world into a folder.
func smallCatalogue(dir string) error {
	w, err := catalogue.Generate(smallWorld)
	if err != nil {
		return err
	}
	return w.Write(dir)
}

// ran is a command that has ended.
type ran struct {
	exit           int
	stdout, stderr string
}

// foray runs the command line in a process of its own.
func foray(t *testing.T, args ...string) ran {
	t.Helper()
	return finished(t, start(t, args...))
}

// started is a command that runs.
type started struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
	// temp is the command's folder for temporary files.
	temp string
}

func start(t *testing.T, args ...string) *started {
	t.Helper()
	c := &started{Cmd: exec.CommandContext(t.Context(), "foray", args...), temp: t.TempDir()}
	c.Env = append(os.Environ(), "TMPDIR="+c.temp)
	c.Stdout, c.Stderr = &c.stdout, &c.stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

func finished(t *testing.T, c *started) ran {
	t.Helper()
	err := c.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r := ran{c.ProcessState.ExitCode(), c.stdout.String(), c.stderr.String()}
	if left, err := os.ReadDir(c.temp); r.exit >= 0 && (err != nil || len(left) > 0) {
		t.Errorf("temporary files are left: %v, %v", left, err)
	}
	t.Logf("foray %s\n%s%sexit %d", strings.Join(c.Args[1:], " "), r.stderr, r.stdout, r.exit)
	return r
}

// want checks exit code and what was said, on stdout or stderr.
func (r ran) want(t *testing.T, exit int, said ...string) {
	t.Helper()
	if r.exit != exit {
		t.Fatalf("exit %d, want %d", r.exit, exit)
	}
	for _, s := range said {
		if !strings.Contains(r.stdout+r.stderr, s) {
			t.Errorf("it does not say %q", s)
		}
	}
}

// base is an output with clusters and what was curated, made once; sources
// holds the catalogue.
var base = sync.OnceValues(func() (dirs struct{ sources, output string }, err error) {
	dirs.sources, dirs.output = filepath.Join(shared, "sources"), filepath.Join(shared, "out")
	if err := smallCatalogue(dirs.sources); err != nil {
		return dirs, err
	}
	for _, args := range [][]string{
		{"cluster", "--items", filepath.Join(dirs.sources, catalogue.ItemsFile), "--clusters", smallClusters},
		{"curate"},
	} {
		args = append(args, "--events", filepath.Join(dirs.sources, catalogue.EventsFile), "--output", dirs.output)
		if out, err := exec.Command("foray", args...).CombinedOutput(); err != nil {
			return dirs, errors.Join(err, errors.New(string(out)))
		}
	}
	return dirs, nil
})

// curated is an output of the test's own with clusters and what was curated,
// and the folder of the catalogue.
func curated(t *testing.T) (output, sources string) {
	t.Helper()
	dirs, err := base()
	if err != nil {
		t.Fatal(err)
	}
	output = filepath.Join(t.TempDir(), "out")
	if err := os.CopyFS(output, os.DirFS(dirs.output)); err != nil {
		t.Fatal(err)
	}
	return output, dirs.sources
}

// current is the published version of a table.
func current(t *testing.T, output, table string) string {
	t.Helper()
	v, err := store.Current(t.Context(), store.Local(output), table)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// newest is the manifest of the newest finished version of a table.
func newest(t *testing.T, output, table string) schemas.Manifest {
	t.Helper()
	b := store.Local(output)
	versions, err := store.Versions(t.Context(), b, table)
	if err != nil {
		t.Fatal(err)
	}
	if len(versions) == 0 {
		t.Fatalf("%s has no finished version", table)
	}
	m, err := store.ReadManifest(t.Context(), b, table, versions[len(versions)-1])
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// rows reads the newest finished version of a table.
func rows[T any](t *testing.T, output, table string, read func(context.Context, store.Bucket, string, string) ([]T, schemas.Manifest, error)) []T {
	t.Helper()
	all, _, err := read(t.Context(), store.Local(output), table, newest(t, output, table).Version)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func rejects(t *testing.T, output string) []schemas.Reject {
	t.Helper()
	return rows(t, output, schemas.RejectsTable, tables.Read[schemas.Reject])
}

func lookupRows(t *testing.T, output string) []schemas.Lookup {
	t.Helper()
	return rows(t, output, schemas.LookupTable, tables.ReadKeyed[schemas.Lookup])
}

// eachFile calls use with every file below a folder.
func eachFile(t *testing.T, dir string, use func(path string, data []byte)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			use(path, data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
