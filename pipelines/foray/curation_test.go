package main

import (
	"path/filepath"
	"testing"

	"foray/testdata/catalogue"
)

func TestCurateFewerContextsThanAsked(t *testing.T) {
	output, sources := curated(t)
	curate := func(args ...string) ran {
		t.Helper()
		return foray(t, append([]string{"curate", "--events", filepath.Join(sources, catalogue.EventsFile), "--output", output}, args...)...)
	}
	curate("--contexts_per_label=1000000000").want(t, 2, "--contexts_per_label=1000000000: "+smallClusters+" clusters may have ")
	curate("--min_users=1000000").want(t, 0, "0 diversified examples of 0 labels", smallClusters+" labels have none: nobody went on to them, or fewer users than --min_users=1000000")
	foray(t, "finetune", "--output", output, "--llm_model=m", "--estimate").want(t, 1, "0 examples, and the provider wants at least 10")
}
