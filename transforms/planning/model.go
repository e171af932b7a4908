package planning

import (
	"strconv"
	"time"

	"foray/llm"
)

// Model says which model is asked, and how.
type Model struct {
	// Purpose tells models apart that a command asks for other things than
	// plans: "", ToEmbed or ToDescribe.
	Purpose string
	// Endpoint is the base URL, Name the model's.
	Endpoint, Name string
	// KeyEnv names the environment variable that holds the API key, KeyFile a
	// file; the key itself is read on the worker and stands nowhere else.
	KeyEnv, KeyFile string
	// Concurrency is the number of calls in flight of a worker process.
	Concurrency int
	Timeout     time.Duration
	// RequestsPerMinute and TokensPerMinute are the endpoint's limits; 0 is
	// none.
	RequestsPerMinute, TokensPerMinute float64
	// MaxCost, in dollars, and MaxCalls end the run; 0 is no limit. Prices are
	// zero if they are not known.
	MaxCost  float64
	MaxCalls int64
	Prices   llm.Prices
	// Split shares limits and budget among shards, up front: workers that are
	// not in one process cannot know of each other.
	Split bool
	// Decode is what holds answers to the vocabulary.
	Decode      llm.Decoding
	Temperature float64
	MaxTokens   int
	// Reasks is how often an answer that plans nothing is asked again.
	Reasks int
	// Align scores candidates; nil leaves their order to votes.
	Align *Align
	// Samples is how many answers each key is asked for, at least 1.
	Samples int
	Seed    uint64
	// Prompt is the text of the prompt template.
	Prompt string
	// Rematch makes the table from stored answers alone, without a call; keys
	// without one are not planned.
	Rematch bool
	// Failed, if not empty, is the name of the file in the output that a
	// Backlog left, once it has asked all there is to ask: nobody is asked
	// again, and keys without an answer failed.
	Failed string
}

// The purposes of models that do not plan. What was spent is counted behind
// them.
const (
	ToEmbed    = "embed"
	ToDescribe = "describe"
)

// flags is what the names of a model's flags begin with.
func (m Model) flags() string {
	if m.Purpose == ToEmbed {
		return m.Purpose
	}
	return "llm"
}

// stored says that answers come from the paid log alone.
func (m Model) stored() bool { return m.Rematch || m.Failed != "" }

// Align says who scores candidates.
type Align struct {
	// Endpoint and Name are the scoring model's.
	Endpoint, Name string
}

// Options are those that answers depend on, for a manifest.
func (m Model) Options() map[string]string {
	options := map[string]string{
		"samples": strconv.Itoa(max(m.Samples, 1)), "llm_model": m.Name, "llm_decode": string(m.Decode), "llm_max_tokens": strconv.Itoa(m.MaxTokens),
		"llm_temperature": strconv.FormatFloat(m.Temperature, 'g', -1, 64), "llm_reasks": strconv.Itoa(m.Reasks),
	}
	if m.Align != nil {
		options["align_model"] = m.Align.Name
	}
	return options
}

// Key reads the API key; the zero key where none is named.
func (m Model) Key() (llm.APIKey, error) {
	if m.KeyFile != "" {
		return llm.KeyFromFile(m.KeyFile)
	}
	return llm.KeyFromEnv(m.KeyEnv)
}
