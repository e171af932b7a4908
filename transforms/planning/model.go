package planning

import (
	"strconv"
	"time"

	"foray/llm"
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
	Seed        uint64
	// Prompt is the text of the prompt template.
	Prompt string
	// Rematch makes the table from stored answers alone, without a call.
	Rematch bool
}

// Options are those that answers depend on, for a manifest.
func (m Model) Options() map[string]string {
	return map[string]string{
		"llm_model": m.Name, "llm_decode": m.Decode, "llm_max_tokens": strconv.Itoa(m.MaxTokens),
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

// request is the question for a key.
func (m Model) request(prompt *llm.Prompt, key []int32, descriptions []string) (llm.Request, error) {
	messages, err := prompt.Render(descriptions)
	return llm.Request{
		Model: m.Name, Messages: messages, Temperature: m.Temperature, MaxTokens: m.MaxTokens, Seed: m.Seed,
		Key: key, PromptVersion: prompt.Version(),
	}, err
}
