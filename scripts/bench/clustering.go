package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"foray/schemas"
)

// vectors is what the clustering is measured on; see scripts/bench/fit.
type vectors struct{ n, dims, k int }

func (v vectors) String() string {
	return fmt.Sprintf("%s items of %d floats in %s clusters", number(v.n), v.dims, number(v.k))
}

var (
	mainVectors        = vectors{100_000, 256, 761}
	constrainedVectors = vectors{16_000, 256, 122}
	largeVectors       = vectors{1_000_000, 64, 1000}
)

// cluster compares Foray's fit, and the whole command, with FAISS,
// scikit-learn and k-means-constrained.
func (b *bench) cluster() error {
	c, err := b.newClustering()
	if err != nil {
		return err
	}
	for _, part := range []func() error{c.beside, c.constrained, c.large, c.words, c.growth} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// clustering is what the measurements share.
type clustering struct {
	*bench
	dir, fitter string // the folder, and a binary
	python      string
	script      string
}

func (b *bench) newClustering() (*clustering, error) {
	c := &clustering{bench: b, dir: filepath.Join(b.dir, "cluster"), script: filepath.Join("scripts", "bench", "clustering.py")}
	if err := os.MkdirAll(c.dir, 0o777); err != nil {
		return nil, err
	}
	c.fitter = filepath.Join(c.dir, "fit")
	if _, err := run(command("go", "build", "-o", c.fitter, "./scripts/bench/fit")); err != nil {
		return nil, err
	}
	made, err := command("bash", "-c", "set -e; source scripts/venv.sh; environment bench-cluster scripts/bench/clustering.txt").Output()
	if err != nil {
		return nil, fmt.Errorf("making an environment for FAISS and others (python3 with venv is needed, and the network once): %w", err)
	}
	c.python = filepath.Join(strings.TrimSpace(string(made)), "bin", "python")
	return c, nil
}

// folder makes vectors, unless they are there.
func (c *clustering) folder(v vectors) (string, error) {
	folder := filepath.Join(c.dir, fmt.Sprintf("n%d-d%d", v.n, v.dims))
	if _, err := os.Stat(filepath.Join(folder, "weights.f64")); err == nil {
		return folder, nil
	}
	_, err := run(command(c.fitter, "make", strconv.Itoa(v.n), strconv.Itoa(v.dims), folder))
	return folder, err
}

// limited is a command of ours on the threads that rivals have.
func (c *clustering) limited(name string, args ...string) *exec.Cmd {
	cmd := command(name, args...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(c.threads))
	return cmd
}

// fitted is what a fit took: seconds of wall and of CPU, and, where it is
// known, MiB.
type fitted struct{ Seconds, CPU, Memory float64 }

// usage is the same, for a sample.
func (f fitted) usage() usage { return usage{f.Seconds, f.CPU, f.Memory} }

func (c *clustering) fit(v vectors) (fitted, error) { return c.fitAs("foray", v) }

// fitAs is also for "foray-plain", which heeds no weights.
func (c *clustering) fitAs(name string, v vectors) (f fitted, err error) {
	folder, err := c.folder(v)
	if err != nil {
		return f, err
	}
	text, err := output(c.limited(c.fitter, "fit", strconv.Itoa(v.k), folder, name))
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(text, &f)
}

// rival fits by a method of clustering.py.
func (c *clustering) rival(method string, v vectors) (f fitted, err error) {
	folder, err := c.folder(v)
	if err != nil {
		return f, err
	}
	text, err := output(command(c.python, c.script, method, strconv.Itoa(v.k), folder, strconv.Itoa(c.threads)))
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(text, &f)
}

// output runs a command and returns what it printed. The error has what it
// complained of.
func output(cmd *exec.Cmd) ([]byte, error) {
	var complaint strings.Builder
	cmd.Stderr = &complaint
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, complaint.String())
	}
	return text, nil
}

// whole runs foray cluster from Parquet to published tables.
func (c *clustering) whole(v vectors) (usage, error) {
	folder, err := c.folder(v)
	if err != nil {
		return usage{}, err
	}
	out := filepath.Join(c.dir, "out")
	if err := os.RemoveAll(out); err != nil {
		return usage{}, err
	}
	u, err := run(c.limited(c.foray, "cluster", "--items", filepath.Join(folder, "items.parquet"), "--embedding_column", "embedding",
		"--events", filepath.Join(folder, "events.parquet"), "--train_until", "1", "--clusters", strconv.Itoa(v.k), "--output", out))
	if err == nil && !published(out, schemas.ItemClustersTable) {
		err = fmt.Errorf("foray cluster published nothing in %s", out)
	}
	return u, err
}

// worth is how good an assignment is; see scripts/bench/fit.
type worth struct {
	Name                                                    string
	Cosine, Clipped, Plain, Heaviest, HeaviestClipped, Most float64
	Empty                                                   int
}

