package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"foray/llm/batch/batchtest"
	"foray/llm/llmtest"
	"foray/schemas"
	"foray/transforms/planning"
)

// batchArgs is the command line that plans through batches of 50.
func batchArgs(output, endpoint string, more ...string) []string {
	return planArgs(output, endpoint, append([]string{"--llm_mode=batch", "--llm_batch_requests=50", "--llm_batch_poll=5ms"}, more...)...)
}

// batches is an endpoint of batches that answers as reply does.
func batches(t *testing.T, reply func(llmtest.Call) llmtest.Reply, course func(number, requests int) batchtest.Course) *batchtest.Server {
	t.Helper()
	return batchtest.Start(t, batchtest.Config{
		Answer: func(r batchtest.Request) llmtest.Reply {
			return reply(llmtest.Call{Prompt: r.Prompt, Body: []byte(r.Body), Of: r.Asked})
		},
		Course: course,
	})
}

// lines are those of all batches that were created, and how many each has.
func lines(s *batchtest.Server) (all []string, each []int) {
	for _, file := range s.Uploaded() {
		of := strings.Split(strings.TrimSuffix(file, "\n"), "\n")
		all, each = append(all, of...), append(each, len(of))
	}
	return all, each
}

// slow is the course of a batch that takes many looks, one soon after the
// other since its status changes.
func slow(int, int) batchtest.Course {
	return batchtest.Course{Statuses: append(slices.Repeat([]string{"in_progress", "finalizing"}, 30), "completed"), Finished: -1}
}

const batchState = "answers/batches.json"

// Half of a batch expires, and a request is refused: what was finished is kept,
// the rest is asked again, and the answers are those of the online mode.
func TestBatchesMakeTheTable(t *testing.T) {
	output, _ := curated(t)
	o := newOracle(t, output)
	failing := o.order[17]
	refusing := func(c llmtest.Call) llmtest.Reply {
		if slices.Equal(o.keys[c.Prompt], failing) {
			return llmtest.Failure(http.StatusBadRequest, "content_filter", "refused by the filter")
		}
		return o.varied(c)
	}
	server := batches(t, refusing, func(number, _ int) batchtest.Course {
		if number == 2 {
			return batchtest.Course{Statuses: []string{"in_progress", "expired"}, Finished: 20}
		}
		return batchtest.Complete()
	})
	t.Setenv("FORAY_TEST_KEY", secret)
	args := []string{"--min_match_rate=0.5", "--llm_reasks=0", "--llm_api_key_env=FORAY_TEST_KEY"}
	r := foray(t, batchArgs(output, server.URL, args...)...)
	r.want(t, 0, "batch: 239 requests answered and 1 failed, in 6 batches and 2 rounds",
		"239 keys answered, 0 of them by earlier runs; 1 failed, 0 not planned", "published ")
	if !strings.Contains(r.stderr, "batch      2") {
		t.Error("no progress of the batches was shown")
	}
	if _, each := lines(server); fmt.Sprint(each) != "[50 50 50 50 40 30]" {
		t.Errorf("batches of %v requests", each)
	}
	for _, r := range lookupRows(t, output) {
		if want := slices.Equal(r.Key, failing); want != (r.Status == schemas.StatusFailed) {
			t.Errorf("key %v is %s", r.Key, r.Status)
		}
	}
	if !slices.ContainsFunc(rejects(t, output), func(r schemas.Reject) bool {
		return r.Source == keyName(failing) && strings.Contains(r.Reason, "refused by the filter")
	}) {
		t.Error("no reject tells why the key failed")
	}
	m := newest(t, output, schemas.LookupTable)
	if m.Counts[planning.CallsMade] != smallKeys || m.Counts[planning.PromptTokens] != 10*(smallKeys-1) || m.Counts[planning.CompletionTokens] == 0 {
		t.Errorf("the manifest counts %v", m.Counts)
	}
	if _, err := os.Stat(filepath.Join(output, batchState)); !os.IsNotExist(err) {
		t.Errorf("the state of batches is left: %v", err)
	}
	eachFile(t, output, func(path string, data []byte) {
		if strings.Contains(string(data), secret) {
			t.Errorf("the API key is in %s", path)
		}
	})

	// Online asks the one that failed, and nothing else: the answers of both
	// ways have one identity, and the table is that of a run online.
	online := llmtest.Start(t, o.varied)
	foray(t, planArgs(output, online.URL, args...)...).want(t, 0, "240 keys answered, 239 of them by earlier runs")
	if n := online.Calls(); n != 1 {
		t.Errorf("%d calls online for the key that failed", n)
	}
	other, _ := curated(t)
	foray(t, planArgs(other, online.URL, args...)...).want(t, 0)
	if have, want := newest(t, output, schemas.LookupTable).Parts, newest(t, other, schemas.LookupTable).Parts; !slices.Equal(have, want) {
		t.Errorf("parts %v; online %v", have, want)
	}
	// And nothing is left for another batch.
	foray(t, batchArgs(other, server.URL, args...)...).want(t, 0, "batch: 0 requests answered and 0 failed, in 0 batches", "240 of them by earlier runs")
}

