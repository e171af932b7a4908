package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"foray/llm/llmtest"
	"foray/schemas"
	"foray/transforms/tables"
)

func TestKeyCoverage(t *testing.T) {
	output, _ := curated(t)
	traffic := rows(t, output, schemas.KeysTable, tables.ReadKeyed[schemas.KeyTraffic])
	var users, carried int64
	for _, k := range traffic {
		users += k.Users
	}
	slices.SortStableFunc(traffic, func(a, b schemas.KeyTraffic) int { return int(b.Users - a.Users) })
	n := 0
	for ; float64(carried) < 0.5*float64(users); n++ {
		carried += traffic[n].Users
	}
	o := newOracle(t, output)
	server := llmtest.Start(t, o.good)
	foray(t, planArgs(output, server.URL, "--key_coverage=0.5", "--estimate")...).want(t, 0, "decided   ", " by overrides or outside --key_coverage")
	foray(t, planArgs(output, server.URL, "--key_coverage=0.5")...).want(t, 0)
	if calls := server.Calls(); calls != n {
		t.Errorf("%d calls, want %d", calls, n)
	}
	planned := int64(0)
	for _, r := range lookupRows(t, output) {
		i := slices.IndexFunc(traffic[:n], func(k schemas.KeyTraffic) bool { return slices.Equal(k.Key, r.Key) })
		if want := i >= 0; want != (r.Status == schemas.StatusOK) || !want && r.Status != schemas.StatusNotPlanned {
			t.Errorf("key %v is %s", r.Key, r.Status)
		}
		if i >= 0 {
			planned += traffic[i].Users
		}
	}
	if planned != carried || float64(planned) < 0.5*float64(users) {
		t.Errorf("the plans carry %d users, want %d of %d", planned, carried, users)
	}
	// More coverage goes on from there.
	foray(t, planArgs(output, server.URL)...).want(t, 0)
	if calls := server.Calls(); calls != smallKeys {
		t.Errorf("%d calls in all, want %d", calls, smallKeys)
	}
	for _, bad := range []string{"0", "1.5", "-1"} {
		foray(t, "plan", "--output", output, "--key_coverage="+bad).want(t, 2, "--key_coverage="+bad+": want a share in (0, 1]")
	}
}

func TestPeoplesDecisions(t *testing.T) {
	output, _ := curated(t)
	clusters := rows(t, output, schemas.ClustersTable, tables.Read[schemas.Cluster])
	described := map[int32]string{}
	for _, c := range clusters {
		described[c.ClusterID] = c.Description
	}
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	blocked := file("blocked.txt", "# never\n3\n"+strings.ToUpper(described[5])+"\n\n")
	overrides := file("overrides.csv", "# a person's word\n0,1,3\n\""+described[2]+"\", 4, 7\n")
	o := newOracle(t, output)
	server := llmtest.Start(t, o.good)
	for _, args := range [][]string{
		{"plan", "--planner", "successor", "--output", output},
		{"plan", "--planner", "popular", "--output", output},
		append(planArgs(output, server.URL), "--min_match_rate=0"),
	} {
		foray(t, append(args, "--block_clusters", blocked, "--overrides", overrides)...).want(t, 0)
		for _, r := range lookupRows(t, output) {
			key := keyName(r.Key)
			if word := map[string]int32{"0,1": 3, "2,4": 7}[key]; word > 0 {
				if r.Status != schemas.StatusOK || r.Model != "override" || *r.NovelCluster != word || r.NovelDescription != described[word] {
					t.Errorf("%s is %+v, want a person's word, %d", key, r, word)
				}
				continue
			}
			if r.Status == schemas.StatusOK && (*r.NovelCluster == 3 || *r.NovelCluster == 5) || slices.ContainsFunc(r.Candidates, func(c schemas.Candidate) bool { return c.Cluster == 3 || c.Cluster == 5 }) {
				t.Errorf("%s plans a blocked cluster: %+v", key, r)
			}
		}
	}
	if n := server.Calls(); n != smallKeys-2 {
		t.Errorf("%d calls, want none for the keys that a person has decided", n)
	}
	for _, tc := range []struct{ flag, text, want string }{
		{"--block_clusters", "3\nknitting for cats\n", `:2: "knitting for cats" is no cluster`},
		{"--overrides", "0,1\n", ":1: has 2 columns, want the 2 clusters of a key and the one to plan"},
		{"--overrides", "0,1,1\n", ":1: has cluster 1 twice"},
		{"--overrides", "0,1,2\n0,1,3\n", "has the key [0 1] twice"},
	} {
		path := file("bad", tc.text)
		foray(t, "plan", "--output", output, tc.flag, path).want(t, 2, tc.flag+"="+path+":", tc.want)
	}
	foray(t, "plan", "--output", output, "--overrides", "none.csv").want(t, 2, "--overrides=none.csv: ")
}

