package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"foray/llm"
	"foray/llm/llmtest"
	"foray/schemas"
	"foray/testdata/catalogue"
	"foray/transforms/planning"
	"foray/transforms/tables"
)

// Keys of the small world, K = 2: 16 · 15.
const smallKeys = 240

// secret is an API key that must show nowhere.
const secret = "sk-marked-6c1f0a"

// oracle knows the vocabulary of an output, and which key a prompt is about.
type oracle struct {
	words map[int32]string
	keys  map[string][]int32 // by prompt
	// order holds all keys, sorted.
	order [][]int32
}

func newOracle(t *testing.T, output string) *oracle {
	t.Helper()
	o := &oracle{words: map[int32]string{}, keys: map[string][]int32{}}
	prompt, err := llm.ParsePrompt(llm.PaperTemplate())
	if err != nil {
		t.Fatal(err)
	}
	leaves := planning.Leaves(rows(t, output, schemas.ClustersTable, tables.Read[schemas.Cluster]))
	for _, c := range leaves {
		o.words[c.ClusterID] = c.Description
	}
	for _, a := range leaves {
		for _, b := range leaves {
			if a.ClusterID == b.ClusterID {
				continue
			}
			messages, err := prompt.Render([]string{a.Description, b.Description})
			if err != nil {
				t.Fatal(err)
			}
			var contents []string
			for _, m := range messages {
				contents = append(contents, m.Content)
			}
			key := []int32{a.ClusterID, b.ClusterID}
			o.keys[strings.Join(contents, "\n")] = key
			o.order = append(o.order, key)
		}
	}
	if len(o.order) != smallKeys || len(o.keys) != smallKeys {
		t.Fatalf("%d keys in %d prompts, want %d", len(o.order), len(o.keys), smallKeys)
	}
	return o
}

// novel is the cluster that the endpoint plans for a key.
func (o *oracle) novel(key []int32) int32 {
	c := (key[0] + key[1]) % int32(len(o.words))
	for slices.Contains(key, c) {
		c = (c + 1) % int32(len(o.words))
	}
	return c
}

// good answers with the novel cluster's very description.
func (o *oracle) good(c llmtest.Call) llmtest.Reply {
	key, ok := o.keys[c.Prompt]
	if !ok {
		return llmtest.Failure(http.StatusBadRequest, "bad_prompt", "not a prompt of this vocabulary")
	}
	return llmtest.Text(llm.AnswerMark + " " + o.words[o.novel(key)])
}

// The kinds of answers that varied gives.
const (
	exact = iota
	normalised
	junk
	ownKey
)

// kind of answer to a key: one in sixteen is junk, one in sixteen names the
// key itself, and one in four of the others is not to the letter.
func kind(key []int32) int {
	switch n := (key[0]*5 + key[1]*3) % 16; {
	case n == 0:
		return junk
	case n == 1:
		return ownKey
	case n%4 == 2:
		return normalised
	}
	return exact
}

func (o *oracle) varied(c llmtest.Call) llmtest.Reply {
	key, ok := o.keys[c.Prompt]
	if !ok {
		return o.good(c)
	}
	switch kind(key) {
	case junk:
		return llmtest.Text("As a language model I like everything.")
	case ownKey:
		return llmtest.Text(llm.AnswerMark + " " + o.words[key[1]])
	case normalised:
		phrases := strings.Split(o.words[o.novel(key)], ", ")
		slices.Reverse(phrases)
		return llmtest.Text("  " + strings.ToUpper(strings.Join(phrases, " ;  ")) + ".")
	}
	return o.good(c)
}

// planArgs is the command line that plans with the model of an endpoint.
func planArgs(output, endpoint string, more ...string) []string {
	return append([]string{"plan", "--output", output, "--planner=openai", "--llm_endpoint=" + endpoint, "--llm_model=test-model", "--llm_reasks=0"}, more...)
}

func keyName(key []int32) string { return fmt.Sprintf("%d,%d", key[0], key[1]) }

