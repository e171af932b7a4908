// Foray asks a large language model once, offline, what else people with two
// interests may come to love, and serves the answers from a table.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"foray/pipelines/job"
	_ "foray/transforms/store/beamfs"
	_ "foray/transforms/store/gcs"
)

func main() {
	if isWorker(os.Args[1:]) {
		// A runner starts workers without a subcommand. Init runs the worker
		// and does not come back.
		flag.Parse()
		beam.Init()
		return
	}
	// Blocks come and go: with fewer collections there is less to do, for some
	// 50 MB.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(140)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:]))
}

// isWorker tells whether a runner started this process.
func isWorker(args []string) bool {
	return slices.ContainsFunc(args, func(a string) bool {
		name, value, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		return strings.HasPrefix(a, "-") && name == "worker" && value != "false"
	})
}

// run runs one command line and gives the exit code.
func run(ctx context.Context, args []string) int {
	root := newRoot(os.Stdout, os.Stderr)
	root.SetArgs(commandFirst(args))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var exit *job.Exit
	if !errors.As(err, &exit) {
		exit = &job.Exit{Code: job.Usage, Err: err} // cobra's own: a command or flag that is none
	}
	if ctx.Err() != nil && exit.Code == job.Failed {
		exit = &job.Exit{Code: job.Stopped, Err: fmt.Errorf("stopped; run the same command again to go on (%w)", exit.Err)}
	}
	fmt.Fprintf(os.Stderr, "foray: %v\n", exit.Err)
	return exit.Code
}

// commandFirst makes `foray plan --…` of `foray --command=plan --…`: launchers
// such as flex templates pass flags only.
func commandFirst(args []string) []string {
	for i, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if name != "--command" && name != "-command" {
			continue
		}
		rest := slices.Delete(slices.Clone(args), i, i+1)
		if !ok {
			if i+1 >= len(args) {
				return args
			}
			value, rest = args[i+1], slices.Delete(rest, i, i+1)
		}
		return append([]string{value}, rest...)
	}
	return args
}
