package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"foray/llm/llmtest"
	"foray/schemas"
	"foray/testdata/catalogue"
	"foray/transforms/tables"
)

// nameArgs cluster the small catalogue, and have a model name the clusters.
func nameArgs(sources, output, endpoint string, more ...string) []string {
	return append([]string{"cluster", "--items", filepath.Join(sources, catalogue.ItemsFile), "--events", filepath.Join(sources, catalogue.EventsFile), "--output", output,
		"--clusters", "8", "--levels", "2", "--describe", "llm", "--llm_endpoint", endpoint, "--llm_model", "m"}, more...)
}

// A model that repeats itself, rambles and fails still leaves every cluster a
// description of its own, each answer is paid for once, and rejects say why a
// name is not used.
func TestNames(t *testing.T) {
	_, sources := curated(t)
	number := func(c llmtest.Call) string {
		_, phrases, _ := strings.Cut(c.Prompt, "Phrases: ")
		phrase, _, _ := strings.Cut(phrases, ",")
		return strings.Fields(phrase)[0]
	}
	for name, test := range map[string]struct {
		reply  func(llmtest.Call) llmtest.Reply
		named  func(nodes int64) int64
		reason string
	}{
		"good": {func(c llmtest.Call) llmtest.Reply { return llmtest.Text("Name: Love of " + number(c)) },
			func(nodes int64) int64 { return nodes }, ""},
		"one name for all": {func(llmtest.Call) llmtest.Reply { return llmtest.Text("Name: Things") },
			func(int64) int64 { return 2 }, "Another cluster has that name"},
		"mends itself": {func(c llmtest.Call) llmtest.Reply {
			if !strings.Contains(c.Prompt, "Answer again") {
				return llmtest.Text("Name: " + strings.Repeat("very ", 20) + "long")
			}
			return llmtest.Text("Name: Love of " + number(c))
		}, func(nodes int64) int64 { return nodes }, ""},
		"too long": {func(llmtest.Call) llmtest.Reply { return llmtest.Huge(4000) },
			func(int64) int64 { return 0 }, "too long"},
		"refused": {func(llmtest.Call) llmtest.Reply { return llmtest.Failure(400, "content_filter", "not this one") },
			func(int64) int64 { return 0 }, "not this one"},
	} {
		t.Run(name, func(t *testing.T) {
			server, output := llmtest.Start(t, test.reply), t.TempDir()
			foray(t, nameArgs(sources, output, server.URL)...).want(t, 0, "named by m")
			clusters := rows(t, output, schemas.ClustersTable, tables.Read[schemas.Cluster])
			m := newest(t, output, schemas.ClustersTable)
			nodes := int64(len(clusters))
			if want := test.named(nodes); m.Counts["clusters_named"] != want {
				t.Errorf("%d of %d clusters are named, want %d", m.Counts["clusters_named"], nodes, want)
			}
			seen := map[string]bool{}
			for _, c := range clusters {
				key := fmt.Sprintln(c.Level, strings.ToLower(c.Description))
				if seen[key] || c.Description == "" || len(c.Phrases) == 0 {
					t.Errorf("cluster %d is called %q, with the phrases %q", c.ClusterID, c.Description, c.Phrases)
				}
				seen[key] = true
			}
			var why []schemas.Reject
			if test.reason != "" {
				why = rejects(t, output)
			}
			if int64(len(why)) != nodes-test.named(nodes) || slices.ContainsFunc(why, func(r schemas.Reject) bool { return !strings.Contains(r.Reason, test.reason) }) {
				t.Errorf("rejects %+v", why)
			}
			if name == "refused" {
				return // there is no answer to keep
			}
			calls := server.Calls()
			parts := m.Parts
			foray(t, nameArgs(sources, output, server.URL)...).want(t, 0)
			if server.Calls() != calls {
				t.Errorf("%d calls for names that were paid for", server.Calls()-calls)
			}
			if again := newest(t, output, schemas.ClustersTable).Parts; !slices.Equal(parts, again) {
				t.Errorf("%v, and again %v", parts, again)
			}
		})
	}
}

func TestNamesStop(t *testing.T) {
	_, sources := curated(t)
	output := t.TempDir()
	server := llmtest.Start(t, llmtest.QuotaOf(3, func(c llmtest.Call) llmtest.Reply { return llmtest.Text(fmt.Sprintf("Name: number %d", c.Number)) }))
	foray(t, nameArgs(sources, output, server.URL, "--llm_concurrency=1")...).want(t, 4, "spent quota")
	good := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply { return llmtest.Text(fmt.Sprintf("Name: later %c", 'a'+c.Number)) })
	foray(t, nameArgs(sources, output, good.URL)...).want(t, 0)
	m := newest(t, output, schemas.ClustersTable)
	if n := m.Counts["clusters_named"]; int64(good.Calls()) != n-3 || n != m.Rows() {
		t.Errorf("%d calls for %d names, 3 of which are paid for", good.Calls(), n)
	}
	foray(t, nameArgs(sources, output, good.URL, "--llm_max_calls=2", "--seed=2")...).want(t, 4, "--llm_max_calls")
	for _, usage := range [][]string{{"--describe=best"}, {"--llm_model="}, {"--llm_max_tokens=0"}, {"--llm_endpoint=nowhere"}} {
		foray(t, nameArgs(sources, output, good.URL, usage...)...).want(t, 2)
	}
}
