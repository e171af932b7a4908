package main

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"foray/schemas"
	"foray/testdata/catalogue"
	"foray/transforms/store"
)

// TestDataflowJobsBuild builds every command's job for Dataflow, which checks
// that all of it can be sent to workers, and searches the job for secrets.
func TestDataflowJobsBuild(t *testing.T) {
	output, sources := curated(t)
	items := []string{"--items", filepath.Join(sources, catalogue.ItemsFile)}
	events := []string{"--events", filepath.Join(sources, catalogue.EventsFile)}
	foray(t, "plan", "--output", output).want(t, 0)
	foray(t, append(events, "train", "--output", output)...).want(t, 0)
	// All of the job is in the log, and nothing asks the cloud who we are.
	t.Setenv("FORAY_LOG", "debug")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none"))
	t.Setenv("FORAY_TEST_KEY", secret)
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	model := []string{"plan", "--planner=openai", "--llm_endpoint=https://example.org/v1", "--llm_model=m"}
	before := contents(t, output)
	for _, test := range []struct {
		name string
		args []string
		// shown are texts that the job must hold, so that a secret that it
		// holds would be found, too.
		shown []string
	}{
		{"cluster", append(append([]string{"cluster", "--clusters", smallClusters}, items...), events...), []string{"clustering.fitFn", "items.csv"}},
		{"curate", append([]string{"curate"}, events...), []string{"curation.historiesFn", "New cluster:"}},
		{"plan", []string{"plan"}, []string{"planning.planFn", "successor"}},
		{"plan openai", append(model, "--llm_api_key_env=FORAY_TEST_KEY"), []string{"planning.planFn", "https://example.org/v1", "FORAY_TEST_KEY", "New cluster:"}},
		{"plan openai, key in a file", append(model, "--llm_api_key_file="+keyFile), []string{"planning.planFn", keyFile}},
		{"train", append([]string{"train"}, events...), []string{"recommending.", "events.csv"}},
		{"recommend", append([]string{"recommend"}, events...), []string{"recommending."}},
		{"evaluate", append(append([]string{"evaluate"}, items...), events...), []string{"evaluation.witnessFn", "evaluation.addFn", "evaluation.concludeFn"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := append(test.args, "--output", output,
				"--runner=dataflow", "--dry_run", "--project=p", "--region=r", "--staging_location=gs://x/y")
			r := finishedQuietly(t, start(t, args...))
			r.want(t, 0, "Dry-run: not submitting job!", "the job was built, and nothing was run")
			for _, text := range append(test.shown, "commit.commitFn", output) {
				if !holds(r.stdout+r.stderr, text, 0) {
					t.Errorf("the job does not show %q: a secret in it would not be found either", text)
				}
			}
			if holds(r.stdout+r.stderr, secret, 0) {
				t.Error("the API key is in the job, or was printed")
			}
		})
	}
	if after := contents(t, output); after != before {
		t.Errorf("the output is no longer what it was before the jobs that were not run:\n%s\nbefore:\n%s", after, before)
	}
}

// finishedQuietly is finished for a command that prints its whole job.
func finishedQuietly(t *testing.T, c *started) ran {
	t.Helper()
	if err := c.Wait(); err != nil {
		text := c.stderr.String()
		t.Errorf("%v: %s", err, text[max(0, len(text)-2000):])
	}
	return ran{c.ProcessState.ExitCode(), c.stdout.String(), c.stderr.String()}
}

var (
	// quoted are quoted strings, of protobuf's text format and of logs.
	quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	// encoded are runs of what base64 is written in, in either alphabet.
	encoded = regexp.MustCompile(`[A-Za-z0-9+/_-]{16,}`)
)

// holds searches a text, and what is quoted and encoded in it: a graph's
// functions are JSON in base64 in protobuf in text, and the log quotes that.
func holds(text, wanted string, depth int) bool {
	if strings.Contains(text, wanted) {
		return true
	}
	if depth == 6 {
		return false
	}
	for _, q := range quoted.FindAllString(text, -1) {
		if plain, err := strconv.Unquote(q); err == nil && len(plain) > len(wanted) && holds(plain, wanted, depth+1) {
			return true
		}
	}
	for _, run := range encoded.FindAllString(text, -1) {
		// What stands before the run may look like a part of it.
		for skip := range min(4, len(run)) {
			aligned := run[skip:]
			aligned = aligned[:len(aligned)/4*4]
			for _, alphabet := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
				if data, err := alphabet.DecodeString(aligned); err == nil && holds(string(data), wanted, depth+1) {
					return true
				}
			}
		}
	}
	return false
}

// contents tells what an output holds: its files with their sizes.
func contents(t *testing.T, output string) string {
	t.Helper()
	infos, err := store.Local(output).List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, info := range infos {
		b.WriteString(info.Name + " " + info.Generation + "\n")
	}
	if !strings.Contains(b.String(), schemas.LookupTable) {
		t.Fatalf("the output %s holds no table", output)
	}
	return b.String()
}
