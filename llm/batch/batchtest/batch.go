package batchtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"foray/llm/llmtest"
)

// batch is one batch of the server.
type batch struct {
	id, input string
	course    Course
	requests  []Request
	at        int // of course.Statuses
	finished  int // requests that were answered, once it has ended
	output    string
	errors    string
}

var ends = []string{"completed", "expired", "cancelled", "failed"}

func (b *batch) status() string { return b.course.Statuses[b.at] }

func (b *batch) ended() bool { return slices.Contains(ends, b.status()) }

func (b *batch) cancel() bool {
	if b.ended() {
		return false
	}
	b.course.Statuses = []string{"cancelling", "cancelled"}
	b.at = 0
	return true
}

func (s *Server) upload(r *http.Request) llmtest.Reply {
	file, _, err := r.FormFile("file")
	if err != nil || r.FormValue("purpose") != "batch" {
		return llmtest.Failure(http.StatusBadRequest, "", "no file for the purpose of a batch")
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return llmtest.Failure(http.StatusBadRequest, "", err.Error())
	}
	return marshal(map[string]any{"id": s.store(string(data)), "object": "file", "purpose": "batch", "bytes": len(data), "status": "processed"})
}

// store keeps a file under a new id.
func (s *Server) store(data string) string {
	id := fmt.Sprintf("file-%d", len(s.files)+1)
	s.files[id] = data
	return id
}

func (s *Server) create(r *http.Request) llmtest.Reply {
	var sent struct {
		InputFileID      string `json:"input_file_id"`
		Endpoint         string
		CompletionWindow string `json:"completion_window"`
	}
	if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
		return llmtest.Failure(http.StatusBadRequest, "", err.Error())
	}
	if sent.Endpoint != "/v1/chat/completions" || sent.CompletionWindow == "" {
		return llmtest.Failure(http.StatusBadRequest, "", "no endpoint or no window")
	}
	data, ok := s.files[sent.InputFileID]
	if !ok {
		return llmtest.Failure(http.StatusBadRequest, "", "Cannot find file "+sent.InputFileID)
	}
	b := &batch{id: fmt.Sprintf("batch_%d", len(s.batches)+1), input: sent.InputFileID}
	requests, refusal := parse(data)
	b.requests = requests
	b.course = s.config.Course(len(s.batches)+1, len(requests))
	if refusal != nil {
		b.course = Course{Statuses: []string{"validating", "failed"}, Errors: []Error{*refusal}}
	}
	if b.course.Statuses == nil {
		b.course.Statuses = []string{"validating", "in_progress", "finalizing", "completed"}
	}
	for i := range b.requests {
		s.asked[b.requests[i].CustomID]++
		b.requests[i].Asked = s.asked[b.requests[i].CustomID]
	}
	s.batches = append(s.batches, b)
	return b.tell()
}

// parse reads an input file as the endpoint validates it.
func parse(data string) ([]Request, *Error) {
	var requests []Request
	seen := map[string]bool{}
	for i, text := range strings.Split(strings.TrimSuffix(data, "\n"), "\n") {
		var sent struct {
			CustomID    string `json:"custom_id"`
			Method, URL string
			Body        json.RawMessage
		}
		var body struct {
			Model    string
			Messages []struct{ Content string }
		}
		if json.Unmarshal([]byte(text), &sent) != nil || json.Unmarshal(sent.Body, &body) != nil || sent.Method != "POST" || sent.URL != "/v1/chat/completions" {
			return nil, &Error{"invalid_json_line", "This line is not parseable as valid JSON.", i + 1}
		}
		if seen[sent.CustomID] {
			return nil, &Error{"duplicate_custom_id", "The custom_id for this request is a duplicate.", i + 1}
		}
		seen[sent.CustomID] = true
		contents := make([]string, len(body.Messages))
		for j, m := range body.Messages {
			contents[j] = m.Content
		}
		requests = append(requests, Request{CustomID: sent.CustomID, Model: body.Model, Prompt: strings.Join(contents, "\n"), Body: string(sent.Body)})
		if requests[0].Model != body.Model {
			return nil, &Error{"mismatched_model", "The provided model does not match the others of the file.", i + 1}
		}
	}
	return requests, nil
}

// list tells the batches, the newest first, two a page.
func (s *Server) list(r *http.Request) llmtest.Reply {
	newest := slices.Clone(s.batches)
	slices.Reverse(newest)
	after := r.URL.Query().Get("after")
	i := slices.IndexFunc(newest, func(b *batch) bool { return b.id == after }) + 1
	page := newest[i:min(i+2, len(newest))]
	told := make([]any, len(page))
	for j, b := range page {
		told[j] = b.json()
	}
	return marshal(map[string]any{"object": "list", "data": told, "has_more": i+2 < len(newest)})
}

// advance moves a batch to its next status, which may be its end.
func (s *Server) advance(b *batch) {
	if b.at+1 == len(b.course.Statuses) {
		return
	}
	b.at++
	if !b.ended() || b.status() == "failed" && b.course.Finished == 0 {
		return
	}
	b.finished = b.course.Finished
	if b.finished < 0 || b.finished > len(b.requests) {
		b.finished = len(b.requests)
	}
	var output, failed strings.Builder
	for i, q := range b.requests {
		switch {
		case i < b.finished:
			reply := s.config.Answer(q)
			to := &output
			if reply.Status == 0 {
				reply.Status = http.StatusOK
			}
			if reply.Status != http.StatusOK {
				to = &failed
			}
			fmt.Fprintf(to, `{"id":"batch_req_%d","custom_id":%q,"response":{"status_code":%d,"request_id":"req_%d","body":%s},"error":null}`+"\n", i, q.CustomID, reply.Status, i, reply.Body)
		case !b.course.Silent:
			fmt.Fprintf(&failed, `{"id":"batch_req_%d","custom_id":%q,"response":null,"error":{"code":"batch_%s","message":"This request could not be executed before the batch ended."}}`+"\n", i, q.CustomID, b.status())
		}
	}
	text := output.String()
	if b.course.Mangle != nil {
		text = b.course.Mangle(text)
	}
	if text != "" {
		b.output = s.store(text)
	}
	if failed.Len() > 0 {
		b.errors = s.store(failed.String())
	}
}

// json is the batch as the endpoint tells it.
func (b *batch) json() map[string]any {
	told := map[string]any{
		"id": b.id, "object": "batch", "endpoint": "/v1/chat/completions", "input_file_id": b.input,
		"completion_window": "24h", "status": b.status(), "created_at": 1700000000, "errors": nil,
		"output_file_id": nil, "error_file_id": nil,
		"request_counts": map[string]int{"total": len(b.requests), "completed": b.finished, "failed": 0},
	}
	if b.status() == "failed" {
		told["errors"] = map[string]any{"object": "list", "data": b.course.Errors}
	}
	if b.output != "" {
		told["output_file_id"] = b.output
	}
	if b.errors != "" {
		told["error_file_id"] = b.errors
	}
	return told
}

func (b *batch) tell() llmtest.Reply { return marshal(b.json()) }

func marshal(v any) llmtest.Reply {
	data, err := json.Marshal(v)
	if err != nil {
		return llmtest.Failure(http.StatusInternalServerError, "", err.Error())
	}
	return llmtest.Reply{Body: string(data)}
}
