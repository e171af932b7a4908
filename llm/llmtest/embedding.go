package llmtest

import (
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"strings"
)

// Embedding answers calls for embeddings with vectors of so many dimensions,
// and all others as chat does. A text's vector is the sum of its words', which
// are drawn by the word, so texts that share words are near each other.
func Embedding(dims int, chat func(Call) Reply) func(Call) Reply {
	return func(c Call) Reply {
		if c.Inputs == nil {
			return chat(c)
		}
		data := make([]any, len(c.Inputs))
		words := 0
		for i, text := range c.Inputs {
			data[len(data)-1-i] = map[string]any{"object": "embedding", "index": i, "embedding": VectorOf(text, dims)}
			words += len(strings.Fields(text))
		}
		body, err := json.Marshal(map[string]any{
			"object": "list", "model": c.Model, "data": data,
			"usage": map[string]any{"prompt_tokens": words, "total_tokens": words},
		})
		if err != nil {
			panic(err) // strings and finite numbers always encode
		}
		return Reply{Body: string(body)}
	}
}

// VectorOf is Embedding's vector of a text.
func VectorOf(text string, dims int) []float32 {
	vector := make([]float32, dims)
	for _, word := range strings.Fields(strings.ToLower(text)) {
		h := fnv.New64a()
		h.Write([]byte(word))
		rng := rand.New(rand.NewPCG(h.Sum64(), 1))
		for j := range vector {
			vector[j] += float32(rng.NormFloat64())
		}
	}
	return vector
}
