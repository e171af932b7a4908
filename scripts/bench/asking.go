package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"foray/schemas"
	"foray/transforms/planning"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// openaiPython is the rival that people would write in an afternoon.
const openaiPython = "openai==1.109.1"

// pythonCalls is how many calls that rival makes: it is too slow for all.
const pythonCalls = 3000

// ask measures what the planner openai makes of an endpoint that costs nothing,
// beside go-openai in a bare loop and openai's own client, and with latencies.
func (b *bench) ask() error {
	a, err := b.newAsking()
	if err != nil {
		return err
	}
	fmt.Printf("ask: 289,180 keys (761 clusters, unordered), the whole command to a published table, against a bare go-openai loop; no latency, 64 in flight; %s\n", median(b.runs))
	var foray, bare sample
	for i := range b.runs + 1 {
		u, err := a.bare(64, 0)
		if err != nil {
			return err
		}
		w, err := a.foray(761, "set", 64, 0)
		if err != nil {
			return err
		}
		if i > 0 || b.runs == 1 {
			bare, foray = append(bare, u), append(foray, w)
		}
	}
	fmt.Printf("  %-12s %9s  %-16s %9s  %-16s %6s\n", "", "foray", "min–max", "bare", "min–max", "ratio")
	for _, m := range measures {
		low, ours, high := foray.spread(m)
		lowest, theirs, highest := bare.spread(m)
		fmt.Printf("  %-12s %9s  %-16s %9s  %-16s %6.2f\n", m.name, m.text(ours), m.text(low)+"–"+m.text(high), m.text(theirs), m.text(lowest)+"–"+m.text(highest), theirs/ours)
	}
	again, err := a.again(761, "set")
	if err != nil {
		return err
	}
	fmt.Printf("  started again: %.2f s, no call\n", again.wall)
	python, err := a.python(64)
	if err != nil {
		return err
	}
	_, ours, _ := foray.spread(measures[0])
	rate := pythonCalls / python.wall
	fmt.Printf("  openai's Python client, asyncio, 64 in flight: %.0f calls/s of %s; foray %.0f, %.0f times as many\n", rate, number(pythonCalls), 289180/ours, 289180/ours/rate)

	fmt.Printf("ask: latency; the share of what concurrency ÷ latency allows, start and end of the command included\n")
	for _, t := range []struct {
		latency  time.Duration
		inFlight int
	}{{50 * time.Millisecond, 256}, {200 * time.Millisecond, 1024}} {
		u, err := a.foray(761, "set", t.inFlight, t.latency)
		if err != nil {
			return err
		}
		possible := float64(t.inFlight) / t.latency.Seconds()
		fmt.Printf("  %v, %4d in flight: %.1f s, %.0f calls/s of %.0f possible: %.0f %%, %.0f MiB\n", t.latency, t.inFlight, u.wall, 289180/u.wall, possible, 100*289180/u.wall/possible, u.memory)
	}

	fmt.Printf("ask: memory by number of keys; 64 in flight\n")
	for _, t := range []struct {
		clusters int
		order    string
		keys     int
	}{{342, "set", 58311}, {761, "sequence", 578360}} {
		u, err := a.foray(t.clusters, t.order, 64, 0)
		if err != nil {
			return err
		}
		fmt.Printf("  %9s keys: %4.0f MiB, %.1f s\n", number(t.keys), u.memory, u.wall)
	}
	return nil
}

// asking is what the measurements share.
type asking struct {
	*bench
	dir, endpoint, loop string // the folder, and two binaries
}

