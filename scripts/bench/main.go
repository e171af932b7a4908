// Command bench measures the figures that Foray promises, by running the real
// binary on generated data, and prints them beside those of a rival. It judges
// no time: machines differ, and a figure means something beside others of the
// same run. It fails where the rival's tables are not Foray's.
//
//	make bench                                     all of it, up to 10 million events
//	go run ./scripts/bench -events 50000000        50 million too: 3 GB of disk, and of memory for DuckDB
//	go run ./scripts/bench -only curate -runs 3    one part of it
//
// The parts are:
//
//   - plan: 578,360 keys, from clusters and transitions to a published table.
//   - ask: 289,180 keys asked of an endpoint that costs nothing, beside a bare
//     go-openai loop and openai's Python client; with latencies; memory.
//   - cluster: the fit of 100,000 vectors in 761 clusters, and the whole command
//     from Parquet, beside FAISS, scikit-learn and k-means-constrained; a
//     million items; the fit's time against items, floats and clusters, drawn.
//   - curate: a log of events → transitions and keys, by Foray and by DuckDB
//     in SQL, in turns, from CSV and from Parquet, at growing sizes. Whole
//     processes are measured: Python's start is in DuckDB's time (0.1 s), and
//     training examples and manifests are in Foray's alone.
//
// What has rivals needs python3 and, the first time, the network: they are
// installed at the versions in requirements.txt, below -dir, and in
// clustering.txt, in .venv. What is generated
// stays there for the next run; make clean removes it.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	b := &bench{}
	flag.StringVar(&b.foray, "foray", "bin/foray", "the binary to measure")
	flag.StringVar(&b.dir, "dir", "out/bench", "folder for generated data and outputs, kept for the next run")
	flag.IntVar(&b.runs, "runs", 5, "counted runs of each command, after one that is not")
	flag.IntVar(&b.threads, "threads", 2, "threads that Foray and DuckDB may use at once in curate")
	flag.IntVar(&b.events, "events", 10_000_000, fmt.Sprintf("largest log of curate, at least %d: 1, 10 and 50 million up to it, and itself", users))
	flag.StringVar(&b.only, "only", "", "plan, ask, read, evaluate, cluster or curate (default all)")
	flag.Parse()
	if err := b.all(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	foray, dir, only      string
	runs, threads, events int
}

func (b *bench) all() error {
	switch {
	case b.runs < 1 || b.threads < 1:
		return fmt.Errorf("-runs %d, -threads %d: want at least 1", b.runs, b.threads)
	}
	for _, part := range []struct {
		name string
		run  func() error
	}{{"plan", b.plan}, {"ask", b.ask}, {"read", b.read}, {"evaluate", b.evaluate}, {"cluster", b.cluster}, {"curate", b.curate}} {
		if b.only == part.name {
			return part.run()
		}
		if b.only == "" {
			if err := part.run(); err != nil {
				return err
			}
		}
	}
	if b.only != "" {
		return fmt.Errorf("-only %s: want plan, ask, read, evaluate, cluster or curate", b.only)
	}
	return nil
}
