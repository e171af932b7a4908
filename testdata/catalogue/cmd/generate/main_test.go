package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args        string
		code        int
		out, errOut string
	}{
		{"--help", 0, "--interests", ""},
		{"", exitUsage, "", "--output"},
		{"--output " + dir + " more", exitUsage, "", "more"},
		{"--nonsense", exitUsage, "", "nonsense"},
		{"--output " + dir + " --items many", exitUsage, "", "many"},
		{"--output " + dir + " --interests 1000", exitUsage, "", "1000 interests"},
		{"--output " + file, exitFailed, "", "folder"},
		{"--output " + dir + " --items 500 --users 100 --events 3000 --interests 20 --seed 5", 0, "500 items of 20 interests, 3000 events of 100 users", ""},
	} {
		var out, errOut strings.Builder
		code := run(strings.Fields(c.args), &out, &errOut)
		if code != c.code || !strings.Contains(out.String(), c.out) || !strings.Contains(errOut.String(), c.errOut) {
			t.Errorf("%s: exit code %d, want %d\n%s\n%s", c.args, code, c.code, &out, &errOut)
		}
		if code == 0 && errOut.Len() > 0 {
			t.Errorf("%s complained: %s", c.args, &errOut)
		}
	}
	for _, name := range []string{"items.csv", "events.csv", "truth_items.csv", "truth_transitions.csv"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s was not written: %v", name, err)
		}
	}
}
