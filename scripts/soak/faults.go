package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"foray/llm/llmtest"
	"foray/schemas"
)

// mix is what goes wrong with calls.
const mix = "429-seconds=0.05,500=0.02,truncated=0.01,200-error=0.01,hang=0.005,junk=0.02"

// faultClusters make 5,112 keys.
const faultClusters = 72

// faults plans against an endpoint of which one call in nine goes wrong. No key
// may be lost, and every plan is the right one.
func (s *soak) faults() error {
	out, err := s.clustered(faultClusters)
	if err != nil {
		return err
	}
	o, err := newOracle(out)
	if err != nil {
		return err
	}
	shares, err := llmtest.ParseShares(mix)
	if err != nil {
		return err
	}
	server, url, stop, err := serve(llmtest.Mix(s.seed, o.good, shares...))
	if err != nil {
		return err
	}
	defer stop()
	start := time.Now()
	if err := run(s.foray, s.plan(out, url)...); err != nil {
		return err
	}
	took := time.Since(start)
	statuses, wrong, err := o.look(out)
	if err != nil {
		return err
	}
	keys := len(o.leaves) * (len(o.leaves) - 1)
	fmt.Printf("faults: %s\n  %d keys in %.1f s (limit 40 s), %d calls; rows: %s\n", mix, keys, took.Seconds(), server.Calls(), text(statuses))
	total := 0
	for _, n := range statuses {
		total += n
	}
	if total != keys || wrong > 0 {
		return fmt.Errorf("%d rows for %d keys, %d of them with a wrong plan", total, keys, wrong)
	}
	return nil
}

func text(statuses map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(statuses)) {
		parts = append(parts, fmt.Sprintf("%d %s", statuses[name], name))
	}
	return strings.Join(parts, ", ")
}

// look counts the rows of the published table by status, and those that are ok
// with another plan than the right one. A row with no valid status is an error.
func (o *oracle) look(out string) (statuses map[string]int, wrong int, err error) {
	rows, err := lookup(out)
	if err != nil {
		return nil, 0, err
	}
	descriptions := map[int32]string{}
	for _, c := range o.leaves {
		descriptions[c.ClusterID] = c.Description
	}
	statuses = map[string]int{}
	seen := map[[2]int32]bool{}
	for _, r := range rows {
		key := [2]int32{r.Key[0], r.Key[1]}
		if seen[key] {
			return nil, 0, fmt.Errorf("key %v stands in the table twice", key)
		}
		seen[key] = true
		statuses[r.Status]++
		switch r.Status {
		case schemas.StatusOK:
			if *r.NovelCluster != o.novel(consumed([]string{descriptions[key[0]], descriptions[key[1]]})).ClusterID {
				wrong++
			}
		case schemas.StatusNoMatch, schemas.StatusNotNovel, schemas.StatusFailed:
		default:
			return nil, 0, fmt.Errorf("key %v has the status %q", key, r.Status)
		}
	}
	return statuses, wrong, nil
}
