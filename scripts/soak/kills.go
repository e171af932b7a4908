package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"time"

	"foray/llm/llmtest"
	"foray/schemas"
	"foray/transforms/planning"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// killClusters make 20,022 keys.
const killClusters = 142

// killed kills the planner at random moments, and then lets it finish. The
// table must be complete and right, and no more calls made than there are keys
// and calls in flight at the kills.
func (s *soak) killed() error {
	out, err := s.clustered(killClusters)
	if err != nil {
		return err
	}
	o, err := newOracle(out)
	if err != nil {
		return err
	}
	// So slow that every kill falls into the work: 64 in flight and 40 ms are
	// at most 1,600 calls a second.
	server, url, stop, err := serve(func(c llmtest.Call) llmtest.Reply {
		reply := o.good(c)
		reply.Latency = 40 * time.Millisecond
		return reply
	})
	if err != nil {
		return err
	}
	defer stop()
	moments := rand.New(rand.NewPCG(s.seed, 2))
	early := 0
	for range s.kills {
		cmd := exec.Command(s.foray, s.plan(out, url)...)
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Start(); err != nil {
			return err
		}
		time.Sleep(time.Duration(200+moments.IntN(1200)) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			return err
		}
		if cmd.Wait(); cmd.ProcessState.Exited() {
			early++ // it had ended
		}
	}
	if err := run(s.foray, s.plan(out, url)...); err != nil {
		return err
	}
	statuses, wrong, err := o.look(out)
	if err != nil {
		return err
	}
	m, err := manifest(out)
	if err != nil {
		return err
	}
	keys := len(o.leaves) * (len(o.leaves) - 1)
	again := server.Calls() - keys
	fmt.Printf("kills: %d kills at random moments (%d after the end), %d in flight\n  %d keys, %d calls: %d more than keys, at most %d; rows: %s; the last run counts %d maybe_paid\n",
		s.kills, early, inFlight, keys, server.Calls(), again, s.kills*inFlight, text(statuses), m.Counts[planning.CallsMaybePaid])
	switch {
	case statuses[schemas.StatusOK] != keys || wrong > 0:
		return fmt.Errorf("of %d keys %d are ok, %d of them with a wrong plan", keys, statuses[schemas.StatusOK], wrong)
	case again > s.kills*inFlight:
		return fmt.Errorf("%d calls were made again, with %d kills and %d in flight", again, s.kills, inFlight)
	}
	return nil
}

func manifest(out string) (schemas.Manifest, error) {
	ctx, b := context.Background(), store.Local(out)
	version, err := store.Current(ctx, b, schemas.LookupTable)
	if err != nil {
		return schemas.Manifest{}, err
	}
	return store.ReadManifest(ctx, b, schemas.LookupTable, version)
}

// lookup reads the published table.
func lookup(out string) ([]schemas.Lookup, error) {
	m, err := manifest(out)
	if err != nil {
		return nil, err
	}
	rows, _, err := tables.ReadKeyed[schemas.Lookup](context.Background(), store.Local(out), schemas.LookupTable, m.Version)
	return rows, err
}

// run runs a command to its end; its error holds what it printed.
func run(name string, args ...string) error {
	text, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, text)
	}
	return nil
}
