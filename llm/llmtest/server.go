// Package llmtest is an OpenAI-compatible endpoint for tests, of chats and embeddings: a program
// decides about every call, so that it answers, stalls and fails as real
// endpoints do, on demand and without a network.
//
//	s := llmtest.Start(t, reply)              a server for one test
//	s := llmtest.StartPiped(t, reply)         the same without sockets, for testing/synctest
//	reply := llmtest.Mix(seed, good, shares…) some calls go wrong, the same ones each time
//	shares, err := llmtest.ParseShares("429=0.05,hang=0.01")
//	reply := llmtest.Novel(descriptions)      as a good model answers the built-in prompts
//	reply := llmtest.Constrained(free)        answers as constraints want
//	reply := llmtest.Embedding(64, chat)      vectors of texts by their words
//	http.Handle("/", llmtest.New(reply))      by hand: go run ./scripts/misbehave
package llmtest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Call is one request as the endpoint saw it.
type Call struct {
	Model string
	// Prompt is the contents of all messages, or all inputs, joined by line
	// breaks.
	Prompt string
	// Inputs are the texts of a call for embeddings.
	Inputs []string
	// Of counts the calls with this prompt, Number all calls; both from 1.
	Of, Number int
	Header     http.Header
	// Body is the JSON that was sent.
	Body []byte
}

// Server is the endpoint, an http.Handler of POST /v1/chat/completions and
// /v1/embeddings. Safe
// for concurrent use.
type Server struct {
	// URL is the base URL with /v1, if Start made the server.
	URL string

	reply func(Call) Reply
	mu    sync.Mutex
	total int
	calls map[string]int
	// now and most count the calls under way.
	now, most int
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

// Repeats is the number of prompts by how often each was asked.
func (s *Server) Repeats() map[int]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	repeats := map[int]int{}
	for _, n := range s.calls {
		repeats[n]++
	}
	return repeats
}

// MostAtOnce is the most calls that were under way at a time.
func (s *Server) MostAtOnce() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1/chat/completions" && r.URL.Path != "/v1/embeddings" || r.Method != http.MethodPost {
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
	defer s.left()
	s.reply(call).send(w, r)
}

func (s *Server) left() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now--
}

func (s *Server) count(r *http.Request, body []byte) (Call, error) {
	var sent struct {
		Model    string
		Messages []struct{ Content string }
		Input    []string
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		return Call{}, err
	}
	contents := make([]string, len(sent.Messages))
	for i, m := range sent.Messages {
		contents[i] = m.Content
	}
	prompt := strings.Join(append(contents, sent.Input...), "\n")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total++
	s.calls[prompt]++
	s.now++
	s.most = max(s.most, s.now)
	return Call{Model: sent.Model, Prompt: prompt, Inputs: sent.Input, Of: s.calls[prompt], Number: s.total, Header: r.Header, Body: body}, nil
}
