// Command fit does the parts of the clustering bench that need the vectors, in
// a process of its own: their memory would be seen in what the bench measures
// later.
//
//	fit make N D FOLDER           N unit vectors of D floats, weights, and the same as a catalogue
//	fit fit K FOLDER foray        Foray's fit, and with foray-plain that of items all alike; prints {"seconds": …, "cpu": …, "memory": MiB}
//	fit judge K FOLDER NAME…      prints what each of the assignments NAME.i32 is worth, as JSON
//
// Vectors stand around 2,000 directions, as items stand around what they are
// about, at such distances that FAISS reaches a mean cosine of about 0.55.
// Weights are events, drawn with Zipf's law, exponent 0.8.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"foray/transforms/balance"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "fit:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 4 && args[0] == "make":
		sizes, err := numbers(args[1:3])
		if err != nil {
			return err
		}
		return generate(sizes[0], sizes[1], args[3])
	case len(args) == 4 && args[0] == "fit" && (args[3] == weighted || args[3] == plain):
		sizes, err := numbers(args[1:2])
		if err != nil {
			return err
		}
		return fit(sizes[0], args[2], args[3])
	case len(args) > 3 && args[0] == "judge":
		sizes, err := numbers(args[1:2])
		if err != nil {
			return err
		}
		return judge(sizes[0], args[2], args[3:])
	}
	return fmt.Errorf("%q: want make N D FOLDER, fit K FOLDER foray or judge K FOLDER NAME…", args)
}

func numbers(texts []string) ([]int, error) {
	var all []int
	for _, text := range texts {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q: want a positive number", text)
		}
		all = append(all, n)
	}
	return all, nil
}

// The names of Foray's assignments.
const (
	weighted = "foray"
	plain    = "foray-plain"
)

// fit writes an assignment, and tells how long the fit alone took.
func fit(k int, folder, name string) error {
	x, weight, err := load(folder)
	if err != nil {
		return err
	}
	if name == plain {
		for i := range weight {
			weight[i] = 1
		}
	}
	before, err := used()
	if err != nil {
		return err
	}
	start := time.Now()
	c, err := balance.Fit(x, weight, balance.Options{K: k, Levels: 4, Seed: 1, Overwrite: true})
	if err != nil {
		return err
	}
	took := time.Since(start).Seconds()
	after, err := used()
	if err != nil {
		return err
	}
	if err := writeNumbers(filepath.Join(folder, name+".i32"), c.Assign); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"seconds": took, "cpu": seconds(after) - seconds(before), "memory": float64(after.Maxrss) / 1024})
}

// used is what this process has used so far.
func used() (u syscall.Rusage, err error) {
	err = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u, err
}

// seconds are those of CPU.
func seconds(u syscall.Rusage) float64 {
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
