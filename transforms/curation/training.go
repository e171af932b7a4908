package curation

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/llm"
	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/packed"
	"foray/transforms/read"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// trainingExt is the extension of training/'s parts: chat JSON, a line an
// example, as fine-tuning services take it.
const trainingExt = ".jsonl"

// topContexts packs the numbers and users of each label's most frequent
// transitions of a shard: enough to know the most frequent of all shards.
func (f *tablesFn) topContexts(c counted, leaves int64) []byte {
	top := topPerLabel(c, leaves, f.Config.ContextsPerLabel, f.Config.MinUsers)
	return packed.Encode(top.numbers, top.counts)
}

// topPerLabel keeps of each label (the last leaf of a number) the n numbers
// with the most users, of equals the lowest, ordered by label, then users.
func topPerLabel(c counted, leaves int64, n int, minUsers int64) counted {
	var order []int
	for i := range c.numbers {
		if c.counts[i] >= minUsers {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(
			cmp.Compare(c.numbers[a]%leaves, c.numbers[b]%leaves),
			cmp.Compare(c.counts[b], c.counts[a]),
			cmp.Compare(c.numbers[a], c.numbers[b]))
	})
	top := counted{numbers: []int64{}, counts: []int64{}}
	label, taken := int64(-1), 0
	for _, i := range order {
		if l := c.numbers[i] % leaves; l != label {
			label, taken = l, 0
		}
		if taken++; taken <= n {
			top.numbers = append(top.numbers, c.numbers[i])
			top.counts = append(top.counts, c.counts[i])
		}
	}
	return top
}

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
	var c counted
	for block := []byte(nil); blocks(&block); {
		if err := c.append(block); err != nil {
			return err
		}
	}
	items, err := read.LoadItemMap(ctx, f.Config.Output, f.Config.ItemClusters)
	if err != nil {
		return err
	}
	tuples, err := NewTuples(items.Leaves, f.Config.K+1)
	if err != nil {
		return nil // Histories has said so
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
	prompt, err := llm.ParsePrompt(f.Config.Prompt)
	if err != nil {
		entry(commit.Fail(err))
		return nil
	}
	top := topPerLabel(c, int64(len(items.Leaves)), f.Config.ContextsPerLabel, f.Config.MinUsers)
	labels, few := map[int64]int{}, int64(0)
	receipt, err := store.WriteAttempt(ctx, b, schemas.TrainingTable, f.Config.Version, 0, 1, trainingExt, func(w io.Writer) (int64, error) {
		out := bufio.NewWriter(w)
		tuple := make([]int32, f.Config.K+1)
		words := make([]string, f.Config.K)
		for _, number := range top.numbers {
			tuples.Tuple(number, tuple)
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
			labels[number%int64(len(items.Leaves))]++
		}
		return int64(len(top.numbers)), out.Flush()
	})
	if err != nil {
		return fmt.Errorf("write training examples: %w", err)
	}
	for _, n := range labels {
		if n < f.Config.ContextsPerLabel {
			few++
		}
	}
	entry(commit.Entry{Receipt: &receipt})
	entry(commit.Count(map[string]int64{
		"training_examples":           int64(len(top.numbers)),
		"training_labels":             int64(len(labels)),
		"training_labels_short":       few,
		"training_labels_without_any": int64(len(items.Leaves) - len(labels)),
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
