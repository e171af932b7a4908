// Command soak runs the real binary against an endpoint that misbehaves, and
// kills it at random moments, and then looks at what is left: nothing may be
// lost, and nothing paid for twice but what was in flight.
//
//	make soak
//	go run ./scripts/soak -kills 100 -seed 7
//
// It prints its figures, and fails where a promise is broken. Times are
// printed, never judged: a limit is given beside them.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

func main() {
	s := &soak{}
	flag.StringVar(&s.foray, "foray", "bin/foray", "the binary to test")
	flag.StringVar(&s.dir, "dir", "out/soak", "folder for what is generated and written")
	flag.IntVar(&s.kills, "kills", 20, "times that the planner is killed")
	flag.Uint64Var(&s.seed, "seed", 1, "seed of the faults and of the moments of kills")
	flag.Parse()
	if err := s.all(); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

type soak struct {
	foray, dir string
	kills      int
	seed       uint64
}

// inFlight is how many calls the planner may have in flight.
const inFlight = 64

func (s *soak) all() error {
	if err := s.faults(); err != nil {
		return fmt.Errorf("faults: %w", err)
	}
	if err := s.killed(); err != nil {
		return fmt.Errorf("kills: %w", err)
	}
	return nil
}

// clustered makes an output with so many clusters in it, anew.
func (s *soak) clustered(clusters int) (string, error) {
	out := filepath.Join(s.dir, "k"+strconv.Itoa(clusters))
	if err := os.RemoveAll(out); err != nil {
		return "", err
	}
	catalogue := filepath.Join(s.dir, "catalogue")
	if _, err := os.Stat(filepath.Join(catalogue, "events.csv")); err != nil {
		if err := run("go", "run", "./testdata/catalogue/cmd/generate", "--output", catalogue); err != nil {
			return "", err
		}
	}
	return out, run(s.foray, "cluster", "--items", filepath.Join(catalogue, "items.csv"), "--events", filepath.Join(catalogue, "events.csv"),
		"--clusters", strconv.Itoa(clusters), "--output", out)
}

// plan is the command line that is tested.
func (s *soak) plan(out, endpoint string, more ...string) []string {
	return append([]string{"plan", "--output", out, "--planner", "openai", "--llm_endpoint", endpoint, "--llm_model", "soak",
		"--llm_concurrency", strconv.Itoa(inFlight), "--llm_timeout", "10s"}, more...)
}
