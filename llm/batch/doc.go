// Package batch asks a model through files: by the OpenAI Batch API, which
// answers within a day for half of the price, or by files that somebody
// carries to a server and back, such as to vLLM's run-batch.
//
//	Plan     requests → shards, each of which fits a file
//	Shard    writes its file, one line a request, under the request's identity
//	Read     a file of results → answers and failures
//	Results  the rows of several files, joined with the requests they answer
//	Runner   uploads, creates, polls and reads batches until all is answered
//
// A shard is a range of identities. So a few bytes tell which requests are
// under way, whatever has been answered meanwhile, and another process takes
// over from them (see Store). Nothing is asked twice while a batch may still
// answer it.
//
// What a request looks like in JSON, and what a response means, is the online
// client's to say (Body, Reply and Call), so an answer is the same whichever
// way it came. The formats are those of
// https://platform.openai.com/docs/api-reference/batch and of
// vllm/entrypoints/openai/run_batch.py.
package batch
