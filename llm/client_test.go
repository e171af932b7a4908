package llm

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"foray/llm/llmtest"
)

func client(t testing.TB, url string, change func(*ClientConfig)) *Client {
	t.Helper()
	cfg := ClientConfig{Endpoint: url, Timeout: 20 * time.Second}
	if change != nil {
		change(&cfg)
	}
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAsk(t *testing.T) {
	var sent map[string]any
	var auth string
	s := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		if err := json.Unmarshal(c.Body, &sent); err != nil {
			t.Error(err)
		}
		auth = c.Header.Get("Authorization")
		if c.Header.Get("Idempotency-Key") != "" {
			t.Error("Idempotency-Key is set: net/http replays such POSTs")
		}
		return llmtest.Text("New cluster: jazz, vinyl")
	})
	c := client(t, s.URL+"/", func(cfg *ClientConfig) { cfg.Key = markedKey(t) })
	r := someRequest()
	r.Temperature = 0
	got, err := c.Ask(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if got.Text != "New cluster: jazz, vinyl" || got.FinishReason != "stop" || got.PromptTokens != 10 ||
		got.CompletionTokens != 4 || got.Endpoint != s.URL || got.Latency <= 0 || got.AskedAt.IsZero() || got.Recorded {
		t.Errorf("answer %+v", got)
	}
	if auth != "Bearer "+marked {
		t.Errorf("Authorization %q", auth)
	}
	want := map[string]any{"model": "m", "temperature": 0.0, "max_tokens": 64.0, "seed": float64(r.ID().drawSeed())}
	for name, value := range want {
		if sent[name] != value {
			t.Errorf("sent %s = %v, want %v", name, sent[name], value)
		}
	}
	if n := len(sent["messages"].([]any)); n != 2 {
		t.Errorf("sent %d messages, want 2", n)
	}
}