// Whatever ends the process, the batches go on, and the next takes them up.
func TestBatchesOutliveTheCommand(t *testing.T) {
	for _, test := range []struct {
		name   string
		signal os.Signal
		exit   int
		said   []string
	}{
		{"killed", syscall.SIGKILL, -1, nil},
		{"interrupted", os.Interrupt, 4, []string{"batches that are under way go on: run the same command again to take them up"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			output, _ := curated(t)
			o := newOracle(t, output)
			server := batches(t, o.good, slow)
			c := start(t, batchArgs(output, server.URL)...)
			for server.Calls("create") < 3 {
				time.Sleep(time.Millisecond)
			}
			if err := c.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			finished(t, c).want(t, test.exit, test.said...)
			if _, err := os.Stat(filepath.Join(output, batchState)); err != nil {
				t.Errorf("no state of batches is left: %v", err)
			}
			// Asked otherwise, the answers would find no question.
			foray(t, batchArgs(output, server.URL, "--llm_max_tokens=32")...).want(t, 2, `llm_max_tokens is "32", and was "64"`, "run the command as it was")
			foray(t, batchArgs(output, server.URL)...).want(t, 0, "240 keys answered", "published ")
			all, _ := lines(server)
			if len(all) != smallKeys {
				t.Errorf("%d requests in batches, want one a key", len(all))
			}
		})
	}
}

