package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"foray/transforms/lookup"
	"foray/transforms/store"
)

// TestScripts runs the scripts of testdata/script, which show the command
// line as a user types it. Beside testscript's commands they have
//
//	exits CODE COMMAND ARG...    run it; it must end with that exit code
//	catalogue DIR                write the small catalogue
//	published VAR OUTPUT TABLE   set a variable to a table's published version
//	versions N OUTPUT TABLE      a table must have so many finished versions
//	described VAR OUTPUT ID      set a variable to a cluster's description, without commas
//	embedded FROM TO             give items a column "vector" of floats
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":     exits,
			"catalogue": writeCatalogue,
			"published": setPublished,
			"versions":  countVersions,
			"described": setDescription,
			"embedded":  embedItems,
		},
	})
}

func usage(ts *testscript.TestScript, ok bool, how string) {
	if !ok {
		ts.Fatalf("usage: %s", how)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) >= 2 && !neg, "exits CODE COMMAND ARG...")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	have := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit := (*exec.ExitError)(nil)
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		have = exit.ExitCode()
	}
	if have != want {
		ts.Fatalf("exit %d, want %d", have, want)
	}
}

func writeCatalogue(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 1 && !neg, "catalogue DIR")
	ts.Check(smallCatalogue(ts.MkAbs(args[0])))
}

func setPublished(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 3 && !neg, "published VAR OUTPUT TABLE")
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(filepath.Join(args[1], args[2], "CURRENT"))))
}

func countVersions(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 3 && !neg, "versions N OUTPUT TABLE")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	found, err := filepath.Glob(filepath.Join(ts.MkAbs(args[1]), args[2], "v=*", "_SUCCESS"))
	ts.Check(err)
	if len(found) != want {
		ts.Fatalf("%s has %d finished versions, want %d", args[2], len(found), want)
	}
}

func setDescription(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 3 && !neg, "described VAR OUTPUT ID")
	id, err := strconv.Atoi(args[2])
	ts.Check(err)
	t, err := lookup.Open(context.Background(), store.Local(ts.MkAbs(args[1])))
	ts.Check(err)
	description, ok := t.Describe(int32(id))
	if !ok {
		ts.Fatalf("there is no cluster %d", id)
	}
	ts.Setenv(args[0], strings.ReplaceAll(description, ",", ""))
}

// embedItems gives each item one of eight directions, in turn.
func embedItems(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 2 && !neg, "embedded FROM TO")
	var out strings.Builder
	for i, line := range strings.Split(strings.TrimSpace(ts.ReadFile(args[0])), "\n") {
		if i == 0 {
			out.WriteString(line + ",vector\n")
			continue
		}
		axis := make([]string, 8)
		for j := range axis {
			axis[j] = "0.01"
		}
		axis[i%len(axis)] = "1." + strconv.Itoa(i%7)
		out.WriteString(line + `,"[` + strings.Join(axis, ", ") + "]\"\n")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(out.String()), 0o644))
}
