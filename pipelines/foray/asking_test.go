package main

import (
	"encoding/json"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"foray/llm"
	"foray/llm/llmtest"
	"foray/schemas"
	"foray/transforms/planning"
)

// Held to the vocabulary in each way, every answer is novel; an endpoint that
// ignores the constraint is found out by one call, and nothing is paid for.
func TestHeldToTheVocabulary(t *testing.T) {
	stubborn := func(c llmtest.Call) llmtest.Reply { return llmtest.Text("unconstrained") }
	for decode, kind := range map[llm.Decoding]string{
		llm.SchemaDecoding: llmtest.SchemaKind, llm.ChoiceDecoding: llmtest.ChoiceKind,
		llm.GrammarDecoding: llmtest.GrammarKind, llm.GuidanceDecoding: llmtest.GrammarKind,
	} {
		t.Run(string(decode), func(t *testing.T) {
			output, _ := curated(t)
			server := llmtest.Start(t, llmtest.Constrained(stubborn, kind))
			args := planArgs(output, server.URL, "--llm_decode="+string(decode))
			foray(t, args...).want(t, 0, "240 keys answered", "100.0 % of first answers name a cluster (240 to the letter", "published ")
			if n := server.Calls(); n != smallKeys+1 {
				t.Errorf("%d calls, want one a key and a canary", n)
			}
			for _, r := range lookupRows(t, output) {
				if r.Status != schemas.StatusOK || slices.Contains(r.Key, *r.NovelCluster) {
					t.Errorf("key %v is %s, plan %v", r.Key, r.Status, r.NovelCluster)
				}
			}
			foray(t, args...).want(t, 0)
			if n := server.Calls(); n != smallKeys+1 {
				t.Errorf("the second run made %d calls", n-smallKeys-1)
			}

			deaf := llmtest.Start(t, stubborn)
			other, _ := curated(t)
			foray(t, planArgs(other, deaf.URL, "--llm_decode="+string(decode))...).want(t, 1, "ignored constraint", "unconstrained", "--llm_decode="+string(decode))
			if n := deaf.Calls(); n != 1 {
				t.Errorf("%d calls to an endpoint that does not constrain, want the canary alone", n)
			}
		})
	}
}

// A blocked cluster is in no constraint.
func TestBlockedClusterIsNotOffered(t *testing.T) {
	output, _ := curated(t)
	o := newOracle(t, output)
	blocked := filepath.Join(t.TempDir(), "blocked")
	if err := os.WriteFile(blocked, []byte("3\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	server := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		choices := llmtest.ReadConstraint(c).Choices
		if slices.Contains(choices, llm.AnswerMark+" "+o.words[3]) {
			return llmtest.Failure(http.StatusBadRequest, "blocked", "a blocked cluster is offered")
		}
		reply, _ := llmtest.ReadConstraint(c).Answer(c.Prompt)
		return reply
	})
	foray(t, planArgs(output, server.URL, "--llm_decode=choice", "--block_clusters="+blocked)...).want(t, 0, "published ")
}

// A free answer that plans nothing is asked again with the reason, and the
// match rate is that of first answers.
func TestAsksAgain(t *testing.T) {
	output, _ := curated(t)
	o := newOracle(t, output)
	server := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		var body struct {
			Messages []llm.Message
		}
		if err := json.Unmarshal(c.Body, &body); err != nil {
			t.Error(err)
		}
		key, first := o.keys[c.Prompt]
		if first {
			if key[0] == 0 {
				return llmtest.Text("I like everything")
			}
			return o.good(c)
		}
		last := len(body.Messages) - 1
		said := body.Messages[last-1]
		if said.Role != llm.RoleAssistant || !strings.Contains(body.Messages[last].Content, "none of the clusters") &&
			!strings.Contains(body.Messages[last].Content, "clusters that were given") {
			t.Errorf("asked again by %v", body.Messages[last-1:])
		}
		key = o.keys[body.Messages[0].Content+"\n"+body.Messages[1].Content]
		if said.Content == "I like everything" {
			return llmtest.Text(o.words[key[1]]) // its own cluster
		}
		return llmtest.Text(o.words[o.novel(key)])
	})
	args := planArgs(output, server.URL, "--llm_reasks=2")
	foray(t, args...).want(t, 0, "93.8 % of first answers name a cluster (225 to the letter, 0 but for form); 30 were asked again", "published ")
	for _, r := range lookupRows(t, output) {
		if r.Status != schemas.StatusOK || *r.NovelCluster != o.novel(r.Key) || r.Samples != 1 {
			t.Errorf("key %v is %s after %d samples", r.Key, r.Status, r.Samples)
		}
	}
	if n := len(rejects(t, output)); n != 30 {
		t.Errorf("%d rejects, want the 30 answers that were asked again", n)
	}
	if n := server.Calls(); n != smallKeys+30 {
		t.Errorf("%d calls, want %d", n, smallKeys+30)
	}
	foray(t, args...).want(t, 0)
	if n := server.Calls(); n != smallKeys+30 {
		t.Errorf("the second run made %d calls", n-smallKeys-30)
	}
	// Once more with fewer: what was paid for is used, the rest is not needed.
	foray(t, planArgs(output, server.URL, "--llm_reasks=1", "--min_match_rate=0.9")...).want(t, 0)
	if r := lookupRows(t, output)[0]; r.Status != schemas.StatusNotNovel {
		t.Errorf("after one question more key %v is %s", r.Key, r.Status)
	}
}

