package main

import (
	"bytes"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"foray/llm/llmtest"
	"foray/schemas"
	"foray/transforms/planning"
)

func TestSpentQuotaGoesOnLater(t *testing.T) {
	output, _ := curated(t)
	o := newOracle(t, output)
	const quota = 100
	var paid atomic.Bool
	server := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		if c.Number > quota && !paid.Load() {
			return llmtest.SpentQuota()
		}
		return o.good(c)
	})
	args := planArgs(output, server.URL, "--llm_concurrency=8")
	foray(t, args...).want(t, 4, "spent quota", "You exceeded your current quota")
	before := server.Calls()
	if n := before - quota; n < 1 || n > 8 {
		t.Errorf("%d calls after the quota was spent, with 8 in flight", n)
	}
	if _, err := os.Stat(filepath.Join(output, "lookup")); !os.IsNotExist(err) {
		t.Errorf("a table was left: %v", err)
	}
	paid.Store(true)
	foray(t, args...).want(t, 0, "published ")
	if n := server.Calls() - before; n != smallKeys-quota {
		t.Errorf("%d calls for the %d keys without an answer", n, smallKeys-quota)
	}
	// The endpoint is no part of an answer's identity.
	other := llmtest.Start(t, o.good)
	foray(t, planArgs(output, other.URL)...).want(t, 0, "published ")
	if n := other.Calls(); n != 0 {
		t.Errorf("%d calls to another endpoint for what was paid for", n)
	}
}

func TestBadKeyFails(t *testing.T) {
	output, _ := curated(t)
	server := llmtest.Start(t, func(llmtest.Call) llmtest.Reply {
		return llmtest.Failure(http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided: "+secret)
	})
	t.Setenv("FORAY_TEST_KEY", secret)
	r := foray(t, planArgs(output, server.URL, "--llm_api_key_env=FORAY_TEST_KEY", "--llm_concurrency=4")...)
	r.want(t, 1, "bad API key")
	if strings.Contains(r.stdout+r.stderr, secret) {
		t.Error("the API key was printed")
	}
	if n := server.Calls(); n > 4 {
		t.Errorf("%d calls with a key that is refused, 4 in flight", n)
	}
	eachFile(t, output, func(path string, data []byte) {
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("the API key is in %s", path)
		}
	})
}

func TestFailedCallsAreRows(t *testing.T) {
	output, _ := curated(t)
	o := newOracle(t, output)
	failing := o.order[17]
	server := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		if slices.Equal(o.keys[c.Prompt], failing) {
			return llmtest.Failure(http.StatusBadRequest, "content_filter", "refused by the filter")
		}
		return o.good(c)
	})
	foray(t, planArgs(output, server.URL)...).want(t, 0)
	for _, r := range lookupRows(t, output) {
		if want := slices.Equal(r.Key, failing); want != (r.Status == schemas.StatusFailed) {
			t.Errorf("key %v is %s", r.Key, r.Status)
		}
	}
	if all := rejects(t, output); len(all) != 1 || all[0].Source != keyName(failing) || !strings.Contains(all[0].Reason, "refused by the filter") {
		t.Errorf("rejects %+v", all)
	}
	foray(t, planArgs(output, server.URL, "--max_failed=0.001")...).want(t, 3, "the share of keys that failed is 0.004167 (1 of 240), above --max_failed=0.001")
}

// interrupt starts a plan, sends it a signal at half of the calls, and gives
// how it ended. The last quarter of the calls is not answered before it has.
func interrupt(t *testing.T, args func(endpoint string) []string, o *oracle, signal os.Signal) (server *llmtest.Server, r ran) {
	t.Helper()
	half := make(chan struct{})
	once := sync.OnceFunc(func() { close(half) })
	var ended atomic.Bool
	server = llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		if c.Number >= smallKeys/2 {
			once()
		}
		if c.Number > smallKeys*3/4 && !ended.Load() {
			return llmtest.Hang()
		}
		return o.varied(c)
	})
	c := start(t, args(server.URL)...)
	select {
	case <-half:
	case <-t.Context().Done():
		t.Fatal("half of the calls were never made")
	}
	if err := c.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	r = finished(t, c)
	ended.Store(true)
	return server, r
}

