// Package batchtest is an OpenAI-compatible Batch API for tests: files,
// batches, their course over several polls, and their failures, on demand and
// without a network.
package batchtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/sashabaranov/go-openai"

	"foray/llm/llmtest"
)

// Request is one line of an input file as the endpoint saw it.
type Request struct {
	CustomID, Model string
	// Prompt is the contents of all messages, joined by line breaks.
	Prompt string
	// Body is the JSON of the request.
	Body string
	// Asked counts the batches with this custom_id, from 1.
	Asked int
}

// Course is what becomes of a batch.
type Course struct {
	// Statuses are told one a poll, the last one for ever; nil is validating,
	// in_progress, finalizing, completed. From "failed" on, Errors are told.
	Statuses []string
	Errors   []Error
	// Finished is how many requests, the first of the file, are answered when
	// it ends; below 0, all; 0 of one that failed leaves no file. The others expire, or are cancelled: with an
	// error in the error file, or without a word if Silent.
	Finished int
	Silent   bool
	// Mangle changes the output file; nil leaves it.
	Mangle func(output string) string
}

// Complete is the course of a batch that nothing happens to.
func Complete() Course { return Course{Finished: -1} }

// Error is why a batch failed as a whole.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Line    int    `json:"line,omitempty"`
}

// Config decides what the endpoint does. Its functions may be nil.
type Config struct {
	// Answer replies to a request: with HTTP status 200, 0 meaning that, in
	// the output file, and else in the error file. Nil answers "ok".
	Answer func(Request) llmtest.Reply
	// Course plans the batch of this number, from 1, with so many requests.
	Course func(number, requests int) Course
	// Fault, with true, replies in place of the endpoint. call is upload,
	// content, create, list, retrieve or cancel; n counts those from 1.
	Fault func(call string, n int) (Fault, bool)
}

// Fault is a call that goes wrong.
type Fault struct {
	Reply llmtest.Reply
	// Lost tells that the call is carried out all the same.
	Lost bool
}

// Server is the endpoint, an http.Handler below /v1. Safe for concurrent use.
type Server struct {
	// URL is the base URL with /v1, if Start made the server.
	URL string

	config  Config
	mu      sync.Mutex
	files   map[string]string
	batches []*batch
	calls   map[string]int
	asked   map[string]int
}

// New makes a server.
func New(c Config) *Server {
	if c.Answer == nil {
		c.Answer = func(Request) llmtest.Reply { return llmtest.Text("ok") }
	}
	if c.Course == nil {
		c.Course = func(int, int) Course { return Complete() }
	}
	if c.Fault == nil {
		c.Fault = func(string, int) (Fault, bool) { return Fault{}, false }
	}
	return &Server{config: c, files: map[string]string{}, calls: map[string]int{}, asked: map[string]int{}}
}

// Start serves on a local port until the test ends.
func Start(t testing.TB, c Config) *Server {
	t.Helper()
	s := New(c)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.URL = h.URL + "/v1"
	return s
}

// Client is a go-openai client of the server that needs no network, and so
// works in a bubble of testing/synctest.
func (s *Server) Client() *openai.Client {
	c := openai.DefaultConfig("")
	c.BaseURL = "http://batch.test/v1"
	c.HTTPClient = doer{s}
	return openai.NewClientWithConfig(c)
}

type doer struct{ s *Server }

func (d doer) Do(r *http.Request) (*http.Response, error) {
	if r.Context().Err() != nil {
		return nil, r.Context().Err()
	}
	w := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	d.s.ServeHTTP(w, r)
	return w.Result(), nil
}

// Calls is the number of calls of this name so far, as in Config.Fault.
func (s *Server) Calls(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[name]
}

// Asked is how many batches held this custom_id.
func (s *Server) Asked(customID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[customID]
}

// Uploaded are the contents of the input files of all batches, in the order
// in which these were created.
func (s *Server) Uploaded() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	files := make([]string, len(s.batches))
	for i, b := range s.batches {
		files[i] = s.files[b.input]
	}
	return files
}

// Abort cancels all batches, as a person does in a browser.
func (s *Server) Abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.batches {
		b.cancel()
	}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call, id := route(r)
	if call == "" {
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[call]++
	fault, faulty := s.config.Fault(call, s.calls[call])
	if !faulty || fault.Lost {
		reply := s.serve(r, call, id)
		if !faulty {
			send(w, reply)
			return
		}
	}
	send(w, fault.Reply)
}

// route names the call of a request, "" if there is none.
func route(r *http.Request) (call, id string) {
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	switch pattern := fmt.Sprint(r.Method, " ", path[0], " ", len(path)); {
	case pattern == "POST files 1":
		return "upload", ""
	case pattern == "GET files 3" && path[2] == "content":
		return "content", path[1]
	case pattern == "POST batches 1":
		return "create", ""
	case pattern == "GET batches 1":
		return "list", ""
	case pattern == "GET batches 2":
		return "retrieve", path[1]
	case pattern == "POST batches 3" && path[2] == "cancel":
		return "cancel", path[1]
	}
	return "", ""
}

func (s *Server) serve(r *http.Request, call, id string) llmtest.Reply {
	switch call {
	case "upload":
		return s.upload(r)
	case "content":
		if data, ok := s.files[id]; ok {
			return llmtest.Reply{Body: data}
		}
		return llmtest.Failure(http.StatusNotFound, "", "No such File object: "+id)
	case "create":
		return s.create(r)
	case "list":
		return s.list(r)
	}
	for _, b := range s.batches {
		if b.id != id {
			continue
		}
		if call == "cancel" {
			if !b.cancel() {
				return llmtest.Failure(http.StatusConflict, "", "Cannot cancel a batch with status '"+b.status()+"'.")
			}
			return b.tell()
		}
		s.advance(b)
		return b.tell()
	}
	return llmtest.Failure(http.StatusNotFound, "", "No batch found with id '"+id+"'.")
}

func send(w http.ResponseWriter, reply llmtest.Reply) {
	w.Header().Set("Content-Type", "application/json")
	for name, value := range reply.Header {
		w.Header().Set(name, value)
	}
	if reply.Status != 0 {
		w.WriteHeader(reply.Status)
	}
	fmt.Fprint(w, reply.Body)
}
