package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"foray/llm/llmtest"
	"foray/schemas"
	"foray/testdata/catalogue"
	"foray/transforms/tables"
)

// embedArgs cluster the small catalogue by an endpoint's vectors.
func embedArgs(sources, output, endpoint string, more ...string) []string {
	return append([]string{"cluster", "--items", filepath.Join(sources, catalogue.ItemsFile), "--events", filepath.Join(sources, catalogue.EventsFile), "--output", output,
		"--clusters", "8", "--embeddings", "openai", "--embed_endpoint", endpoint, "--embed_model", "m", "--embed_batch", "16"}, more...)
}

// smallTexts is the number of different texts of the small catalogue.
func smallTexts(t *testing.T, sources string) int64 {
	t.Helper()
	f, err := os.Open(filepath.Join(sources, catalogue.ItemsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	items, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]bool{}
	for _, row := range items[1:] {
		texts[strings.Join(row[1:], "\n")] = true
	}
	return int64(len(texts))
}

var vectors = llmtest.Embedding(24, llmtest.FromKey)

func TestEmbeddingsThroughFaults(t *testing.T) {
	_, sources := curated(t)
	n := smallTexts(t, sources)
	shares, err := llmtest.ParseShares("429=0.1,500=0.05,truncated=0.05,wrong-json=0.05,reset=0.05")
	if err != nil {
		t.Fatal(err)
	}
	faulty, output := llmtest.Start(t, llmtest.Mix(2, vectors, shares...)), t.TempDir()
	foray(t, embedArgs(sources, output, faulty.URL)...).want(t, 0, "texts embedded")
	m := newest(t, output, schemas.ClustersTable)
	for name, want := range map[string]int64{
		"embed_texts": n, "embed_texts_recorded": 0, "embed_calls": int64(faulty.Calls()), "embed_retries": int64(faulty.Calls()) - (n+15)/16,
	} {
		if m.Counts[name] != want {
			t.Errorf("%s is %d, want %d", name, m.Counts[name], want)
		}
	}
	if m.Counts["embed_prompt_tokens"] == 0 || m.Options["embed_model"] != "m" {
		t.Errorf("counts %v, options %v", m.Counts, m.Options)
	}
	// Paid once: nobody is asked again, and the tables are the same.
	good := llmtest.Start(t, vectors)
	foray(t, embedArgs(sources, output, good.URL)...).want(t, 0)
	if good.Calls() != 0 {
		t.Errorf("%d calls for vectors that were paid for", good.Calls())
	}
	fresh := t.TempDir()
	foray(t, embedArgs(sources, fresh, good.URL, "--embed_batch", "7", "--embed_concurrency", "1")...).want(t, 0)
	for _, table := range []string{schemas.ClustersTable, schemas.ItemClustersTable} {
		if have, want := newest(t, fresh, table).Parts, newest(t, output, table).Parts; !slices.Equal(have, want) {
			t.Errorf("%s: %v, want %v", table, have, want)
		}
	}
	centroid := rows(t, output, schemas.ClustersTable, tables.Read[schemas.Cluster])[0].Centroid
	if len(centroid) <= 24 {
		t.Errorf("centroids of %d numbers: want the 24 of texts, and those of co-engagement", len(centroid))
	}
}

// A killed command is gone on with: what was answered is not paid for again.
func TestEmbeddingsOutliveAKill(t *testing.T) {
	_, sources := curated(t)
	n, output := smallTexts(t, sources), t.TempDir()
	var killed atomic.Pointer[started]
	server := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		if p := killed.Load(); p != nil && c.Number == 9 {
			p.Process.Signal(syscall.SIGKILL)
			return llmtest.Hang()
		}
		return vectors(c)
	})
	args := embedArgs(sources, output, server.URL, "--embed_batch", "4", "--embed_concurrency", "2")
	c := start(t, args...)
	killed.Store(c)
	c.Wait()
	if server.Calls() < 9 {
		t.Skip("the command ended before it was told to die")
	}
	before := server.Calls()
	killed.Store(nil)
	foray(t, args...).want(t, 0)
	calls := int64(server.Calls() - before)
	if least, most := (n+3)/4-9, (n+3)/4-9+2+1; calls < least || calls > most {
		t.Errorf("%d calls after the kill, want %d to %d", calls, least, most)
	}
	m := newest(t, output, schemas.ClustersTable)
	if maybe := m.Counts["embed_maybe_paid"]; maybe < 1 || maybe > 2 {
		t.Errorf("%d calls may have been paid for without an answer, want those in flight", maybe)
	}
}

func TestEmbeddingsStop(t *testing.T) {
	_, sources := curated(t)
	server := llmtest.Start(t, vectors)
	output := t.TempDir()
	args := embedArgs(sources, output, server.URL, "--embed_max_calls=5")
	foray(t, args...).want(t, 4, "5 calls were made of the 5 allowed", "--embed_max_calls")
	if server.Calls() != 5 {
		t.Errorf("%d calls, 5 are allowed", server.Calls())
	}
	foray(t, embedArgs(sources, output, server.URL)...).want(t, 0)
	if m := newest(t, output, schemas.ClustersTable); m.Counts["embed_texts_recorded"] <= 4*16 || m.Counts["embed_texts_recorded"] > 5*16 {
		t.Errorf("%d texts were recorded, want those of 5 calls", m.Counts["embed_texts_recorded"])
	}

	refusing := llmtest.Start(t, func(llmtest.Call) llmtest.Reply {
		return llmtest.Failure(401, "invalid_api_key", "no such key: "+secret)
	})
	t.Setenv("FORAY_TEST_KEY", secret)
	r := foray(t, embedArgs(sources, t.TempDir(), refusing.URL, "--embed_api_key_env=FORAY_TEST_KEY")...)
	r.want(t, 1, "bad API key")
	if strings.Contains(r.stderr+r.stdout, secret) {
		t.Error("the API key was printed")
	}
	for _, usage := range [][]string{
		{"--embeddings=bert"}, {"--embeddings=lsa"}, {"--embed_batch=0"}, {"--embed_model="}, {"--embedding_column=v"},
		{"--embed_max_cost=1"}, {"--embed_api_key_env=FORAY_NOT_SET"}, {"--embed_endpoint=" + server.URL + "/embeddings"}, {"--embed_timeout=0s"},
	} {
		foray(t, embedArgs(sources, t.TempDir(), server.URL, usage...)...).want(t, 2)
	}
}

// A text that the endpoint refuses costs its item, and no other.
func TestEmbeddingsRefused(t *testing.T) {
	_, sources := curated(t)
	var refused atomic.Value
	server := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		refused.CompareAndSwap(nil, c.Inputs[0])
		if slices.Contains(c.Inputs, refused.Load().(string)) {
			return llmtest.Failure(400, "", "this input is too long")
		}
		return vectors(c)
	})
	output := t.TempDir()
	foray(t, embedArgs(sources, output, server.URL, "--embed_concurrency=1", "--max_bad_rows=0.1")...).want(t, 0)
	var why []string
	for _, r := range rejects(t, output) {
		why = append(why, r.Reason)
	}
	if len(why) == 0 || !strings.Contains(why[0], "this input is too long") {
		t.Errorf("rejects %q", why)
	}
	m := newest(t, output, schemas.ItemClustersTable)
	if m.Counts["item_rows"]-m.Rows() != int64(len(why)) {
		t.Errorf("%d rows of items, %d clustered, %d rejected", m.Counts["item_rows"], m.Rows(), len(why))
	}
}
