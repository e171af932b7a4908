package batch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"foray/llm"
)

// Limits bound one input file.
type Limits struct {
	// Requests is the most lines; 0 is 50,000, the Batch API's limit.
	Requests int
	// Bytes is the largest size; 0 is 200,000,000, the Batch API's limit. An
	// upload holds a file twice in memory.
	Bytes int64
}

func (l Limits) orDefault() Limits {
	if l.Requests <= 0 {
		l.Requests = 50_000
	}
	if l.Bytes <= 0 {
		l.Bytes = 200_000_000
	}
	return l
}

// Shard is the requests of one input file: all those with an identity in
// [First, Last].
type Shard struct {
	First, Last llm.ID
	// Requests and Bytes are the file's lines and size when it was planned.
	Requests int
	Bytes    int64
}

// Has tells whether a request with this identity belongs to the shard.
func (s *Shard) Has(id llm.ID) bool {
	return bytes.Compare(s.First[:], id[:]) <= 0 && bytes.Compare(id[:], s.Last[:]) <= 0
}

// planned is a request's line before it is written.
type planned struct {
	id    llm.ID
	bytes int64
}

// Plan divides requests into shards, sorted, of which each file keeps the
// limits. Of requests with one identity it counts one. It holds 40 bytes a
// request in memory.
func Plan(requests Requests, body Body, limits Limits) ([]Shard, error) {
	limits = limits.orDefault()
	var all []planned
	var model string
	for r, err := range requests {
		if err != nil {
			return nil, fmt.Errorf("plan batches: %w", err)
		}
		if len(all) == 0 {
			model = r.Model
		}
		if r.Model != model {
			return nil, fmt.Errorf("plan batches: requests to the models %q and %q; a file holds those to one, so plan each model alone", model, r.Model)
		}
		id := r.ID()
		data, err := encode(id, r, body)
		if err != nil {
			return nil, fmt.Errorf("plan batches: %w", err)
		}
		if int64(len(data)) > limits.Bytes {
			return nil, fmt.Errorf("plan batches: the request about %v takes %d bytes, but a file may hold %d: allow more", r.Key, len(data), limits.Bytes)
		}
		all = append(all, planned{id, int64(len(data))})
	}
	slices.SortFunc(all, func(a, b planned) int { return bytes.Compare(a.id[:], b.id[:]) })
	all = slices.CompactFunc(all, func(a, b planned) bool { return a.id == b.id })
	var shards []Shard
	for _, p := range all {
		last := len(shards) - 1
		if last < 0 || shards[last].Requests == limits.Requests || shards[last].Bytes+p.bytes > limits.Bytes {
			shards = append(shards, Shard{First: p.id})
			last++
		}
		shards[last].Last = p.id
		shards[last].Requests++
		shards[last].Bytes += p.bytes
	}
	return shards, nil
}

// errFull ends a pass over requests early.
var errFull = errors.New("the shard is full")

// Write writes the shard's file, in the order of requests: for each identity
// one line, {"custom_id": identity, "method", "url", "body"}. It holds one line
// in memory, and an identity for each. It returns how many lines it wrote,
// which is fewer than planned if requests have been answered since, and never
// more.
func (s *Shard) Write(w io.Writer, requests Requests, body Body) (int, error) {
	seen := make(map[llm.ID]bool, s.Requests)
	var size int64
	err := s.each(requests, func(id llm.ID, r llm.Request) error {
		if seen[id] {
			return nil
		}
		data, err := encode(id, r, body)
		if err != nil {
			return err
		}
		if len(seen) == s.Requests || size+int64(len(data)) > s.Bytes {
			return errFull
		}
		seen[id] = true
		size += int64(len(data))
		_, err = w.Write(data)
		return err
	})
	if err != nil && !errors.Is(err, errFull) {
		return len(seen), fmt.Errorf("write a batch file: %w", err)
	}
	return len(seen), nil
}

// each passes over the shard's requests.
func (s *Shard) each(requests Requests, f func(llm.ID, llm.Request) error) error {
	for r, err := range requests {
		if err != nil {
			return err
		}
		id := r.ID()
		if !s.Has(id) {
			continue
		}
		if err := f(id, r); err != nil {
			return err
		}
	}
	return nil
}
