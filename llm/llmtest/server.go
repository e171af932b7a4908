// Package llmtest is an OpenAI-compatible chat endpoint for tests: a program
// decides about every call, so that it answers, stalls and fails as real
// endpoints do, on demand and without a network.
package llmtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Call is one request as the endpoint saw it.
type Call struct {
	Model string
	// Prompt is the contents of all messages, joined by line breaks.
	Prompt string
	// Of counts the calls with this prompt, Number all calls; both from 1.
	Of, Number int
	Header     http.Header
	// Body is the JSON that was sent.
	Body []byte
}

// Reply is what the endpoint does with a call.
type Reply struct {
	// Status is the HTTP status; 0 is 200.
	Status int
	Header map[string]string
	Body   string
	// Latency passes before the reply.
	Latency time.Duration
	// Hang keeps the call until the client gives up.
	Hang bool
	// Truncate drops the connection after half of the body.
	Truncate bool
}

// Text answers with this text, for 10 tokens of prompt and one a word.
func Text(text string) Reply {
	body, err := json.Marshal(map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "fake",
		"choices": []any{map[string]any{
			"index": 0, "finish_reason": "stop",
			"message": map[string]any{"role": "assistant", "content": text},
		}},
		"usage": map[string]any{"prompt_tokens": 10, "completion_tokens": len(strings.Fields(text))},
	})
	if err != nil {
		panic(err) // maps of strings and numbers always encode
	}
	return Reply{Body: string(body)}
}

// Failure answers with an HTTP status and an error body.
func Failure(status int, code, message string) Reply {
	return Reply{Status: status, Body: fmt.Sprintf(`{"error":{"message":%q,"type":"error","param":null,"code":%q}}`, message, code)}
}

// RateLimited is a 429; retryAfter is the header's value, none if empty.
func RateLimited(retryAfter string) Reply {
	r := Failure(http.StatusTooManyRequests, "rate_limit_exceeded", "Rate limit reached")
	if retryAfter != "" {
		r.Header = map[string]string{"Retry-After": retryAfter}
	}
	return r
}

// ServerError is a 500.
func ServerError() Reply {
	return Failure(http.StatusInternalServerError, "server_error", "out of order")
}

// SpentQuota is the 429 that no waiting mends.
func SpentQuota() Reply {
	return Failure(http.StatusTooManyRequests, "insufficient_quota", "You exceeded your current quota")
}

// HiddenError is an error behind HTTP status 200.
func HiddenError(code, message string) Reply { return Failure(0, code, message) }

// NoChoices is a 200 without an answer.
func NoChoices() Reply {
	return Reply{Body: `{"id":"chatcmpl-1","object":"chat.completion","choices":[]}`}
}

// Hang never answers.
func Hang() Reply { return Reply{Hang: true} }

// Truncated is an answer that ends half-way.
func Truncated(text string) Reply {
	r := Text(text)
	r.Truncate = true
	return r
}

// QuotaOf answers n calls with reply, and all others with SpentQuota.
func QuotaOf(n int, reply func(Call) Reply) func(Call) Reply {
	return func(c Call) Reply {
		if c.Number > n {
			return SpentQuota()
		}
		return reply(c)
	}
}

// Server is the endpoint, an http.Handler of POST /v1/chat/completions. Safe
// for concurrent use.
type Server struct {
	// URL is the base URL with /v1, if Start made the server.
	URL string

	reply func(Call) Reply
	mu    sync.Mutex
	total int
	calls map[string]int
}

// New makes a server that asks reply about every call, maybe at the same time.
func New(reply func(Call) Reply) *Server {
	return &Server{reply: reply, calls: map[string]int{}}
}

// Start serves on a local port until the test ends.
func Start(t testing.TB, reply func(Call) Reply) *Server {
	t.Helper()
	s := New(reply)
	h := httptest.NewServer(s)
	t.Cleanup(func() {
		h.CloseClientConnections() // frees the calls that hang
		h.Close()
	})
	s.URL = h.URL + "/v1"
	return s
}

// Calls is the number of calls so far.
func (s *Server) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// CallsOf is the number of calls with this prompt, as in Call.Prompt.
func (s *Server) CallsOf(prompt string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[prompt]
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1/chat/completions" || r.Method != http.MethodPost {
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client went away
	}
	call, err := s.count(r, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.send(w, r, s.reply(call))
}

func (s *Server) count(r *http.Request, body []byte) (Call, error) {
	var sent struct {
		Model    string
		Messages []struct{ Content string }
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		return Call{}, err
	}
	contents := make([]string, len(sent.Messages))
	for i, m := range sent.Messages {
		contents[i] = m.Content
	}
	prompt := strings.Join(contents, "\n")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total++
	s.calls[prompt]++
	return Call{Model: sent.Model, Prompt: prompt, Of: s.calls[prompt], Number: s.total, Header: r.Header, Body: body}, nil
}

func (s *Server) send(w http.ResponseWriter, r *http.Request, reply Reply) {
	if reply.Hang {
		<-r.Context().Done()
		return
	}
	if reply.Latency > 0 {
		select {
		case <-time.After(reply.Latency):
		case <-r.Context().Done():
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	for name, value := range reply.Header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(reply.Body)))
	if reply.Status != 0 {
		w.WriteHeader(reply.Status)
	}
	if reply.Truncate {
		// net/http drops the connection when less comes than was announced.
		io.WriteString(w, reply.Body[:len(reply.Body)/2])
		return
	}
	io.WriteString(w, reply.Body)
}
