package paidlog

import (
	"time"

	"foray/llm"
)

// Row is a row of a part of answers/: one answer, as it was paid for. Rows of
// a part are sorted by id, and no two have the same.
type Row struct {
	// ID is the identity of the request, in 64 hex digits.
	ID string `parquet:"id"`
	// Key is the clusters that were asked about, oldest first.
	Key           []int32 `parquet:"key,list"`
	Model         string  `parquet:"model,dict"`
	Endpoint      string  `parquet:"endpoint,dict"`
	PromptVersion string  `parquet:"prompt_version,dict"`
	// Sample counts the answers to one prompt from 0.
	Sample int32 `parquet:"sample"`
	// Answer is the raw text.
	Answer           string `parquet:"answer,dict"`
	PromptTokens     int32  `parquet:"prompt_tokens"`
	CompletionTokens int32  `parquet:"completion_tokens"`
	FinishReason     string `parquet:"finish_reason,dict"`
	// AskedAt is in UTC, to the microsecond.
	AskedAt   time.Time `parquet:"asked_at,timestamp(microsecond)"`
	LatencyMS int64     `parquet:"latency_ms"`
}

func rowOf(r *llm.Record) Row {
	return Row{
		ID: r.ID.String(), Key: r.Key, Model: r.Model, Endpoint: r.Endpoint, PromptVersion: r.PromptVersion,
		Sample: int32(r.Sample), Answer: r.Text, PromptTokens: int32(r.PromptTokens),
		CompletionTokens: int32(r.CompletionTokens), FinishReason: r.FinishReason,
		AskedAt: r.AskedAt.UTC(), LatencyMS: r.Latency.Milliseconds(),
	}
}
