package paidlog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"foray/transforms/store"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// childDir tells the test binary to be a process that appends until it dies.
const childDir = "FORAY_PAIDLOG_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child appends records, and prints the number of each once it is durable.
func child(dir string) error {
	l, err := Open(context.Background(), store.Local(dir))
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		if err := l.Append(context.Background(), record(i, 100, "a")); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

func startChild(t *testing.T, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd, bufio.NewScanner(out)
}

// While one process holds the log another gets a clear error; when it is
// killed, the log is free at once, and holds all that was acknowledged.
func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	cmd, lines := startChild(t, dir)
	acknowledged := 0
	for acknowledged < 100 && lines.Scan() {
		acknowledged++
	}
	if acknowledged < 100 {
		t.Fatalf("the process ended: %s", lines.Text())
	}

	_, err := Open(context.Background(), store.Local(dir))
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "is in use by another run") {
		t.Errorf("this process: error %v, want %v", err, ErrInUse)
	}
	_, others := startChild(t, dir)
	if others.Scan(); !strings.Contains(others.Text(), "is in use by another run") {
		t.Errorf("another process says %q", others.Text())
	}

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		acknowledged++
	}
	cmd.Wait()
	holds(t, open(t, dir), 0, acknowledged, 100, "a")
}

func TestTwoLogsOfOneProcess(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	if _, err := Open(context.Background(), store.Local(dir)); !errors.Is(err, ErrInUse) {
		t.Errorf("error %v, want %v", err, ErrInUse)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}
