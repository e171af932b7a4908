package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"foray/schemas"
	"foray/testdata/catalogue"
)

func TestNewerTablesAreRefused(t *testing.T) {
	output, sources := curated(t)
	manifest := filepath.Join(output, schemas.ItemClustersTable, current(t, output, schemas.ItemClustersTable), "_manifest.json")
	data, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(data), `"schema_version": 1`, `"schema_version": 99`, 1)
	if err := os.WriteFile(manifest, []byte(newer), 0o666); err != nil {
		t.Fatal(err)
	}
	before := current(t, output, schemas.TransitionsTable)
	foray(t, "curate", "--events", filepath.Join(sources, catalogue.EventsFile), "--output", output).want(t, 1,
		"has schema version 99, this program reads up to 1: use a newer build of Foray")
	if now := current(t, output, schemas.TransitionsTable); now != before {
		t.Errorf("transitions %s was published", now)
	}
}

func TestFullDisk(t *testing.T) {
	_, sources := curated(t)
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=128k"); errors.Is(err, syscall.EPERM) {
		t.Skip("only root may mount a small disk")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	output := filepath.Join(disk, "out")
	r := foray(t, "run", "--items", filepath.Join(sources, catalogue.ItemsFile), "--events", filepath.Join(sources, catalogue.EventsFile),
		"--clusters", smallClusters, "--output", output)
	r.want(t, 1, "no space left on device", disk)
	if published, err := filepath.Glob(output + "/*/CURRENT"); err != nil || slices.ContainsFunc(published, func(p string) bool { return strings.Contains(p, "lookup") }) {
		t.Errorf("published: %q, %v", published, err)
	}
}

// smallRun is a run on the small catalogue, with enough clusters that the plan
// takes a moment.
func smallRun(sources, output string, more ...string) []string {
	return append([]string{"run", "--items", filepath.Join(sources, catalogue.ItemsFile), "--events", filepath.Join(sources, catalogue.EventsFile),
		"--output", output}, more...)
}

func TestTwoRunsOnOneOutput(t *testing.T) {
	_, sources := curated(t)
	output := filepath.Join(t.TempDir(), "out")
	first := start(t, smallRun(sources, output)...)
	waitFor(t, first, filepath.Join(output, "_runs", "*", "cluster.json"))
	if err := first.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	second := foray(t, smallRun(sources, output)...)
	if err := first.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	second.want(t, 1, "--output="+output+" is being written by another foray (process ")
	finished(t, first).want(t, 0)
	foray(t, "inspect", filepath.Join(output, schemas.LookupTable)).want(t, 0)
	if _, err := os.Stat(filepath.Join(output, "_lock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock is left: %v", err)
	}
}

// waitFor waits until a file is there, or the command has ended.
func waitFor(t *testing.T, c *started, pattern string) {
	t.Helper()
	for range 3000 {
		if found, err := filepath.Glob(pattern); err != nil || len(found) > 0 {
			return
		}
		if c.Process.Signal(syscall.Signal(0)) != nil {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatalf("there is no %s", pattern)
}

// TestInterruptedInEachStage interrupts a run when the stage before the one
// meant has left its account, then lets the same command finish the work.
func TestInterruptedInEachStage(t *testing.T) {
	_, sources := curated(t)
	whole := filepath.Join(t.TempDir(), "whole")
	foray(t, smallRun(sources, whole)...).want(t, 0)
	want := newest(t, whole, schemas.LookupTable).Parts
	stages := []string{"", "cluster", "curate", "plan", "train", "recommend", "evaluate"}
	stopped := 0
	for i, before := range stages[:len(stages)-1] {
		t.Run("in "+stages[i+1], func(t *testing.T) {
			output := filepath.Join(t.TempDir(), "out")
			c := start(t, smallRun(sources, output)...)
			sign := filepath.Join(output, "_lock")
			if before != "" {
				sign = filepath.Join(output, "_runs", "*", before+".json")
			}
			waitFor(t, c, sign)
			if err := c.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			r := finished(t, c)
			if r.exit == 4 {
				stopped++
				r.want(t, 4, "stopped", "run the same command again to go on")
			} else {
				r.want(t, 0) // it was done before the signal came
			}
			if left, err := filepath.Glob(output + "/_*"); err != nil || slices.ContainsFunc(left, func(p string) bool { return filepath.Base(p) != "_runs" }) {
				t.Errorf("left: %q, %v", left, err)
			}
			again := foray(t, smallRun(sources, output)...)
			again.want(t, 0, "table ")
			if before != "" && r.exit == 4 && !strings.Contains(again.stderr, before+": done before") {
				t.Errorf("%s was done again", before)
			}
			if got := newest(t, output, schemas.LookupTable).Parts; !slices.Equal(got, want) {
				t.Error("the table is another than that of a run without an interrupt")
			}
		})
	}
	if stopped < 3 {
		t.Errorf("only %d of %d runs were stopped", stopped, len(stages)-1)
	}
}
