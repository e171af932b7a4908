// Package llm holds everything about asking a language model: the prompt, the
// vocabulary that answers are matched with, the identity of a request, the
// client of OpenAI-compatible endpoints, its retries, and the record of what
// was paid for. It knows neither Beam nor Parquet.
//
// Asking is a chain of Askers, each of which does one thing:
//
//	client := llm.NewClient(…)                   one HTTP call
//	asker := llm.Budgeted(client, budget)        so much is spent
//	asker = llm.Limited(asker, limits)           so much at once and a minute
//	asker = llm.Retrying(asker, llm.Retries{})   a few attempts
//	asker = llm.Recorded(asker, log)             nothing is paid for twice
//
// A Decoder holds answers to the vocabulary, and its Canary proves that the
// endpoint does. The prompt and the idea of planning clusters by their descriptions
// are those of Wang et al., "LLMs for User Interest Exploration in Large-scale
// Recommendation Systems" (arXiv 2405.16363).
//
// Only descriptions of clusters ever reach a model: no user, no item.
package llm
