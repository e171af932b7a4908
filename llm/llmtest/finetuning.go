package llmtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// FineTuning plays OpenAI's fine-tuning API beside the chat endpoint of a
// Server, which answers for the checkpoints: POST /v1/files, and jobs below
// /v1/fine_tuning/jobs. A job does Stride steps whenever it is looked at.
//
//	f := &llmtest.FineTuning{Chat: server, Steps: 30, Stride: 10, Every: 10}
//	http.ListenAndServe(address, f)
type FineTuning struct {
	// Chat answers everything else.
	Chat http.Handler
	// Steps are those of a job; at every Every of them there is a checkpoint.
	Steps, Stride, Every int
	// FailAt is the step at which a job fails; 0 is never.
	FailAt int
	// Fault, if it returns true, has taken care of a call; calls count from 1.
	Fault func(call int, w http.ResponseWriter, r *http.Request) bool

	mu    sync.Mutex
	calls int
	files map[string][]byte
	jobs  []*tuning
}

// tuning is a job.
type tuning struct {
	id, model, training, validation, status string
	step                                    int
	events                                  []string // the newest last
}

// Files are the contents of what was uploaded, by id.
func (f *FineTuning) Files() map[string][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	files := map[string][]byte{}
	for id, data := range f.files {
		files[id] = data
	}
	return files
}

// Jobs is the number of jobs that were created.
func (f *FineTuning) Jobs() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.jobs)
}

// ServeHTTP implements http.Handler.
func (f *FineTuning) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ours := strings.CutPrefix(r.URL.Path, "/v1/fine_tuning/jobs")
	if !ours && r.URL.Path != "/v1/files" {
		f.Chat.ServeHTTP(w, r)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.Fault != nil && f.Fault(f.calls, w, r) {
		return
	}
	path = strings.Trim(path, "/")
	switch {
	case !ours:
		f.upload(w, r)
	case path == "":
		f.create(w, r)
	default:
		id, what, _ := strings.Cut(path, "/")
		for _, j := range f.jobs {
			if j.id == id {
				f.about(w, j, what)
				return
			}
		}
		http.Error(w, `{"error":{"message":"no such job","code":"job_not_found"}}`, http.StatusNotFound)
	}
}

func (f *FineTuning) upload(w http.ResponseWriter, r *http.Request) {
	part, _, err := r.FormFile("file")
	if err != nil || r.FormValue("purpose") != "fine-tune" {
		http.Error(w, `{"error":{"message":"no file to fine-tune with"}}`, http.StatusBadRequest)
		return
	}
	data, err := io.ReadAll(part)
	if err != nil {
		return // the client went away
	}
	if f.files == nil {
		f.files = map[string][]byte{}
	}
	id := fmt.Sprintf("file-%d", len(f.files)+1)
	f.files[id] = data
	reply(w, map[string]any{"id": id, "object": "file", "purpose": "fine-tune", "bytes": len(data)})
}

func (f *FineTuning) create(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Model          string `json:"model"`
		TrainingFile   string `json:"training_file"`
		ValidationFile string `json:"validation_file"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || f.files[asked.TrainingFile] == nil {
		http.Error(w, `{"error":{"message":"the training file is not there"}}`, http.StatusBadRequest)
		return
	}
	j := &tuning{id: fmt.Sprintf("ftjob-%d", len(f.jobs)+1), model: asked.Model, training: asked.TrainingFile, validation: asked.ValidationFile, status: "running"}
	f.jobs = append(f.jobs, j)
	reply(w, j.json())
}

func (f *FineTuning) about(w http.ResponseWriter, j *tuning, what string) {
	switch what {
	case "":
		f.advance(j)
		reply(w, j.json())
	case "cancel":
		j.status = "cancelled"
		reply(w, j.json())
	case "events":
		var events []map[string]any
		for i := range j.events {
			e := j.events[len(j.events)-1-i]
			level := "info"
			if strings.HasPrefix(e, "The job failed") {
				level = "error"
			}
			events = append(events, map[string]any{"object": "fine_tuning.job.event", "level": level, "message": e})
		}
		reply(w, map[string]any{"object": "list", "data": events})
	default:
		http.Error(w, `{"error":{"message":"no such call"}}`, http.StatusNotFound)
	}
}

// advance does the next steps of a job.
func (f *FineTuning) advance(j *tuning) {
	for range f.Stride {
		if j.status != "running" {
			return
		}
		if j.step++; j.step == f.FailAt {
			j.status = "failed"
			j.events = append(j.events, "The job failed due to an invalid example")
			return
		}
		j.events = append(j.events, fmt.Sprintf("Step %d/%d: training loss=%.2f", j.step, f.Steps, 10/float64(j.step)))
		if f.Every > 0 && j.step%f.Every == 0 {
			j.events = append(j.events, fmt.Sprintf("Checkpoint created at step %d with Snapshot ID: ft:%s:ckpt-step-%d", j.step, j.model, j.step))
		}
		if j.step == f.Steps {
			j.status = "succeeded"
			j.events = append(j.events, "New fine-tuned model created", "The job has successfully completed")
		}
	}
}

func (j *tuning) json() map[string]any {
	m := map[string]any{"id": j.id, "object": "fine_tuning.job", "model": j.model, "status": j.status, "training_file": j.training, "validation_file": j.validation}
	if j.status == "succeeded" {
		m["fine_tuned_model"] = "ft:" + j.model + ":tuned"
	}
	return m
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(body)
}
