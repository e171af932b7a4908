package job

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"
)

// Runners are the names of the runners that run a job, the default first.
var Runners = []string{
	"prism", "dataflow", "flink", "spark", "universal",
	"PrismRunner", "DataflowRunner", "FlinkRunner", "SparkRunner", "PortableRunner", "portable",
}

// Runner is the name of the runner.
func Runner() string {
	if *runners.Runner == "" {
		return Runners[0]
	}
	return *runners.Runner
}

// RunnerHere says that the runner is part of this process, and ends with it.
// The flags are looked at once, before the first job: the runner that it
// starts sets them.
var RunnerHere = sync.OnceValue(func() bool {
	return slices.Contains([]string{"prism", "PrismRunner"}, Runner()) && *jobopts.Endpoint == ""
})

// WorkersHere says that DoFns run in this process.
var WorkersHere = sync.OnceValue(func() bool {
	return jobopts.IsLoopback() || RunnerHere() && *jobopts.EnvironmentType == ""
})

// The ways for a launcher not to see a job's end.
const (
	dryRun   = "dry_run"
	async    = "async"
	template = "template_location"
)

// detached is the flag that keeps the launcher from seeing the job's end, ""
// if none does.
func detached() string {
	for _, name := range []string{dryRun, template, async} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != f.DefValue {
			return name
		}
	}
	return ""
}

// Detached says that the launcher does not see a job's end, so that no stage
// can follow one.
func Detached() bool { return detached() != "" }

// runOnRunner hands a graph to the runner and waits.
func runOnRunner(ctx context.Context, p *beam.Pipeline) error {
	// Beam would build the worker's program from its source, which is not
	// where Foray runs. Workers are Linux on amd64 unless told.
	if runtime.GOOS == "linux" && runtime.GOARCH == "amd64" && *jobopts.WorkerBinary == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		*jobopts.WorkerBinary = self
	}
	// The in-process runner leaves an empty temporary file a job.
	scratch, err := os.MkdirTemp("", "foray-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	before, had := os.LookupEnv("TMPDIR")
	if err := os.Setenv("TMPDIR", scratch); err != nil {
		return err
	}
	defer func() {
		if had {
			os.Setenv("TMPDIR", before)
		} else {
			os.Unsetenv("TMPDIR")
		}
	}()
	return beamx.Run(ctx, p)
}

// Scratch is a folder that all workers of a job see, for what a stage puts
// down on the way; "" where workers share no disk. It is gone when the stage
// ends.
func (c *Command) Scratch(stage string) string {
	if !WorkersHere() {
		return ""
	}
	return filepath.Join(c.scratchRoot(), stage)
}

// scratchRoot is on the output's disk, which has room for what is read, if
// that is a disk.
func (c *Command) scratchRoot() string {
	if folder, local := localFolder(c.Output); local {
		return filepath.Join(folder, scratchFolder)
	}
	return filepath.Join(os.TempDir(), "foray-"+c.Version)
}

const scratchFolder = "_scratch"

// clean removes a stage's scratch.
func (c *Command) clean(stage string) error {
	if c.Scratch(stage) == "" {
		return nil
	}
	err := os.RemoveAll(c.Scratch(stage))
	_ = os.Remove(c.scratchRoot()) // stays where it is not empty, or never was
	return err
}

// plain takes a runner's wrapping off an error: what a DoFn returned stands
// behind the last "caused by:", and a panic's trace behind it.
func plain(err error) error {
	text := err.Error()
	if i := strings.LastIndex(text, "caused by:"); i >= 0 {
		text = strings.TrimSpace(text[i+len("caused by:"):])
	}
	if strings.HasPrefix(text, "DoFn[") {
		if _, cause, ok := strings.Cut(text, "failed:\n"); ok {
			text = cause
		}
	}
	text, _, _ = strings.Cut(text, " goroutine ")
	return errors.New(text)
}
