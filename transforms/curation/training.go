package curation

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/llm"
	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/read"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// trainingExt is the extension of training/'s parts: chat JSON, a line an
// example, as fine-tuning services take it.
const trainingExt = ".jsonl"

// Training writes training/: for each next cluster its most frequent contexts
// as chat examples in the words of the prompt.
//
//	contexts PCollection<[]byte> -> PCollection<commit.Entry>
func Training(s beam.Scope, cfg Config, contexts beam.PCollection) beam.PCollection {
	s = s.Scope("Training examples")
	return beam.ParDo(s, &trainingFn{Config: cfg}, beam.GroupByKey(s, beam.AddFixedKey(s, contexts)))
}

// trainingFn writes the one part of training/.
type trainingFn struct {
	Config Config
}

func init() {
	register.DoFn4x1[context.Context, int, func(*[]byte) bool, func(commit.Entry), error](&trainingFn{})
}

func (f *trainingFn) ProcessElement(ctx context.Context, _ int, blocks func(*[]byte) bool, entry func(commit.Entry)) error {
	items, err := read.LoadItemMap(ctx, f.Config.Output, f.Config.ItemClusters)
	if err != nil {
		return err
	}
	tuples, err := NewTuples(items.Leaves, f.Config.K+1)
	if err != nil {
		return nil // Histories has said so
	}
	best := newTop(len(items.Leaves), f.Config.ContextsPerLabel, f.Config.MinUsers)
	for block := []byte(nil); blocks(&block); {
		if err := best.merge(block); err != nil {
			return err
		}
	}
	b, err := store.Open(ctx, f.Config.Output)
	if err != nil {
		return err
	}
	clusters, _, err := tables.Read[schemas.Cluster](ctx, b, schemas.ClustersTable, f.Config.Clusters)
	if err != nil {
		return err
	}
	descriptions := map[int32]string{}
	for _, c := range clusters {
		descriptions[c.ClusterID] = c.Description
	}
	// The order that plan shows them in, too.
	var vocabulary []string
	for _, leaf := range items.Leaves {
		vocabulary = append(vocabulary, descriptions[leaf])
	}
	prompt, err := llm.ParsePrompt(f.Config.Prompt)
	if err == nil {
		prompt, err = prompt.With(vocabulary)
	}
	if err != nil {
		entry(commit.Fail(err))
		return nil
	}
	examples := best.all()
	receipt, err := store.WriteAttempt(ctx, b, schemas.TrainingTable, f.Config.Version, 0, 1, trainingExt, func(w io.Writer) (int64, error) {
		out := bufio.NewWriter(w)
		tuple := make([]int32, f.Config.K+1)
		words := make([]string, f.Config.K)
		for _, e := range examples {
			tuples.Tuple(e.number, tuple)
			for i, c := range tuple[:f.Config.K] {
				words[i] = descriptions[c]
			}
			line, err := example(prompt, words, descriptions[tuple[f.Config.K]])
			if err != nil {
				return 0, err
			}
			if _, err := out.Write(line); err != nil {
				return 0, err
			}
		}
		return int64(len(examples)), out.Flush()
	})
	if err != nil {
		return fmt.Errorf("write training examples: %w", err)
	}
	labels, few := 0, int64(0)
	for _, l := range best.labels {
		if len(l) > 0 {
			labels++
		}
		if len(l) > 0 && len(l) < f.Config.ContextsPerLabel {
			few++
		}
	}
	entry(commit.Entry{Receipt: &receipt})
	entry(commit.Count(map[string]int64{
		"training_examples":           int64(len(examples)),
		"training_labels":             int64(labels),
		"training_labels_short":       few,
		"training_labels_without_any": int64(len(items.Leaves) - labels),
	}))
	return nil
}

// example is one line of chat JSON: the prompt and the answer wanted.
func example(prompt *llm.Prompt, key []string, next string) ([]byte, error) {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	asked, err := prompt.Render(key)
	if err != nil {
		return nil, err
	}
	var messages []message
	for _, m := range asked {
		messages = append(messages, message{m.Role, m.Content})
	}
	messages = append(messages, message{"assistant", llm.AnswerMark + " " + next})
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	err = enc.Encode(struct {
		Messages []message `json:"messages"`
	}{messages})
	return line.Bytes(), err
}