func TestModelPlansWholeTable(t *testing.T) {
	output, sources := curated(t)
	o := newOracle(t, output)
	var mu sync.Mutex
	var requests [][]byte
	server := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		mu.Lock()
		defer mu.Unlock()
		requests = append(requests, c.Body)
		if have := c.Header.Get("Authorization"); have != "Bearer "+secret {
			return llmtest.Failure(http.StatusUnauthorized, "invalid_api_key", "wrong key")
		}
		return o.varied(c)
	})
	t.Setenv("FORAY_TEST_KEY", secret)
	args := planArgs(output, server.URL, "--llm_api_key_env=FORAY_TEST_KEY", "--min_match_rate=0.9")
	first := foray(t, args...)
	first.want(t, 0, "published ")
	if n := server.Calls(); n != smallKeys {
		t.Errorf("%d calls for %d keys", n, smallKeys)
	}

	// The table, row by row.
	want := map[int]int64{}
	table := lookupRows(t, output)
	if len(table) != smallKeys {
		t.Fatalf("%d rows, want %d", len(table), smallKeys)
	}
	for i, r := range table {
		if !slices.Equal(r.Key, o.order[i]) {
			t.Fatalf("row %d is of key %v, want %v", i, r.Key, o.order[i])
		}
		k := kind(r.Key)
		want[k]++
		status := map[int]string{exact: schemas.StatusOK, normalised: schemas.StatusOK, junk: schemas.StatusNoMatch, ownKey: schemas.StatusNotNovel}[k]
		if r.Status != status {
			t.Errorf("key %v is %s, want %s", r.Key, r.Status, status)
		}
		if r.Status != schemas.StatusOK {
			if r.NovelCluster != nil {
				t.Errorf("key %v is %s and has a novel cluster", r.Key, r.Status)
			}
			continue
		}
		if c := o.novel(r.Key); *r.NovelCluster != c || r.NovelDescription != o.words[c] {
			t.Errorf("key %v → %d %q, want %d", r.Key, *r.NovelCluster, r.NovelDescription, c)
		}
		if r.Model != "test-model" || r.PromptVersion == "" {
			t.Errorf("key %v: model %q, prompt version %q", r.Key, r.Model, r.PromptVersion)
		}
	}

	// The manifest counts exact and normalised answers apart; an own cluster
	// is named to the letter.
	m := newest(t, output, schemas.LookupTable)
	for name, n := range map[string]int64{
		planning.AnswersGiven: smallKeys, planning.AnswersExact: want[exact] + want[ownKey], planning.AnswersNormalised: want[normalised],
		planning.AnswersMatched: smallKeys - want[junk], planning.AnswersRecorded: 0, planning.KeysFailed: 0,
		"keys_" + schemas.StatusNoMatch: want[junk], "keys_" + schemas.StatusNotNovel: want[ownKey],
	} {
		if m.Counts[name] != n {
			t.Errorf("the manifest counts %d %s, want %d", m.Counts[name], name, n)
		}
	}
	if m.Model != "test-model" || m.Options["llm_model"] != "test-model" || m.Options["planner"] != "openai" {
		t.Errorf("the manifest tells of model %q and options %v", m.Model, m.Options)
	}

	// Each answer that was not used is a reject with its key and its text.
	rejected := map[string]schemas.Reject{}
	for _, r := range rejects(t, output) {
		rejected[r.Source] = r
	}
	if n := want[junk] + want[ownKey]; int64(len(rejected)) != n || n == 0 {
		t.Errorf("%d rejects, want %d", len(rejected), n)
	}
	for _, key := range o.order {
		r, ok := rejected[keyName(key)]
		switch kind(key) {
		case junk:
			if !ok || r.Stage != "plan" || !strings.Contains(r.Reason, "no cluster of the vocabulary") || !strings.Contains(r.Raw, "language model") {
				t.Errorf("junk for key %v is reject %+v", key, r)
			}
		case ownKey:
			if !ok || !strings.Contains(r.Reason, "its own key") || !strings.Contains(r.Raw, o.words[key[1]]) {
				t.Errorf("its own cluster for key %v is reject %+v", key, r)
			}
		default:
			if ok {
				t.Errorf("a good answer for key %v is reject %+v", key, r)
			}
		}
	}

	// A second run asks nothing and makes the same bytes.
	second := foray(t, args...)
	second.want(t, 0, "published ")
	if n := server.Calls() - smallKeys; n != 0 {
		t.Errorf("the second run made %d calls", n)
	}
	again := newest(t, output, schemas.LookupTable)
	if again.Version == m.Version || !slices.Equal(again.Parts, m.Parts) {
		t.Errorf("the second run made %s with parts %v, the first %s with %v", again.Version, again.Parts, m.Version, m.Parts)
	}
	if again.Counts[planning.AnswersRecorded] != smallKeys {
		t.Errorf("the second run counts %d recorded answers, want %d", again.Counts[planning.AnswersRecorded], smallKeys)
	}

	// The key is in no file and was never printed.
	for _, r := range []ran{first, second} {
		if strings.Contains(r.stdout+r.stderr, secret) {
			t.Error("the API key was printed")
		}
	}
	eachFile(t, output, func(path string, data []byte) {
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("the API key is in %s", path)
		}
	})

	// No id of a user or an item was sent.
	id := regexp.MustCompile(`\b[iu]\d{4}\b`)
	ids := map[string]bool{}
	for _, name := range []string{catalogue.ItemsFile, catalogue.EventsFile} {
		data, err := os.ReadFile(filepath.Join(sources, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range id.FindAll(data, -1) {
			ids[string(m)] = true
		}
	}
	if len(ids) < 400 {
		t.Fatalf("the catalogue has %d ids of that shape: the search below would find nothing", len(ids))
	}
	for _, body := range requests {
		if found := id.FindAll(body, -1); found != nil {
			t.Errorf("the ids %q were sent in %s", found, body)
		}
	}
}

func TestGateKeepsTableUnpublished(t *testing.T) {
	output, sources := curated(t)
	o := newOracle(t, output)
	foray(t, "plan", "--output", output).want(t, 0)
	before := current(t, output, schemas.LookupTable)
	server := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		if key := o.keys[c.Prompt]; key != nil && key[0]%2 == 0 {
			return llmtest.Text("whatever you like")
		}
		return o.good(c)
	})
	args := planArgs(output, server.URL)
	r := foray(t, args...)
	r.want(t, 3, "the match rate is 0.5 (120 of 240), below --min_match_rate=0.9")
	if now := current(t, output, schemas.LookupTable); now != before {
		t.Errorf("CURRENT moved from %s to %s", before, now)
	}
	m := newest(t, output, schemas.LookupTable)
	if m.Version == before || m.Rows() != smallKeys || !strings.Contains(m.Refused, "match rate is 0.5") {
		t.Errorf("the refused version is %s with %d rows, refused because %q", m.Version, m.Rows(), m.Refused)
	}
	if n := len(rejects(t, output)); n != smallKeys/2 {
		t.Errorf("%d rejects, want %d", n, smallKeys/2)
	}
	foray(t, "inspect", filepath.Join(output, "lookup", m.Version)).want(t, 0, "(not published): the match rate is 0.5", "no_match", "50.0 %")

	// publish holds the same gate, and passes it where it is told to.
	foray(t, "publish", "--output", output).want(t, 3, m.Version+" is not published: the match rate is 0.5")
	foray(t, "publish", "--output", output, "--min_match_rate=0.5").want(t, 0, "published ")
	if now := current(t, output, schemas.LookupTable); now != m.Version {
		t.Errorf("CURRENT is %s, want %s", now, m.Version)
	}

	// run judges and reports what it then refuses to publish.
	whole := filepath.Join(t.TempDir(), "out")
	if err := os.CopyFS(whole, os.DirFS(output)); err != nil {
		t.Fatal(err)
	}
	published := current(t, whole, schemas.LookupTable)
	runArgs := append([]string{"run", "--items", filepath.Join(sources, catalogue.ItemsFile), "--events", filepath.Join(sources, catalogue.EventsFile),
		"--clusters", smallClusters}, planArgs(whole, server.URL)[1:]...)
	calls := server.Calls()
	foray(t, runArgs...).want(t, 3, "the match rate is 0.5", "cluster: done before")
	if server.Calls() != calls {
		t.Errorf("run made %d calls for answers that were paid for", server.Calls()-calls)
	}
	if now := current(t, whole, schemas.LookupTable); now != published {
		t.Errorf("run moved CURRENT from %s to %s", published, now)
	}
	page, err := os.ReadFile(filepath.Join(whole, "report", "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	if v := newest(t, whole, schemas.LookupTable).Version; !bytes.Contains(page, []byte(v)) {
		t.Errorf("the report does not tell of %s", v)
	}
}
