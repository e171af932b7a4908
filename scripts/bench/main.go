// Command bench measures the figures that Foray promises, by running the real
// binary on generated data, and prints them. It judges nothing: machines
// differ, and a figure means something beside others of the same run.
//
//	go run ./scripts/bench --foray bin/foray --dir out/bench
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"foray/testdata/catalogue"
)

func main() {
	foray := flag.String("foray", "bin/foray", "the binary to measure")
	dir := flag.String("dir", "out/bench", "folder for generated data and outputs, kept for the next run")
	runs := flag.Int("runs", 5, "counted runs of each command")
	flag.Parse()
	b := &bench{foray: *foray, dir: *dir, runs: *runs}
	if err := b.all(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	foray, dir string
	runs       int
}

func (b *bench) all() error {
	fmt.Printf("%-44s %8s %8s %8s %10s\n", "", "wall s", "min–max", "", "peak MiB")
	return b.plan()
}

// plan measures 578,360 keys, 761 clusters, planner successor, from clusters
// and transitions to a published table.
func (b *bench) plan() error {
	data, out := filepath.Join(b.dir, "catalogue"), filepath.Join(b.dir, "plan")
	items, events := filepath.Join(data, catalogue.ItemsFile), filepath.Join(data, catalogue.EventsFile)
	if _, err := os.Stat(filepath.Join(out, "transitions", "CURRENT")); err != nil {
		o := catalogue.DefaultOptions()
		o.Items, o.Users, o.Events = 50_000, 200_000, 3_000_000
		world, err := catalogue.Generate(o)
		if err != nil {
			return err
		}
		if err := world.Write(data); err != nil {
			return err
		}
		for _, args := range [][]string{
			{"cluster", "--items", items, "--events", events, "--clusters", "761", "--output", out},
			{"curate", "--events", events, "--output", out},
		} {
			if _, err := b.run(args...); err != nil {
				return err
			}
		}
	}
	return b.measure("578,360 keys, successor, to a published table", "plan", "--planner", "successor", "--output", out)
}

// usage is what one process took.
type usage struct {
	wall   time.Duration
	memory int64 // bytes
}

// measure runs a command several times after a warm-up and prints medians.
func (b *bench) measure(name string, args ...string) error {
	var all []usage
	for i := range b.runs + 1 {
		u, err := b.run(args...)
		if err != nil {
			return err
		}
		if i > 0 {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(x, y usage) int { return int(x.wall - y.wall) })
	memory := int64(0)
	for _, u := range all {
		memory = max(memory, u.memory)
	}
	fmt.Printf("%-44s %8.2f %8.2f–%-8.2f %9.0f\n", name, all[len(all)/2].wall.Seconds(), all[0].wall.Seconds(), all[len(all)-1].wall.Seconds(), float64(memory)/(1<<20))
	return nil
}

func (b *bench) run(args ...string) (usage, error) {
	cmd := exec.Command(b.foray, args...)
	start := time.Now()
	text, err := cmd.CombinedOutput()
	u := usage{wall: time.Since(start)}
	if err != nil {
		return u, fmt.Errorf("foray %v: %w\n%s", args, err, text)
	}
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.memory = r.Maxrss << 10 // Linux counts KiB
	}
	return u, nil
}
