package main

import (
	"encoding/json"
	"sync"
	"testing"

	"foray/llm"
	"foray/llm/llmtest"
	"foray/schemas"
)

// TestSamplesVote asks for four answers a key: twice the planned cluster, once
// another one, once junk.
func TestSamplesVote(t *testing.T) {
	output, _ := curated(t)
	o := newOracle(t, output)
	other := func(key []int32) int32 {
		c := o.novel(key)
		for c == o.novel(key) || c == key[0] || c == key[1] {
			c = (c + 1) % int32(len(o.words))
		}
		return c
	}
	var mu sync.Mutex
	seeds := map[string]map[int64]bool{}
	server := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		var body struct{ Seed int64 }
		if err := json.Unmarshal(c.Body, &body); err != nil {
			t.Error(err)
		}
		mu.Lock()
		if seeds[c.Prompt] == nil {
			seeds[c.Prompt] = map[int64]bool{}
		}
		seeds[c.Prompt][body.Seed] = true
		mu.Unlock()
		key := o.keys[c.Prompt]
		switch c.Of {
		case 1:
			return llmtest.Text(llm.AnswerMark + " " + o.words[other(key)])
		case 3:
			return llmtest.Text("I would rather not say")
		}
		return o.good(c)
	})
	args := planArgs(output, server.URL, "--samples=4", "--llm_temperature=0.7")
	foray(t, append(args, "--estimate")...).want(t, 0, "calls     960")
	foray(t, args...).want(t, 0, "published ",
		"240 keys answered, 0 of them by earlier runs; 0 failed, 0 not planned", "100.0 % of first answers name a cluster (240 to the letter, 0 but for form)",
		"960, 0 of them retries", "9600 of prompts", "50.0 % of 960 answers agree with the plan")
	for _, r := range lookupRows(t, output) {
		want := []schemas.Candidate{{Cluster: o.novel(r.Key), Votes: 2, Score: 0.5}, {Cluster: other(r.Key), Votes: 1, Score: 0.25}}
		if r.Status != schemas.StatusOK || *r.NovelCluster != want[0].Cluster || r.Votes != 2 || r.Samples != 4 || len(r.Candidates) != 2 || r.Candidates[0] != want[0] || r.Candidates[1] != want[1] {
			t.Errorf("key %v is %+v, want %v", r.Key, r, want)
		}
	}
	for prompt, drawn := range seeds {
		if len(drawn) != 4 {
			t.Errorf("%q was drawn with %d seeds", prompt, len(drawn))
		}
	}
	if n := server.Calls(); n != 4*smallKeys {
		t.Errorf("%d calls, want %d", n, 4*smallKeys)
	}
	m := newest(t, output, schemas.LookupTable)
	if m.Counts["votes_of_plans"] != 2*smallKeys || m.Counts["samples"] != 4*smallKeys || m.Counts["answers_matched"] != smallKeys {
		t.Errorf("counts %v", m.Counts)
	}
	// Fewer samples are answered already.
	foray(t, planArgs(output, server.URL, "--samples=2", "--llm_temperature=0.7")...).want(t, 0)
	if n := server.Calls(); n != 4*smallKeys {
		t.Errorf("%d calls for samples that are stored", n-4*smallKeys)
	}
	foray(t, planArgs(output, server.URL, "--samples=2")...).want(t, 2, "--samples=2 with --llm_temperature=0 is one answer 2 times")
	foray(t, planArgs(output, server.URL, "--samples=0")...).want(t, 2, "--samples=0: want at least one answer")
}