func TestRematchMakesNoCall(t *testing.T) {
	output, _ := curated(t)
	o := newOracle(t, output)
	server := llmtest.Start(t, o.varied)
	half := planArgs(output, server.URL, "--key_coverage=0.5", "--min_match_rate=0")
	foray(t, half...).want(t, 0)
	calls, first := server.Calls(), lookupRows(t, output)
	foray(t, planArgs(output, server.URL, "--estimate")...).want(t, 0, fmt.Sprintf("answered  %d ", calls), fmt.Sprintf("calls     %d\n", smallKeys-calls))
	foray(t, planArgs(output, server.URL, "--estimate", "--prompt=hint")...).want(t, 0, "answered  0 ",
		fmt.Sprintf("calls     %d, %d of them about keys that the model was asked about before", smallKeys, calls))
	// What was answered is matched again, the rest is not asked about.
	foray(t, "plan", "--planner", "openai", "--llm_model", "test-model", "--rematch", "--output", output, "--min_match_rate=0").want(t, 0)
	if n := server.Calls(); n != calls {
		t.Errorf("%d calls", n-calls)
	}
	again := lookupRows(t, output)
	for i := range first {
		if first[i].Status != again[i].Status || first[i].NovelDescription != again[i].NovelDescription {
			t.Errorf("%v was %s, %q, and is %s, %q", first[i].Key, first[i].Status, first[i].NovelDescription, again[i].Status, again[i].NovelDescription)
		}
	}
}

func TestBuiltinPromptsReachTheModel(t *testing.T) {
	output, _ := curated(t)
	clusters := rows(t, output, schemas.ClustersTable, tables.Read[schemas.Cluster])
	foray(t, "plan", "--planner", "successor", "--output", output).want(t, 0)
	next := map[string]string{}
	for _, r := range lookupRows(t, output) {
		next[keyName(r.Key)] = r.NovelDescription
	}
	seen := map[string]bool{}
	for _, r := range rows(t, output, schemas.TransitionsTable, tables.ReadKeyed[schemas.Transition]) {
		seen[keyName(r.Key)] = true
	}
	for _, name := range []string{"vocabulary", "hint"} {
		var mu sync.Mutex
		var prompts []string
		server := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
			mu.Lock()
			defer mu.Unlock()
			prompts = append(prompts, c.Prompt)
			return llmtest.Text("New cluster: nothing of the kind")
		})
		foray(t, planArgs(output, server.URL, "--prompt", name, "--min_match_rate=0")...).want(t, 0)
		if len(prompts) != smallKeys {
			t.Fatalf("%s: %d prompts", name, len(prompts))
		}
		hints := 0
		for _, p := range prompts {
			if name == "vocabulary" {
				for _, c := range clusters {
					if leaf := c.Level == 3; leaf != strings.Contains(p, c.Description+"\n") && leaf {
						t.Fatalf("%q does not show %q", p, c.Description)
					}
				}
			} else if _, hint, ok := strings.Cut(p, "Others went on to: "); ok {
				if hints++; !slices.Contains(slices.Collect(maps.Values(next)), strings.TrimSpace(hint)) {
					t.Fatalf("%q has another hint than a successor", p)
				}
			}
		}
		if name == "hint" && hints != len(seen) {
			t.Errorf("%d prompts have a hint, somebody went on from %d keys", hints, len(seen))
		}
	}
	foray(t, "plan", "--prompt", "none", "--planner", "openai", "--llm_endpoint", "http://127.0.0.1:1/v1", "--llm_model", "m", "--output", output).want(t, 2, "--prompt=none: want paper, vocabulary, hint, or a file that can be read")
}
