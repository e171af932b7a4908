package finetune

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Format is the format of a saved Job.
const Format = 1

// Job is one fine-tuning job, and all that another process needs to go on.
type Job struct {
	Format int `json:"format"`
	// Endpoint is where the job runs. Elsewhere nobody knows its ids.
	Endpoint string `json:"endpoint"`
	// Model is the model to start from, Suffix a part of the new one's name.
	Model  string `json:"model"`
	Suffix string `json:"suffix,omitempty"`
	// Epochs is the number of passes over the examples; 0 leaves it to the
	// provider.
	Epochs int `json:"epochs,omitempty"`
	// Vocabulary identifies the descriptions that the examples are about.
	Vocabulary string `json:"vocabulary"`

	TrainingFile   string `json:"training_file,omitempty"`
	ValidationFile string `json:"validation_file,omitempty"`
	ID             string `json:"id,omitempty"`
	// Creating tells that a job was asked for, and no answer came yet.
	Creating bool   `json:"creating,omitempty"`
	Status   string `json:"status,omitempty"`
	// Tuned is the new model's name, once it is there.
	Tuned string `json:"tuned,omitempty"`
	// Step of Steps are done, as far as is known; Loss is the last one told.
	Step  int     `json:"step,omitempty"`
	Steps int     `json:"steps,omitempty"`
	Loss  float64 `json:"loss,omitempty"`

	Checkpoints []*Checkpoint `json:"checkpoints,omitempty"`
}

// Checkpoint is a model that a job left on its way, or at its end.
type Checkpoint struct {
	Step  int    `json:"step"`
	Model string `json:"model"`
	// Figures are what the judge found; nil as long as it has not looked.
	Figures *Figures `json:"figures,omitempty"`
}

// Figures judge a model on held-out keys.
type Figures struct {
	Keys int `json:"keys"`
	// Match is the share of answers that name a cluster, Recall of those that
	// name the one of the example; Distinct counts the clusters named.
	Match    float64 `json:"match"`
	Recall   float64 `json:"recall"`
	Distinct int     `json:"distinct"`
}

// Parse reads a saved job.
func Parse(data []byte) (*Job, error) {
	var j Job
	if err := json.Unmarshal(data, &j); err != nil {
		return nil, fmt.Errorf("no fine-tuning job: %w", err)
	}
	return &j, j.Check()
}

// Check tells whether its format is known, and its ids can be ids.
func (j *Job) Check() error {
	if j.Format != Format {
		return fmt.Errorf("a fine-tuning job of format %d, want %d", j.Format, Format)
	}
	for _, id := range []string{j.ID, j.TrainingFile, j.ValidationFile} {
		if id != "" && !plainID(id) {
			return fmt.Errorf("%q is no id", id)
		}
	}
	return nil
}

// plainID tells whether an id can stand in a URL's path as it is, where
// go-openai puts it without escaping.
func plainID(id string) bool {
	return id != "" && len(id) <= 512 && strings.Trim(id, ".") != "" && strings.IndexFunc(id, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:~", r))
	}) < 0
}

// The statuses that a job ends with.
const (
	Succeeded = "succeeded"
	Failed    = "failed"
	Cancelled = "cancelled"
)

// Ended tells whether the provider is done with the job.
func (j *Job) Ended() bool {
	return j.Status == Succeeded || j.Status == Failed || j.Status == Cancelled
}