func TestSentFields(t *testing.T) {
	for _, tt := range []struct {
		name     string
		omitSeed bool
		change   func(*Request)
		want     string
		lack     []string
	}{
		{"plain", false, func(*Request) {}, `"temperature":0.7,"max_tokens":64,"seed":`, nil},
		{"no temperature", false, func(r *Request) { r.Temperature = -1 }, "", []string{"temperature"}},
		{"no seed", true, func(*Request) {}, "", []string{"seed"}},
		{"no limit", false, func(r *Request) { r.MaxTokens = 0 }, "", []string{"max_tokens"}},
		{"reasoning model", false, func(r *Request) { r.Model = "o3-mini" }, `"max_completion_tokens":64`, []string{`"max_tokens"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var body string
			s := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
				body = string(c.Body)
				return llmtest.Text("a")
			})
			r := someRequest()
			tt.change(&r)
			if _, err := client(t, s.URL, func(cfg *ClientConfig) { cfg.OmitSeed = tt.omitSeed }).Ask(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(body, tt.want) {
				t.Errorf("sent %s without %s", body, tt.want)
			}
			for _, lack := range tt.lack {
				if strings.Contains(body, lack) {
					t.Errorf("sent %s with %s", body, lack)
				}
			}
		})
	}
}

func TestFailures(t *testing.T) {
	raw := func(status int, body string) llmtest.Reply { return llmtest.Reply{Status: status, Body: body} }
	for _, tt := range []struct {
		name     string
		reply    llmtest.Reply
		terminal TerminalKind // 0: a CallError
		retry    bool
		after    time.Duration
		says     string
	}{
		{"rate limit", llmtest.RateLimited(""), 0, true, 0, "Rate limit reached"},
		{"rate limit, seconds", llmtest.RateLimited("7"), 0, true, 7 * time.Second, "429"},
		{"quota", llmtest.SpentQuota(), SpentQuota, false, 0, "add credit"},
		{"quota behind 200", llmtest.HiddenError("insufficient_quota", "none left"), SpentQuota, false, 0, "none left"},
		{"payment required", llmtest.Failure(402, "", "Insufficient credits"), SpentQuota, false, 0, "Insufficient"},
		{"bad key", llmtest.Failure(401, "invalid_api_key", "Incorrect API key"), BadKey, false, 0, "check the key"},
		{"forbidden", llmtest.Failure(403, "", "no"), BadKey, false, 0, "check the key"},
		{"flagged", llmtest.Failure(403, "", "input was flagged"), 0, false, 0, "flagged"},
		{"unknown model", llmtest.Failure(404, "model_not_found", "no such thing"), UnknownModel, false, 0, `not "m"`},
		{"unknown model, vllm", raw(404, `{"object":"error","message":"The model m does not exist.","type":"NotFoundError","param":null,"code":404}`), UnknownModel, false, 0, "does not exist"},
		{"unknown model, 400", raw(400, `{"error":{"message":"invalid id","param":"model","code":null}}`), UnknownModel, false, 0, "invalid id"},
		{"wrong path", raw(404, "404 page not found"), BadEndpoint, false, 0, "/v1"},
		{"refused parameter", raw(400, `{"error":{"message":"Unsupported value","param":"temperature","code":"unsupported_value"}}`), RefusedSetting, false, 0, "leave out temperature"},
		{"too long a prompt", raw(400, `{"error":{"message":"context length","param":"messages","code":"context_length_exceeded"}}`), 0, false, 0, "context length"},
		{"fastapi", raw(422, `{"detail":[{"loc":["body"],"msg":"field required"}]}`), 0, false, 0, "field required"},
		{"server error", llmtest.ServerError(), 0, true, 0, "out of order"},
		{"proxy page", raw(502, "<html>Bad Gateway</html>"), 0, true, 0, "Bad Gateway"},
		{"nothing said", raw(503, ""), 0, true, 0, "Service Unavailable"},
		{"error behind 200", llmtest.HiddenError("overloaded", "try later"), 0, true, 0, "try later"},
		{"error text behind 200", raw(0, `{"error":"loading model"}`), 0, true, 0, "loading model"},
		{"400 behind 200", raw(0, `{"error":{"message":"bad","code":400}}`), 0, false, 0, "bad"},
		{"no choices", llmtest.NoChoices(), 0, true, 0, "no answer"},
		{"failed half-way", raw(0, `{"choices":[{"message":{"content":"a"},"finish_reason":"error"}]}`), 0, true, 0, "no answer"},
		{"no JSON", raw(0, "<html>Welcome</html>"), 0, true, 0, "Welcome"},
		{"truncated", llmtest.Truncated("jazz"), 0, true, 0, "unexpected EOF"},
		{"half of JSON", raw(0, `{"choices":[`), 0, true, 0, "unexpected"},
		{"too much", llmtest.Text(strings.Repeat("x", 5<<10)), 0, false, 0, "too long"},
		{"redirect", llmtest.Reply{Status: 308, Header: map[string]string{"Location": "https://elsewhere.example/v1"}}, BadEndpoint, false, 0, "https://elsewhere.example/v1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := llmtest.Start(t, func(llmtest.Call) llmtest.Reply { return tt.reply })
			c := client(t, s.URL, func(cfg *ClientConfig) { cfg.MaxResponse = 4 << 10 })
			_, err := c.Ask(t.Context(), someRequest())
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %q lacks %q", err, tt.says)
			}
			var terminal *TerminalError
			var call *CallError
			switch {
			case tt.terminal != 0:
				if !errors.As(err, &terminal) || terminal.Kind != tt.terminal || terminal.Advice == "" {
					t.Errorf("error %#v, want a terminal one of kind %v, with advice", err, tt.terminal)
				}
			case !errors.As(err, &call) || call.Retry != tt.retry || call.RetryAfter != tt.after:
				t.Errorf("error %#v, want a call's with Retry %v after %v", err, tt.retry, tt.after)
			}
			if s.Calls() != 1 {
				t.Errorf("%d calls, want 1", s.Calls())
			}
		})
	}
}

func TestHang(t *testing.T) {
	s := llmtest.Start(t, func(llmtest.Call) llmtest.Reply { return llmtest.Hang() })
	_, err := client(t, s.URL, func(c *ClientConfig) { c.Timeout = 10 * time.Millisecond }).Ask(t.Context(), someRequest())
	var call *CallError
	if !errors.As(err, &call) || !call.Retry || !strings.Contains(err.Error(), "within 10ms") {
		t.Errorf("error %v, want a call's that may be made again", err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.Error("the call's own deadline looks like the caller's")
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("stopped by a signal")
	s := llmtest.Start(t, func(llmtest.Call) llmtest.Reply { cancel(why); return llmtest.Hang() })
	_, err := client(t, s.URL, nil).Ask(ctx, someRequest())
	if !errors.Is(err, why) {
		t.Errorf("error %v, want the cause of the cancellation", err)
	}
}

func TestNoServer(t *testing.T) {
	h := httptest.NewServer(http.NotFoundHandler())
	h.Close()
	_, err := client(t, h.URL+"/v1", nil).Ask(t.Context(), someRequest())
	var call *CallError
	if !errors.As(err, &call) || !call.Retry || call.Status != 0 {
		t.Errorf("error %v, want a call's that may be made again", err)
	}
}

func TestUntrustedCertificate(t *testing.T) {
	h := httptest.NewUnstartedServer(http.NotFoundHandler())
	h.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	h.StartTLS()
	defer h.Close()
	_, err := client(t, h.URL, nil).Ask(t.Context(), someRequest())
	var terminal *TerminalError
	if !errors.As(err, &terminal) || terminal.Kind != BadEndpoint {
		t.Errorf("error %v, want a terminal one", err)
	}
}

// Connections serve again, also after failures: as many are made as calls run
// at once.
func TestConnectionsAreKept(t *testing.T) {
	fake := llmtest.New(func(c llmtest.Call) llmtest.Reply {
		if c.Number%2 == 0 {
			return llmtest.ServerError()
		}
		return llmtest.Text("a")
	})
	h := httptest.NewUnstartedServer(fake)
	var opened atomic.Int32
	h.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	h.Start()
	defer h.Close()
	c := client(t, h.URL+"/v1", nil)
	const atOnce = 8
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for range 20 {
				c.Ask(t.Context(), someRequest())
			}
		})
	}
	wg.Wait()
	// A dial races with a connection that becomes free, so some more are made;
	// without reuse it would be one a call.
	if n := opened.Load(); n > 4*atOnce {
		t.Errorf("%d connections for %d calls, %d at once", n, 20*atOnce, atOnce)
	}
}

func TestEndpoints(t *testing.T) {
	for url, want := range map[string]string{
		"http://localhost:8000/v1":    "",
		"https://api.example.com/v1/": "",
		"":                            "base URL such as",
		"localhost:8000/v1":           "base URL such as",
		"ftp://x/v1":                  "base URL such as",
		"http://localhost:8000/v1/chat/completions": "without /chat/completions",
		"https://user:" + marked + "@x.example/v1":  "password",
		"https://x.example/v1?key=" + marked:        "query",
		"http://[" + marked:                         "no URL",
	} {
		_, err := NewClient(ClientConfig{Endpoint: url})
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", url, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", url, err, want)
		} else if strings.Contains(err.Error(), marked) {
			t.Errorf("%s: the error shows the key", url)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		name, value string
		want        time.Duration
	}{
		{"Retry-After", "3", 3 * time.Second},
		{"Retry-After", "0.5", 500 * time.Millisecond},
		{"Retry-After", "Fri, 02 Jan 2026 03:05:05 GMT", time.Minute},
		{"Retry-After", "Fri, 02 Jan 2026 03:03:05 GMT", 0},
		{"Retry-After", "-4", 0},
		{"Retry-After", "NaN", 0},
		{"Retry-After", "1e300", 24 * time.Hour},
		{"Retry-After", "soon", 0},
		{"Retry-After-Ms", "250", 250 * time.Millisecond},
	} {
		if got := retryAfter(http.Header{tt.name: {tt.value}}, now); got != tt.want {
			t.Errorf("%s: %s = %v, want %v", tt.name, tt.value, got, tt.want)
		}
	}
}

func FuzzComplaint(f *testing.F) {
	f.Add([]byte(`{"error":{"message":"m","type":"t","code":404,"param":null}}`), 404)
	f.Add([]byte(`{"error":"m"}`), 200)
	f.Add([]byte(`{"detail":[1]}`), 422)
	f.Add([]byte(`{"error":null}`), 200)
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		said, _ := parseComplaint(body)
		if kind, advice := said.terminal(status, "m"); (kind == 0) != (advice == "") {
			t.Errorf("kind %v with advice %q", kind, advice)
		}
		if n := len([]rune(shorten(said.Message))); n > 401 {
			t.Errorf("a message of %d characters", n)
		}
	})
}

func BenchmarkAsk(b *testing.B) {
	s := llmtest.Start(b, func(llmtest.Call) llmtest.Reply { return llmtest.Text("New cluster: jazz, vinyl") })
	c := client(b, s.URL, nil)
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		r := someRequest()
		for pb.Next() {
			if _, err := c.Ask(context.Background(), r); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