func (c *clustering) judge(v vectors, names ...string) (map[string]worth, error) {
	folder, err := c.folder(v)
	if err != nil {
		return nil, err
	}
	text, err := output(command(c.fitter, append([]string{"judge", strconv.Itoa(v.k), folder}, names...)...))
	if err != nil {
		return nil, err
	}
	var all []worth
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	named := map[string]worth{}
	for _, w := range all {
		named[w.Name] = w
	}
	return named, nil
}

// beside measures the fit and the whole command in turns with FAISS at 25
// iterations, and others once.
func (c *clustering) beside() error {
	v := mainVectors
	methods := []string{"foray", "faiss-25", "faiss-10", "minibatch", "kmeans"}
	took := map[string]sample{}
	var wholes sample
	turns := min(c.runs, 3) // FAISS takes its time
	for range turns {
		ours, err := c.fit(v)
		if err != nil {
			return err
		}
		theirs, err := c.rival("faiss-25", v)
		if err != nil {
			return err
		}
		whole, err := c.whole(v)
		if err != nil {
			return err
		}
		took["foray"], took["faiss-25"] = append(took["foray"], ours.usage()), append(took["faiss-25"], theirs.usage())
		wholes = append(wholes, whole)
	}
	for _, method := range methods[2:] {
		f, err := c.rival(method, v)
		if err != nil {
			return err
		}
		took[method] = sample{f.usage()}
	}
	worths, err := c.judge(v, methods...)
	if err != nil {
		return err
	}
	fmt.Printf("cluster: %v, weights by Zipf's law; foray and FAISS at 25 iterations %s, in turns; others once; %d threads\n", v, median(turns), c.threads)
	best := max(worths["faiss-25"].Cosine, worths["faiss-10"].Cosine)
	fmt.Printf("  %-10s %8s %-11s %6s %7s %7s %10s %9s %8s %6s\n", "fit", "seconds", "min–max", "CPU s", "÷ foray", "cosine", "of FAISS's", "heaviest", "clipped", "empty")
	wall, cpu := measures[0], measures[1]
	_, ours, _ := took["foray"].spread(wall)
	for _, method := range methods {
		low, seconds, high := took[method].spread(wall)
		_, busy, _ := took[method].spread(cpu)
		w := worths[method]
		fmt.Printf("  %-10s %8.2f %-11s %6.1f %7.2f %7.4f %9.1f%% %9.2f %8.2f %6d\n", method, seconds, wall.text(low)+"–"+wall.text(high), busy, seconds/ours,
			w.Cosine, 100*w.Cosine/best, w.Heaviest, w.HeaviestClipped, w.Empty)
	}
	fmt.Printf("  heaviest: the largest load ÷ the mean; clipped: the same with items counting at most half a mean; CPU: waiting threads of FAISS and scikit-learn are busy, too\n")
	_, faiss, _ := took["faiss-25"].spread(wall)
	low, whole, high := wholes.spread(wall)
	fmt.Printf("  foray cluster from Parquet to tables: %.2f s (%.2f–%.2f), %.2f times FAISS's fit\n", whole, low, high, whole/faiss)
	return nil
}

// constrained measures k-means-constrained, which balances counts alone, where
// it can be waited for.
func (c *clustering) constrained() error {
	v := constrainedVectors
	ours, err := c.fitAs("foray-plain", v)
	if err != nil {
		return err
	}
	theirs, err := c.rival("constrained", v)
	if err != nil {
		return err
	}
	worths, err := c.judge(v, "foray-plain", "constrained")
	if err != nil {
		return err
	}
	x, y := worths["foray-plain"], worths["constrained"]
	fmt.Printf("cluster: %v, all of one weight, as k-means-constrained knows no others\n", v)
	fmt.Printf("  foray %.2f s, cosine %.4f, largest cluster %.2f of the mean; k-means-constrained %.2f s, %.4f, %.2f; %.0f times as fast\n",
		ours.Seconds, x.Plain, x.Most, theirs.Seconds, y.Plain, y.Most, theirs.Seconds/ours.Seconds)
	return nil
}

// large measures a million items.
func (c *clustering) large() error {
	v := largeVectors
	f, err := c.fit(v)
	if err != nil {
		return err
	}
	whole, err := c.whole(v)
	if err != nil {
		return err
	}
	fmt.Printf("cluster: %v: fit %.1f s, %.0f MiB; foray cluster from Parquet %.1f s, %.0f MiB\n", v, f.Seconds, f.Memory, whole.wall, whole.memory)
	return nil
}

// words measures the embedding of a million items by their words and by who
// engaged with them, in a process of its own.
func (c *clustering) words() error {
	text, err := output(command("go", "test", "-run", "^$", "-bench", "Fit/1000000", "-benchtime", "1x", "foray/transforms/embed"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "Benchmark") {
			fmt.Printf("cluster: 1,000,000 titles of eight words and 1,000,000 events, embedded in 64 + 64 floats\n  %s", line)
		}
	}
	return nil
}