// The run stops before it spends more than it may, and goes on when it is
// started again.
func TestBudget(t *testing.T) {
	for name, test := range map[string]struct {
		flags []string
		most  int // calls a run
		said  string
	}{
		"calls": {[]string{"--llm_max_calls=100"}, 100, "100 calls were made of the 100 allowed"},
		// A prompt costs 10 tokens by the server's count, an answer some more.
		"cost": {[]string{"--llm_max_cost=0.003", "--llm_price_prompt=1", "--llm_price_completion=1"}, 140, "of the $0.003000 allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			output, _ := curated(t)
			o := newOracle(t, output)
			server := llmtest.Start(t, o.good)
			args := planArgs(output, server.URL, append(test.flags, "--llm_concurrency=4", "--llm_max_tokens=20")...)
			calls, runs := 0, 0
			for ; runs < 10; runs++ {
				r := foray(t, args...)
				now := server.Calls() - calls
				calls += now
				if now > test.most {
					t.Errorf("%d calls in a run, want at most %d", now, test.most)
				}
				if r.exit == 0 {
					break
				}
				r.want(t, 4, "spent budget", test.said, "run the same command again")
			}
			if runs < 1 || runs > 4 || calls != smallKeys {
				t.Errorf("%d calls in %d runs, want %d in some", calls, runs+1, smallKeys)
			}
		})
	}
	output, _ := curated(t)
	foray(t, planArgs(output, "http://127.0.0.1:1/v1", "--llm_max_cost=1")...).want(t, 2, "--llm_max_cost needs the prices")
	foray(t, planArgs(output, "http://127.0.0.1:1/v1", "--llm_max_calls=-1")...).want(t, 2, "--llm_max_calls -1")
}

// What a run cost stands in the manifest.
func TestManifestTellsOfCalls(t *testing.T) {
	output, _ := curated(t)
	o := newOracle(t, output)
	server := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		key := o.keys[c.Prompt]
		switch {
		case c.Of == 1 && key[0] == 0:
			return llmtest.RateLimited("0")
		case c.Of == 1 && key[0] == 1:
			return llmtest.Truncated("half")
		}
		return o.good(c)
	})
	foray(t, planArgs(output, server.URL, "--llm_price_prompt=2", "--llm_price_completion=4")...).want(t, 0,
		"270, 30 of them retries; 15 got HTTP status 429; 15 without an answer may have been paid for", "2400 of prompts", ": $0.0")
	m := newest(t, output, schemas.LookupTable)
	for name, want := range map[string]int64{
		planning.CallsMade: 270, planning.CallsRepeated: 30, planning.CallsLimited: 15, planning.CallsMaybePaid: 15, planning.PromptTokens: 2400,
		planning.CostMicroUSD: 2400*2 + 4*m.Counts[planning.CompletionTokens],
	} {
		// Without a price of what was cut off: no budget, nothing was reserved.
		if m.Counts[name] != want {
			t.Errorf("the manifest counts %d %s, want %d", m.Counts[name], name, want)
		}
	}
	if m.Counts[planning.CompletionTokens] == 0 {
		t.Error("no tokens of answers")
	}
}

