package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// usage is what one process took, with the children that it waited for.
type usage struct {
	wall, cpu float64 // seconds
	memory    float64 // MiB, the peak
}

func command(name string, args ...string) *exec.Cmd { return exec.Command(name, args...) }

// run runs a command to its end. The error holds what it printed.
func run(cmd *exec.Cmd) (usage, error) {
	start := time.Now()
	text, err := cmd.CombinedOutput()
	wall := time.Since(start)
	if err != nil {
		return usage{}, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, text)
	}
	u := usage{wall: wall.Seconds(), cpu: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()}
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.memory = float64(r.Maxrss) / 1024 // Linux counts KiB
	}
	return u, nil
}

// measure is one way to look at a usage; less is better in all of them.
type measure struct {
	name, better string // better: what the one with less is
	of           func(usage) float64
	decimals     int
}

var measures = []measure{
	{"wall s", "faster", func(u usage) float64 { return u.wall }, 2},
	{"CPU s", "less CPU", func(u usage) float64 { return u.cpu }, 2},
	{"peak MiB", "less memory", func(u usage) float64 { return u.memory }, 0},
}

func (m measure) text(v float64) string { return fmt.Sprintf("%.*f", m.decimals, v) }

// sample is the counted runs of one command, at least one.
type sample []usage

// spread is the smallest, the median and the largest value; of an even number
// of runs, the larger one of the two in the middle.
func (s sample) spread(m measure) (low, median, high float64) {
	values := make([]float64, len(s))
	for i, u := range s {
		values[i] = m.of(u)
	}
	slices.Sort(values)
	return values[0], values[len(values)/2], values[len(values)-1]
}

func median(runs int) string {
	if runs == 1 {
		return "1 run"
	}
	return fmt.Sprintf("median of %d runs", runs)
}