func TestInterruptedPlanGoesOn(t *testing.T) {
	const inFlight = 8
	undisturbed, _ := curated(t)
	o := newOracle(t, undisturbed)
	foray(t, planArgs(undisturbed, llmtest.Start(t, o.varied).URL, "--min_match_rate=0.5")...).want(t, 0)
	want := newest(t, undisturbed, schemas.LookupTable)

	for _, test := range []struct {
		name   string
		signal os.Signal
		exit   int
		said   []string
	}{
		{"killed", syscall.SIGKILL, -1, nil},
		{"interrupted", syscall.SIGINT, 4, []string{"stopped; run the same command again to go on"}},
		{"terminated", syscall.SIGTERM, 4, []string{"stopped; run the same command again to go on"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			output, _ := curated(t)
			args := func(endpoint string) []string {
				return planArgs(output, endpoint, "--min_match_rate=0.5", "--llm_concurrency="+strconv.Itoa(inFlight), "--llm_timeout=3s")
			}
			server, r := interrupt(t, args, o, test.signal)
			r.want(t, test.exit, test.said...)
			if _, err := os.Stat(filepath.Join(output, "lookup", "CURRENT")); !os.IsNotExist(err) {
				t.Errorf("a table was published: %v", err)
			}
			foray(t, args(server.URL)...).want(t, 0, "published ")
			if n := server.Calls(); n > smallKeys+inFlight {
				t.Errorf("%d calls for %d keys and %d in flight", n, smallKeys, inFlight)
			}
			m := newest(t, output, schemas.LookupTable)
			if !slices.Equal(m.Parts, want.Parts) {
				t.Errorf("parts %v, undisturbed %v", m.Parts, want.Parts)
			}
			if !maps.Equal(onlyAnswers(m.Counts), onlyAnswers(want.Counts)) {
				t.Errorf("counts %v, undisturbed %v", m.Counts, want.Counts)
			}
			again, unsure := int64(server.Calls()-smallKeys), m.Counts[planning.CallsMaybePaid]
			if unsure < again || unsure > inFlight {
				t.Errorf("%d calls may have been paid for; %d keys were asked twice, and %d calls were in flight", unsure, again, inFlight)
			}
			calls := server.Calls()
			foray(t, args(server.URL)...).want(t, 0)
			if n := server.Calls() - calls; n != 0 {
				t.Errorf("a third run made %d calls", n)
			}
		})
	}
}

// TestInterruptPaysForNothingTwice lets the calls in flight end.
func TestInterruptPaysForNothingTwice(t *testing.T) {
	output, _ := curated(t)
	o := newOracle(t, output)
	half := make(chan struct{})
	once := sync.OnceFunc(func() { close(half) })
	server := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		if c.Number >= smallKeys/2 {
			once()
		}
		time.Sleep(50 * time.Millisecond)
		return o.good(c)
	})
	// What it waits for are calls, not their patience.
	args := planArgs(output, server.URL, "--llm_concurrency=16", "--llm_timeout=1h")
	c := start(t, args...)
	<-half
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	finished(t, c).want(t, 4, "stopped; run the same command again to go on")
	if n := server.Calls(); n >= smallKeys {
		t.Fatalf("%d calls before it stopped", n)
	}
	foray(t, args...).want(t, 0, "published ")
	if n := server.Calls(); n != smallKeys {
		t.Errorf("%d calls for %d keys", n, smallKeys)
	}
}

// TestNobodyListens stops when the endpoint has not answered for a while.
func TestNobodyListens(t *testing.T) {
	output, _ := curated(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	foray(t, planArgs(output, "http://"+address)...).want(t, 1, "the endpoint has not answered once: ", "connection refused", "check its URL, and whether its server runs")
	foray(t, planArgs(output, "http://"+address, "--estimate", "--llm_price_prompt=1", "--llm_price_completion=2")...).want(t, 0,
		"calls     240", " of answers", "cost      $0.03 for prompts", "at most $0.03 for answers") // 240 · 64 · 2 / 10⁶
}

// onlyAnswers are the counts that do not depend on who paid when.
func onlyAnswers(counts map[string]int64) map[string]int64 {
	counts = maps.Clone(counts)
	for _, name := range []string{planning.AnswersRecorded, planning.CallsMade, planning.CallsMaybePaid, planning.PromptTokens, planning.CompletionTokens} {
		delete(counts, name)
	}
	return counts
}