func TestBatchesAreCancelled(t *testing.T) {
	output, _ := curated(t)
	o := newOracle(t, output)
	const finishedOf = 10 // requests of each batch that is cancelled
	server := batches(t, o.good, func(number, _ int) batchtest.Course {
		c := batchtest.Complete()
		if number <= 5 {
			c = slow(0, 0)
			c.Finished = finishedOf
		}
		return c
	})
	foray(t, batchArgs(output, server.URL, "--llm_batch_cancel")...).want(t, 0, "batch: nothing is under way")
	c := start(t, batchArgs(output, server.URL)...)
	for server.Calls("create") < 5 {
		time.Sleep(time.Millisecond)
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	finished(t, c).want(t, 4)
	foray(t, batchArgs(output, server.URL, "--llm_batch_cancel")...).want(t, 0, "batch: 5 batches are cancelled")
	if n := server.Calls("cancel"); n != 5 {
		t.Errorf("%d batches were cancelled, want 5", n)
	}
	if _, err := os.Stat(filepath.Join(output, "lookup")); !os.IsNotExist(err) {
		t.Errorf("a table was left: %v", err)
	}
	// What they had answered is kept.
	foray(t, batchArgs(output, server.URL)...).want(t, 0, "240 keys answered")
	all, _ := lines(server)
	if n := len(all) - smallKeys; n != smallKeys-5*finishedOf {
		t.Errorf("%d requests were asked again, want those that no batch had answered", n)
	}
}

// Answers that plan nothing are asked again in batches of their own, and a
// budget ends the run where it is spent.
func TestBatchesAskAgainWithinBudget(t *testing.T) {
	output, _ := curated(t)
	o := newOracle(t, output)
	reply := func(c llmtest.Call) llmtest.Reply {
		if key, first := o.keys[c.Prompt]; first && key[0] == 0 {
			return llmtest.Text("I like everything")
		} else if !first {
			return llmtest.Text(o.words[15])
		}
		return o.good(c)
	}
	server := batches(t, reply, nil)
	args := batchArgs(output, server.URL, "--llm_reasks=2", "--llm_max_calls=100")
	foray(t, append(args, "--estimate")...).want(t, 0, "calls     240")
	for _, want := range []int{100, 200} {
		foray(t, args...).want(t, 4, "spent budget: 100 requests came to ", "run the same command again to go on")
		if all, _ := lines(server); len(all) != want {
			t.Errorf("%d requests in batches, want %d", len(all), want)
		}
	}
	foray(t, args...).want(t, 0, "240 keys answered", "225 to the letter", "16 were asked again", "published ")
	// 15 once, and one of them a second time, since it got its own cluster.
	if all, _ := lines(server); len(all) != smallKeys+16 {
		t.Errorf("%d requests in batches, want %d", len(all), smallKeys+16)
	}
	for _, r := range lookupRows(t, output) {
		if want := r.Key[0] == 0 && r.Key[1] == 15; want != (r.Status != schemas.StatusOK) {
			t.Errorf("key %v is %s", r.Key, r.Status)
		}
	}
}

// The canary is one call online, before anything is uploaded.
func TestBatchesAreHeldToTheVocabulary(t *testing.T) {
	stubborn := func(llmtest.Call) llmtest.Reply { return llmtest.Text("unconstrained") }
	constrained := llmtest.Constrained(stubborn, llmtest.ChoiceKind)
	for name, chat := range map[string]func(llmtest.Call) llmtest.Reply{"held": constrained, "deaf": stubborn} {
		t.Run(name, func(t *testing.T) {
			output, _ := curated(t)
			calls := llmtest.New(chat)
			files := batches(t, constrained, nil)
			mux := http.NewServeMux()
			mux.Handle("/v1/chat/", calls)
			mux.Handle("/", files)
			server := httptest.NewServer(mux)
			defer server.Close()
			r := foray(t, batchArgs(output, server.URL+"/v1", "--llm_decode=choice")...)
			if n := calls.Calls(); n != 1 {
				t.Errorf("%d calls online, want the canary alone", n)
			}
			if name == "deaf" {
				r.want(t, 1, "ignored constraint")
				if n := files.Calls("upload"); n != 0 {
					t.Errorf("%d files were uploaded", n)
				}
				return
			}
			r.want(t, 0, "240 keys answered", "100.0 % of first answers")
		})
	}
}

func TestBatchesEndWithAdvice(t *testing.T) {
	output, _ := curated(t)
	none := llmtest.Start(t, func(llmtest.Call) llmtest.Reply { return llmtest.Text("a") })
	foray(t, batchArgs(output, none.URL)...).want(t, 1, "bad endpoint", "give an endpoint that takes batches, or ask without, or carry the files by hand")
	spent := batches(t, func(llmtest.Call) llmtest.Reply { return llmtest.SpentQuota() }, nil)
	foray(t, batchArgs(output, spent.URL)...).want(t, 4, "spent quota")
}

func TestRunThroughBatches(t *testing.T) {
	whole, sources := curated(t)
	o := newOracle(t, whole)
	server := batches(t, o.good, nil)
	args := append([]string{"run", "--items", filepath.Join(sources, "items.csv"), "--events", filepath.Join(sources, "events.csv"),
		"--clusters", smallClusters}, batchArgs(whole, server.URL)[1:]...)
	foray(t, args...).want(t, 0, "240 keys answered", "table ")
	before := server.Calls("create")
	foray(t, args...).want(t, 0, "plan: done before", "table ")
	if n := server.Calls("create") - before; n != 0 {
		t.Errorf("the second run created %d batches", n)
	}
}

// answerFiles answers exported files as vLLM's run-batch does.
func answerFiles(t *testing.T, from, to string, reply func(llmtest.Call) llmtest.Reply) (n int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(from, "requests-*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of requests: %v", err)
	}
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		scanner := bufio.NewScanner(f)
		for scanner.Scan() {
			var line struct {
				CustomID    string `json:"custom_id"`
				Method, URL string
				Body        json.RawMessage
			}
			var body struct {
				Model    string
				Messages []struct{ Content string }
			}
			if json.Unmarshal(scanner.Bytes(), &line) != nil || json.Unmarshal(line.Body, &body) != nil || line.Method != "POST" || line.URL != "/v1/chat/completions" || body.Model != "test-model" {
				t.Fatalf("line %s", scanner.Text())
			}
			var contents []string
			for _, m := range body.Messages {
				contents = append(contents, m.Content)
			}
			r := reply(llmtest.Call{Prompt: strings.Join(contents, "\n"), Body: line.Body})
			if r.Status >= 400 {
				fmt.Fprintf(out, `{"id":"vllm-%d","custom_id":%q,"response":{"status_code":%d,"request_id":"r","body":null},"error":%s}`+"\n", n, line.CustomID, r.Status, r.Body)
			} else {
				fmt.Fprintf(out, `{"id":"vllm-%d","custom_id":%q,"response":{"status_code":200,"request_id":"r","body":%s},"error":null}`+"\n", n, line.CustomID, r.Body)
			}
			n++
		}
		if err := scanner.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// Requests go out in files, results come back, and what is left goes out again.
func TestExportAndImport(t *testing.T) {
	output, _ := curated(t)
	o := newOracle(t, output)
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	args := func(mode, files string) []string {
		return []string{"plan", "--output", output, "--planner=openai", "--llm_model=test-model", "--llm_mode=" + mode, "--llm_batch_files=" + files, "--llm_batch_requests=100"}
	}
	failing := o.order[17]
	reply := func(c llmtest.Call) llmtest.Reply {
		key, first := o.keys[c.Prompt]
		switch {
		case !first:
			return llmtest.Text(o.words[15])
		case slices.Equal(key, failing):
			return llmtest.Failure(http.StatusBadRequest, "content_filter", "refused by the filter")
		case key[0] == 3:
			return llmtest.Text("I like everything")
		}
		return o.good(c)
	}
	foray(t, args("export", file("first"))...).want(t, 0, "export: 240 requests in 3 files ", "vllm run-batch -i FILE -o RESULTS --model test-model", "--llm_mode=import")
	foray(t, args("export", file("first"))...).want(t, 2, "requests-00000-of-00003.jsonl of an earlier export")
	if _, err := os.Stat(filepath.Join(output, "lookup")); !os.IsNotExist(err) {
		t.Errorf("export made a table: %v", err)
	}
	if n := answerFiles(t, file("first"), file("results-1.jsonl"), reply); n != smallKeys {
		t.Fatalf("%d requests were exported", n)
	}
	data, err := os.ReadFile(file("results-1.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	whole := strings.SplitAfter(string(data), "\n")
	strange := strings.Repeat("ab", 32)
	// One answer is lost, one is cut, and two are another's.
	carried := strings.Join(whole[2:], "") + whole[0][:50] + "\n" +
		`{"custom_id":"` + strange + `","response":{"status_code":200,"body":{"choices":[{"message":{"content":"x"}}]}}}` + "\n" +
		`{"custom_id":"request-1","response":{"status_code":200,"body":{"choices":[{"message":{"content":"x"}}]}}}` + "\n"
	if err := os.WriteFile(file("results-1.jsonl"), []byte(carried), 0o666); err != nil {
		t.Fatal(err)
	}
	imported := args("import", file("results-*.jsonl"))
	foray(t, append(imported, "--max_failed=0.1")...).want(t, 0,
		"import: 1 files of 241 lines: 237 answers and 1 failures are new, 0 known before; 2 lines answer nothing that is asked, 1 are damaged",
		"import: 17 questions are still to be asked", "237 keys answered", "3 failed", "published ")
	reasons, missing := map[string]string{}, 0
	for _, r := range rejects(t, output) {
		reasons[r.Source] = r.Reason
		if r.Reason == "no answer to it came back" {
			missing++
		}
	}
	if !strings.Contains(reasons[keyName(failing)], "refused by the filter") {
		t.Errorf("the reject of the key that failed tells %q", reasons[keyName(failing)])
	}
	if n := missing; n != 2 {
		t.Errorf("%d rejects tell of keys without an answer, want 2", n)
	}

	// What failed, what is missing, and what is to be asked again.
	foray(t, args("export", file("second"))...).want(t, 0, "export: 18 requests in 1 files ")
	failing = nil
	if n := answerFiles(t, file("second"), file("results-2.jsonl"), reply); n != 18 {
		t.Fatalf("%d requests were exported", n)
	}
	foray(t, imported...).want(t, 0,
		"import: 2 files of 259 lines: 18 answers and 0 failures are new, 237 known before; 2 lines", "240 keys answered, ", "15 were asked again", "published ")
	for _, r := range lookupRows(t, output) {
		if r.Key[0] == 3 && r.Key[1] == 15 {
			continue // its own cluster, again and again
		}
		if r.Status != schemas.StatusOK {
			t.Errorf("key %v is %s", r.Key, r.Status)
		}
	}
	online := llmtest.Start(t, o.good)
	foray(t, planArgs(output, online.URL)...).want(t, 0, "240 keys answered, ")
	if n := online.Calls(); n != 0 {
		t.Errorf("%d calls online for what was imported", n)
	}
	foray(t, args("import", file("nothing-*"))...).want(t, 2, "no file matches")
}

// Both trips at once, into an output that knows neither.
func TestImportOfSeveralTrips(t *testing.T) {
	output, _ := curated(t)
	o := newOracle(t, output)
	dir := t.TempDir()
	var mu sync.Mutex
	reply := func(c llmtest.Call) llmtest.Reply {
		mu.Lock()
		defer mu.Unlock()
		if key, first := o.keys[c.Prompt]; !first {
			return llmtest.Text(o.words[15])
		} else if key[0] == 3 && key[1] != 15 {
			return llmtest.Text("I like everything")
		}
		return o.good(c)
	}
	args := func(output, mode, files string) []string {
		return []string{"plan", "--output", output, "--planner=openai", "--llm_model=test-model", "--llm_mode=" + mode, "--llm_batch_files=" + filepath.Join(dir, files)}
	}
	foray(t, args(output, "export", "1")...).want(t, 0)
	answerFiles(t, filepath.Join(dir, "1"), filepath.Join(dir, "results-1"), reply)
	foray(t, args(output, "import", "results-1")...).want(t, 0, "14 questions are still to be asked")
	foray(t, args(output, "export", "2")...).want(t, 0, "export: 14 requests")
	answerFiles(t, filepath.Join(dir, "2"), filepath.Join(dir, "results-2"), reply)
	other, _ := curated(t)
	foray(t, args(other, "import", "results-*")...).want(t, 0,
		"import: 2 files of 254 lines: 254 answers and 0 failures are new, 0 known before; 0 lines answer nothing that is asked, 0 are damaged", "240 keys answered")
	foray(t, args(other, "export", "3")...).want(t, 0, "export: every question has an answer")
	foray(t, args(other, "import", "results-*")...).want(t, 0, "0 answers and 0 failures are new, 254 known before; 0 lines")
}

func TestModesThatMakeNoSense(t *testing.T) {
	output, _ := curated(t)
	for _, test := range []struct{ args, said string }{
		{"--llm_mode=carrier", "want one of [online batch export import]"},
		{"--llm_mode=export", "need a folder or files"},
		{"--llm_batch_files=x", "need a folder or files"},
		{"--llm_batch_cancel", "add --llm_mode=batch"},
		{"--llm_mode=batch --align", "asks for the scores alone"},
		{"--llm_mode=batch --rematch", "leave out --llm_mode=batch"},
		{"--llm_mode=batch --llm_batch_requests=0", "at least one request"},
	} {
		foray(t, planArgs(output, "http://127.0.0.1:9/v1", strings.Fields(test.args)...)...).want(t, 2, test.said)
	}
}