func (b *bench) newAsking() (*asking, error) {
	a := &asking{bench: b, dir: filepath.Join(b.dir, "ask")}
	if err := os.MkdirAll(a.dir, 0o777); err != nil {
		return nil, err
	}
	a.endpoint, a.loop = filepath.Join(a.dir, "endpoint"), filepath.Join(a.dir, "bare")
	for binary, source := range map[string]string{a.endpoint: "./scripts/bench/endpoint", a.loop: "./scripts/bench/bare"} {
		if _, err := run(command("go", "build", "-o", binary, source)); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// output is the output of so many clusters, with nothing planned or asked in
// it, and the file of their descriptions.
func (a *asking) output(clusters int) (out, descriptions string, err error) {
	out = filepath.Join(a.dir, "k"+strconv.Itoa(clusters))
	if !published(out, schemas.ClustersTable) {
		made, err := a.generate("catalogue", 200_000, 3_000_000)
		if err != nil {
			return "", "", err
		}
		if _, err := run(command(a.bench.foray, "cluster", "--items", made.items, "--events", made.events, "--clusters", strconv.Itoa(clusters), "--output", out)); err != nil {
			return "", "", err
		}
	}
	ctx := context.Background()
	version, err := store.Current(ctx, store.Local(out), schemas.ClustersTable)
	if err != nil {
		return "", "", err
	}
	rows, _, err := tables.Read[schemas.Cluster](ctx, store.Local(out), schemas.ClustersTable, version)
	if err != nil {
		return "", "", err
	}
	var text strings.Builder
	for _, leaf := range planning.Leaves(rows) {
		text.WriteString(leaf.Description + "\n")
	}
	descriptions = filepath.Join(a.dir, fmt.Sprintf("descriptions-%d.txt", clusters))
	return out, descriptions, os.WriteFile(descriptions, []byte(text.String()), 0o666)
}

// served runs what asks with an endpoint that is there meanwhile, and returns
// how many calls it served.
func (a *asking) served(descriptions string, latency time.Duration, ask func(url string) error) (calls int, err error) {
	cmd := exec.Command(a.endpoint, "-descriptions", descriptions, "-latency", latency.String())
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(stdout)
	lines.Scan()
	err = ask(lines.Text())
	stdin.Close() // it ends
	if lines.Scan() {
		calls, _ = strconv.Atoi(lines.Text())
	}
	if e := cmd.Wait(); err == nil {
		err = e
	}
	return calls, err
}

// foray plans all keys, anew.
func (a *asking) foray(clusters int, order string, inFlight int, latency time.Duration) (u usage, err error) {
	out, descriptions, err := a.output(clusters)
	if err != nil {
		return u, err
	}
	for _, left := range []string{"answers", schemas.LookupTable} {
		if err := os.RemoveAll(filepath.Join(out, left)); err != nil {
			return u, err
		}
	}
	calls, err := a.served(descriptions, latency, func(url string) (err error) {
		u, err = run(command(a.bench.foray, a.plan(out, order, url, inFlight)...))
		return err
	})
	keys := clusters * (clusters - 1)
	if order == "set" {
		keys /= 2
	}
	if err == nil && calls != keys {
		err = fmt.Errorf("%d calls for %d keys", calls, keys)
	}
	return u, err
}

// again plans what was planned before.
func (a *asking) again(clusters int, order string) (u usage, err error) {
	out, descriptions, err := a.output(clusters)
	if err != nil {
		return u, err
	}
	calls, err := a.served(descriptions, 0, func(url string) (err error) {
		u, err = run(command(a.bench.foray, a.plan(out, order, url, 64)...))
		return err
	})
	if err == nil && calls != 0 {
		err = fmt.Errorf("%d calls for answers that were there", calls)
	}
	return u, err
}

func (a *asking) plan(out, order, url string, inFlight int) []string {
	return []string{"plan", "--output", out, "--planner", "openai", "--llm_endpoint", url, "--llm_model", "bench", "--key_order", order, "--llm_concurrency", strconv.Itoa(inFlight)}
}

func (a *asking) bare(inFlight int, latency time.Duration) (u usage, err error) {
	_, descriptions, err := a.output(761)
	if err != nil {
		return u, err
	}
	_, err = a.served(descriptions, latency, func(url string) (err error) {
		u, err = run(command(a.loop, "-endpoint", url, "-descriptions", descriptions, "-in_flight", strconv.Itoa(inFlight)))
		return err
	})
	return u, err
}

func (a *asking) python(inFlight int) (u usage, err error) {
	_, descriptions, err := a.output(761)
	if err != nil {
		return u, err
	}
	env := filepath.Join(a.dir, "python")
	python := filepath.Join(env, "bin", "python")
	if _, err := os.Stat(python); err != nil {
		if _, err := run(command("python3", "-m", "venv", env)); err != nil {
			return u, err
		}
	}
	if _, err := run(command(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", openaiPython)); err != nil {
		return u, fmt.Errorf("installing %s (the network is needed once): %w", openaiPython, err)
	}
	script := filepath.Join(a.dir, "asking.py")
	text, err := scripts.ReadFile("asking.py")
	if err == nil {
		err = os.WriteFile(script, text, 0o666)
	}
	if err != nil {
		return u, err
	}
	_, err = a.served(descriptions, 0, func(url string) (err error) {
		u, err = run(command(python, script, url, descriptions, strconv.Itoa(inFlight), strconv.Itoa(pythonCalls)))
		return err
	})
	return u, err
}
