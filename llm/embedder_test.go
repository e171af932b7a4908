package llm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"foray/llm/llmtest"
)

func embedderOf(t *testing.T, url string, log Log, batch int) *Embedder {
	t.Helper()
	client, err := NewClient(ClientConfig{Endpoint: url, Timeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return NewEmbedder(Retrying(client, Retries{Attempts: 30, First: time.Millisecond, Longest: 2 * time.Millisecond}), log,
		EmbedConfig{Model: "m", Batch: batch, Calls: 4, Key: func(ID) []int32 { return []int32{7} }})
}

func embedAll(e *Embedder, texts []string) (map[int][]float32, Embedded, error) {
	got := map[int][]float32{}
	told, err := e.Embed(context.Background(), texts, func(i int, v []float32) error {
		got[i] = v
		return nil
	})
	return got, told, err
}

func someTexts(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("text %d of a kind", i)
	}
	return texts
}

// An endpoint that goes wrong in every way gives every text its vector all the
// same; equal texts are asked once, and nothing is asked again.
func TestEmbedderThroughFaults(t *testing.T) {
	shares, err := llmtest.ParseShares("429=0.1,500=0.1,hang=0.03,truncated=0.1,200-error=0.05,wrong-json=0.05,no-choices=0.05,junk=0.05,reset=0.05")
	if err != nil {
		t.Fatal(err)
	}
	s := llmtest.Start(t, llmtest.Mix(3, llmtest.Embedding(5, llmtest.FromKey), shares...))
	log := &memory{}
	texts := append(someTexts(200), "", "text 7 of a kind", "text 7 of a kind")
	for _, asked := range []int64{200, 0} {
		got, told, err := embedAll(embedderOf(t, s.URL, log, 16), texts)
		if err != nil {
			t.Fatal(err)
		}
		if told.Asked != asked || told.Recorded != 200-asked || len(told.Refused) != 0 {
			t.Errorf("%d asked, %d recorded, %d refused, want %d asked", told.Asked, told.Recorded, len(told.Refused), asked)
		}
		for i, text := range texts {
			if want := llmtest.VectorOf(text, 5); text == "" && got[i] != nil || text != "" && !slices.Equal(got[i], want) {
				t.Fatalf("the vector of %q is %v, want %v", text, got[i], want)
			}
		}
	}
	calls := s.Calls()
	if _, _, err := embedAll(embedderOf(t, s.URL, log, 3), append(texts, "new")); err != nil || s.Calls() == calls {
		t.Errorf("one more text: %v, %d more calls", err, s.Calls()-calls)
	}
	tokens := 0
	for _, r := range log.records {
		tokens += r.PromptTokens
		if !slices.Equal(r.Key, []int32{7}) || r.Model != "m" || r.Endpoint != s.URL {
			t.Fatalf("record %+v", r)
		}
	}
	if tokens != 200*5+1 {
		t.Errorf("%d tokens in the records, want those of every text once", tokens)
	}
}

// A text that the endpoint refuses is found among the others of its call.
func TestEmbedderFindsWhatIsRefused(t *testing.T) {
	for _, status := range []int{400, 413, 422, 500} {
		good := llmtest.Embedding(3, llmtest.FromKey)
		s := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
			if slices.Contains(c.Inputs, "too long") {
				return llmtest.Failure(status, "", "the input is too long")
			}
			return good(c)
		})
		texts := append(someTexts(30), "too long", "too long")
		got, told, err := embedAll(embedderOf(t, s.URL, &memory{}, 8), texts)
		if err != nil || len(got) != 30 || told.Asked != 30 {
			t.Errorf("%d: %v; %d vectors, %d asked", status, err, len(got), told.Asked)
		}
		if len(told.Refused) != 2 || told.Refused[30] == nil || told.Refused[31].Status != status {
			t.Errorf("%d: refused %v", status, told.Refused)
		}
	}
}

func TestEmbedderFails(t *testing.T) {
	good := llmtest.Embedding(3, llmtest.FromKey)
	for name, test := range map[string]struct {
		reply func(llmtest.Call) llmtest.Reply
		says  string
		kind  TerminalKind
	}{
		"quota":     {llmtest.QuotaOf(2, good), "quota", SpentQuota},
		"bad key":   {func(llmtest.Call) llmtest.Reply { return llmtest.Failure(401, "invalid_api_key", "no") }, "key", BadKey},
		"model":     {func(llmtest.Call) llmtest.Reply { return llmtest.Failure(404, "model_not_found", "no") }, "model", UnknownModel},
		"no vector": {func(c llmtest.Call) llmtest.Reply { c.Inputs = c.Inputs[1:]; return good(c) }, "vectors for", 0},
		"empty":     {llmtest.Embedding(0, llmtest.FromKey), "empty", 0},
	} {
		log := &memory{}
		_, told, err := embedAll(embedderOf(t, llmtest.Start(t, test.reply).URL, log, 4), someTexts(40))
		var terminal *TerminalError
		if errors.As(err, &terminal); err == nil || !strings.Contains(err.Error(), test.says) || (terminal == nil) != (test.kind == 0) || terminal != nil && terminal.Kind != test.kind {
			t.Errorf("%s: %v", name, err)
		}
		if int(told.Asked) != len(log.records) {
			t.Errorf("%s: %d asked, %d recorded", name, told.Asked, len(log.records))
		}
	}
	log := &memory{lookupErr: errors.New("gone")}
	var terminal *TerminalError
	if _, _, err := embedAll(embedderOf(t, "http://127.0.0.1:1/v1", log, 4), someTexts(3)); !errors.As(err, &terminal) || terminal.Kind != LogFailed {
		t.Errorf("a log that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := embedderOf(t, "http://127.0.0.1:1/v1", &memory{}, 4).Embed(ctx, someTexts(3), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// What is hashed never changes, or all vectors would be paid for again.
func TestEmbeddingIDGolden(t *testing.T) {
	r := Request{Model: "text-embedding-3-small", Inputs: []string{"red lamp"}, Dimensions: 256, Seed: 9, Sample: 2, Temperature: 1, Key: []int32{1}}
	if got, want := r.ID().String(), "3c3835708b21ec018263c538a5ed96c9266fed48d79cc152ba377ae36795808b"; got != want {
		t.Errorf("identity %s, want %s", got, want)
	}
	seen := map[ID]bool{}
	for _, change := range []func(*Request){
		func(*Request) {}, func(r *Request) { r.Model = "x" }, func(r *Request) { r.Dimensions = 0 },
		func(r *Request) { r.Inputs = []string{"red", "lamp"} }, func(r *Request) { r.Inputs = []string{"red lamp", ""} },
	} {
		other := r
		change(&other)
		if seen[other.ID()] {
			t.Errorf("two requests have one identity: %+v", other)
		}
		seen[other.ID()] = true
	}
}

func FuzzDecodeVector(f *testing.F) {
	f.Add(EncodeVector([]float32{1, -0.5, 1e-30}))
	f.Add("AAAA")
	f.Add("AADAfw==") // a NaN
	f.Fuzz(func(t *testing.T, line string) {
		v, err := DecodeVector(line)
		if err != nil {
			return
		}
		for _, x := range v {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				t.Fatalf("%q gives %v", line, v)
			}
		}
		again, err := DecodeVector(EncodeVector(v))
		if err != nil || !slices.Equal(v, again) || len(v) == 0 {
			t.Fatalf("%q gives %v, and again %v (%v)", line, v, again, err)
		}
	})
}
