package batch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"foray/llm"
	"foray/llm/llmtest"
)

func TestShardsHoldEveryRequestOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		requests := someRequests(random.IntN(60))
		for i := range requests { // lines of several lengths
			requests[i].Messages[0].Content += strings.Repeat("<é>", random.IntN(40))
		}
		distinct := len(requests)
		if distinct > 0 {
			requests = slices.Insert(requests, 0, requests[random.IntN(distinct)])
		}
		limits := Limits{Requests: 1 + random.IntN(20), Bytes: int64(1500 + random.IntN(5000))}
		shards, err := Plan(all(requests), plainBody, limits)
		if err != nil {
			t.Fatal(err)
		}
		times := map[string]int{}
		for i, s := range shards {
			if i > 0 && bytes.Compare(shards[i-1].Last[:], s.First[:]) >= 0 {
				t.Fatalf("shards %d and %d overlap", i-1, i)
			}
			var file bytes.Buffer
			n, err := s.Write(&file, all(requests), plainBody)
			if err != nil {
				t.Fatal(err)
			}
			if n != s.Requests || int64(file.Len()) != s.Bytes || n > limits.Requests || s.Bytes > limits.Bytes || n == 0 {
				t.Fatalf("wrote %d lines and %d bytes of %+v, limits %+v", n, file.Len(), s, limits)
			}
			for text := range strings.Lines(file.String()) {
				var l struct {
					CustomID, Method, URL string
					Body                  struct{ Messages []struct{ Content string } }
				}
				if err := json.Unmarshal([]byte(strings.Replace(text, "custom_id", "CustomID", 1)), &l); err != nil {
					t.Fatal(err)
				}
				if l.Method != "POST" || l.URL != "/v1/chat/completions" {
					t.Fatalf("line %s", text)
				}
				times[l.CustomID]++
			}
		}
		if len(times) != distinct {
			t.Fatalf("%d requests in files, want %d", len(times), distinct)
		}
		for _, r := range requests {
			if times[r.ID().String()] != 1 {
				t.Fatalf("request about %v stands in files %d times", r.Key, times[r.ID().String()])
			}
		}
	}
}

// What came since the plan must not make a file larger than the limits.
func TestShardNeverGrows(t *testing.T) {
	requests := someRequests(60)
	shards, err := Plan(all(requests[:20]), plainBody, Limits{})
	if err != nil || len(shards) != 1 {
		t.Fatal(shards, err)
	}
	whole := Shard{Requests: 20, Bytes: shards[0].Bytes}
	for i := range whole.Last {
		whole.Last[i] = 0xff
	}
	var file bytes.Buffer
	for _, text := range []string{"", "a rather long question, longer than those that were planned"} {
		for i := range 40 {
			requests[20+i].Messages[0].Content = text + strconv.Itoa(i)
		}
		file.Reset()
		newest := slices.Clone(requests)
		slices.Reverse(newest)
		if n, err := whole.Write(&file, all(newest), plainBody); err != nil || n > 20 || n < 10 || int64(file.Len()) > whole.Bytes {
			t.Errorf("wrote %d lines, %d bytes, %v; want at most 20, %d", n, file.Len(), err, whole.Bytes)
		}
	}
	file.Reset()
	if n, err := whole.Write(&file, all(requests[:5]), plainBody); err != nil || n != 5 {
		t.Errorf("wrote %d lines, %v; want the 5 that are left", n, err)
	}
}

func TestPlanErrors(t *testing.T) {
	broken := errors.New("broken")
	mixed := someRequests(2)
	mixed[1].Model = "other"
	for _, tt := range []struct {
		name     string
		requests Requests
		body     Body
		limits   Limits
		want     string
	}{
		{"two models", all(mixed), plainBody, Limits{}, "plan each model alone"},
		{"long request", all(someRequests(1)), plainBody, Limits{Bytes: 50}, "allow more"},
		{"no body", all(someRequests(1)), func(llm.Request) ([]byte, error) { return nil, broken }, Limits{}, "broken"},
		{"no requests", func(yield func(llm.Request, error) bool) { yield(llm.Request{}, broken) }, plainBody, Limits{}, "broken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Plan(tt.requests, tt.body, tt.limits); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestWriteError(t *testing.T) {
	shards, err := Plan(all(someRequests(3)), plainBody, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	r.CloseWithError(io.ErrShortWrite)
	if _, err := shards[0].Write(w, all(someRequests(3)), plainBody); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("error %v, want the writer's", err)
	}
}

// A request is the same whichever way it goes, to the byte: only what a batch
// puts around it differs.
func TestBodyIsTheOnlineOne(t *testing.T) {
	var sent string
	s := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		sent = string(c.Body)
		return llmtest.Text("a")
	})
	c := online(t, s.URL)
	for _, change := range []func(*llm.Request){
		func(r *llm.Request) { r.Messages[0].Content = "a \"b\" <c> é \u2028\n" },
		func(r *llm.Request) { r.Temperature, r.Sample = 0.7, 2 },
		func(r *llm.Request) { r.Temperature, r.MaxTokens = -1, 0 },
		func(r *llm.Request) { r.Constraint = `{"structured_outputs":{"choice":["<a>","b"]}}` },
	} {
		r := someRequests(1)[0]
		change(&r)
		if _, err := c.Ask(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		for name, body := range map[string]Body{"the online client": c.Body, "a client without an endpoint": llm.Offline().Body} {
			data, err := encode(r.ID(), r, body)
			if err != nil {
				t.Fatal(err)
			}
			want := `{"custom_id":"` + r.ID().String() + `","method":"POST","url":"/v1/chat/completions","body":` + sent + "}\n"
			if string(data) != want {
				t.Errorf("%s makes the line %s\nwant %s", name, data, want)
			}
			if !json.Valid(data) || strings.Count(string(data), "\n") != 1 {
				t.Errorf("no line of JSON: %q", data)
			}
		}
	}
}

// BenchmarkPlan tells what the passes over 100,000 requests take: one plans,
// another writes one of ten files.
func BenchmarkPlan(b *testing.B) {
	requests := someRequests(100_000)
	for b.Loop() {
		shards, err := Plan(all(requests), plainBody, Limits{Requests: 10_000})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := shards[0].Write(io.Discard, all(requests), plainBody); err != nil {
			b.Fatal(err)
		}
	}
}