// Candidates are planned by a second model's score, not by votes.
func TestAlign(t *testing.T) {
	output, _ := curated(t)
	o := newOracle(t, output)
	other := func(key []int32) int32 {
		c := o.novel(key)
		for c == o.novel(key) || slices.Contains(key, c) {
			c = (c + 1) % int32(len(o.words))
		}
		return c
	}
	proposer := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		if c.Of == 1 {
			return llmtest.Text(llm.AnswerMark + " " + o.words[other(o.keys[c.Prompt])])
		}
		return o.good(c)
	})
	judge := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		if c.Model != "judge" {
			t.Errorf("model %q is asked for a score", c.Model)
		}
		lines := strings.Split(c.Prompt, "\n")
		var key []int32
		for _, line := range lines[len(lines)-3:] {
			_, words, _ := strings.Cut(line, ": ")
			for id, w := range o.words {
				if w == words {
					key = append(key, id)
				}
			}
		}
		if len(key) != 3 {
			t.Fatalf("no key and candidate in %q", c.Prompt)
		}
		switch {
		case key[2] == o.novel(key[:2]):
			return llmtest.Text("3")
		case key[0] == 0:
			return llmtest.Text("very likely indeed")
		}
		return llmtest.Text(" 8.5/10")
	})
	args := planArgs(output, proposer.URL, "--samples=3", "--llm_temperature=1", "--align", "--align_model=judge", "--align_endpoint="+judge.URL)
	foray(t, args...).want(t, 0, "465 candidates scored, 15 without a score", "published ")
	for _, r := range lookupRows(t, output) {
		want, score := other(r.Key), 8.5
		if r.Key[0] == 0 {
			want, score = o.novel(r.Key), 3
		}
		if len(r.Candidates) != 2 || *r.NovelCluster != want || math.Abs(r.Candidates[0].Score-score) > 1e-9 {
			t.Errorf("key %v: candidates %v, want %d first with %g", r.Key, r.Candidates, want, score)
		}
	}
	if n := judge.Calls(); n != 2*smallKeys {
		t.Errorf("%d scores asked for, want %d", n, 2*smallKeys)
	}
	foray(t, args...).want(t, 0)
	if n := judge.Calls(); n != 2*smallKeys {
		t.Errorf("the second run asked for %d scores", n-2*smallKeys)
	}
	foray(t, planArgs(output, proposer.URL, "--align_model=judge")...).want(t, 2, "add --align")
}

// Answers are data: whatever they hold, the table, the terminal and the report
// stay as they are.
func TestHostileAnswers(t *testing.T) {
	output, _ := curated(t)
	o := newOracle(t, output)
	hostile := []string{
		"\x1b[2J\x1b]0;owned\a", "<script>alert(1)</script>", "a\x00b\x01", strings.Repeat("x", 1<<20), "\xff\xfe\xfd", `{"error": "no"}`,
		"\u202eevil", "{{.}} %s %n", "'; DROP TABLE lookup; --", "line\r\nline", "🦊",
	}
	server := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		n := int(o.keys[c.Prompt][0]*16+o.keys[c.Prompt][1]) % (2 * len(hostile))
		if n < len(hostile) {
			return llmtest.Text(hostile[n])
		}
		return o.good(c)
	})
	r := foray(t, planArgs(output, server.URL, "--min_match_rate=0")...)
	r.want(t, 0, "published ")
	shown := foray(t, "inspect", output+"/lookup")
	rejected := foray(t, "inspect", output+"/rejects")
	for _, text := range []string{r.stdout, r.stderr, shown.stdout, rejected.stdout} {
		for _, bad := range []string{"\x1b", "\x00", "\x01", "\a", "\u202e"} {
			if strings.Contains(text, bad) {
				t.Errorf("%q is printed in %.200q", bad, text)
			}
		}
	}
	bad := 0
	for _, row := range lookupRows(t, output) {
		if row.Status == schemas.StatusNoMatch {
			bad++
		}
	}
	if n := len(rejects(t, output)); n != bad || bad < 50 {
		t.Errorf("%d rows without a plan and %d rejects", bad, n)
	}
	for _, reject := range rejects(t, output) {
		if len(reject.Raw) > 1024 {
			t.Errorf("the reject of %s has %d bytes", reject.Source, len(reject.Raw))
		}
	}
	// The log keeps them as they came, for another look.
	foray(t, planArgs(output, server.URL, "--min_match_rate=0", "--rematch")...).want(t, 0, "240 of them by earlier runs")
}

// Rates are kept to: so many requests a minute take their time.
func TestRequestsAMinute(t *testing.T) {
	output, _ := curated(t)
	o := newOracle(t, output)
	server := llmtest.Start(t, o.good)
	estimate := foray(t, planArgs(output, server.URL, "--estimate", "--llm_requests_per_minute=120", "--llm_tokens_per_minute=1000")...)
	estimate.want(t, 0, "at least 47m")
	foray(t, planArgs(output, server.URL, "--llm_requests_per_minute=-1")...).want(t, 2, "--llm_requests_per_minute=-1")
	// 240 calls at 6,000 a minute are no more than 100 a second.
	r := foray(t, planArgs(output, server.URL, "--llm_requests_per_minute=6000")...)
	r.want(t, 0, "at least 2s at the limits given")
	var seconds float64
	for _, line := range strings.Split(r.stdout+r.stderr, "\n") {
		if fields := strings.Fields(line); len(fields) == 5 && fields[0] == "plan" {
			seconds, _ = strconv.ParseFloat(fields[4], 64)
		}
	}
	if seconds < float64(smallKeys-1)/100 {
		t.Errorf("%d calls in %g s, want at most 100 a second", smallKeys, seconds)
	}
}
