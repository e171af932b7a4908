package planning

import (
	"strconv"
	"time"

	"foray/llm"
	"foray/transforms/planner"
)

// FreeDecoding lets a model answer as it likes.
const FreeDecoding = "free"

// Model says which model is asked, and how.
type Model struct {
	// Endpoint is the base URL, Name the model's.
	Endpoint, Name string
	// KeyEnv names the environment variable that holds the API key, KeyFile a
	// file; the key itself is read on the worker and stands nowhere else.
	KeyEnv, KeyFile string
	// Concurrency is the number of calls in flight of a worker process.
	Concurrency int
	Timeout     time.Duration
	// Decode is FreeDecoding.
	Decode      string
	Temperature float64
	MaxTokens   int
	// PromptPrice and CompletionPrice are in dollars for a million tokens; 0
	// if they are not known.
	PromptPrice, CompletionPrice float64
	// Samples is how many answers each key is asked for, at least 1.
	Samples int
	Seed    uint64
	// Prompt is the text of the prompt template.
	Prompt string
	// Rematch makes the table from stored answers alone, without a call.
	Rematch bool
}

// Options are those that answers depend on, for a manifest.
func (m Model) Options() map[string]string {
	return map[string]string{
		"samples": strconv.Itoa(max(m.Samples, 1)), "llm_model": m.Name, "llm_decode": m.Decode, "llm_max_tokens": strconv.Itoa(m.MaxTokens),
		"llm_temperature": strconv.FormatFloat(m.Temperature, 'g', -1, 64),
	}
}

// Key reads the API key; the zero key where none is named.
func (m Model) Key() (llm.APIKey, error) {
	if m.KeyFile != "" {
		return llm.KeyFromFile(m.KeyFile)
	}
	return llm.KeyFromEnv(m.KeyEnv)
}

// asking makes the questions for keys.
type asking struct {
	Model
	prompt    *llm.Prompt
	world     *World
	successor planner.Planner // nil unless the prompt shows it
}

// newAsking reads the prompt for a world.
func newAsking(m Model, w *World) (*asking, error) {
	prompt, err := llm.ParsePrompt(m.Prompt)
	if err != nil {
		return nil, err
	}
	a := &asking{Model: m, world: w}
	if a.prompt, err = prompt.With(w.Descriptions); err != nil {
		return nil, err
	}
	if a.prompt.Hints() {
		a.successor, err = LoadPlanner(planner.Successor, w)
	}
	return a, err
}

// request is the question for a key.
func (m *asking) request(key []int32) (llm.Request, error) {
	q := llm.Question{Descriptions: m.world.Words(key)}
	if m.successor != nil {
		if next := m.successor.Plan(key, 1, nil); len(next) > 0 {
			q.Successor = m.world.Describe(next[0].Cluster)
		}
	}
	messages, err := m.prompt.Ask(q)
	return llm.Request{
		Model: m.Name, Messages: messages, Temperature: m.Temperature, MaxTokens: m.MaxTokens, Seed: m.Seed,
		Key: key, PromptVersion: m.prompt.Version(),
	}, err
}
