package curation

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/llm"
	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/read"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// Training writes training/, validation/ and alignment/: examples for
// fine-tuning a planner, in the words of the prompt; of keys that no training
// example has; and for fine-tuning a model that scores plans.
//
//	samples PCollection<Sampled> -> PCollection<commit.Entry>
func Training(s beam.Scope, cfg Config, samples beam.PCollection) beam.PCollection {
	s = s.Scope("Training examples")
	return beam.ParDo(s, &trainingFn{Config: cfg}, beam.GroupByKey(s, beam.AddFixedKey(s, samples)))
}

// trainingFn writes the one part of each table.
type trainingFn struct {
	Config Config
}

func init() {
	register.DoFn4x1[context.Context, int, func(*Sampled) bool, func(commit.Entry), error](&trainingFn{})
	register.Iter1[Sampled]()
}

func (f *trainingFn) ProcessElement(ctx context.Context, _ int, samples func(*Sampled) bool, entry func(commit.Entry)) error {
	cfg := f.Config
	items, err := read.LoadItemMap(ctx, cfg.Output, cfg.ItemClusters)
	if err != nil {
		return err
	}
	tuples, err := NewTuples(items.Leaves, cfg.K+1)
	if err != nil {
		return nil // Histories has said so
	}
	all := newSample(cfg, len(items.Leaves))
	for part := (Sampled{}); samples(&part); {
		if err := all.merge(part); err != nil {
			return err
		}
	}
	b, err := store.Open(ctx, cfg.Output)
	if err != nil {
		return err
	}
	t := &teacher{cfg: cfg, tuples: tuples, sample: all, tokens: llm.NewCounter()}
	if err := t.read(ctx, b, items.Leaves); err != nil {
		entry(commit.Fail(err))
		return nil
	}
	examples, short := all.choose(cfg.Curation)
	stated := t.statistics(short)
	for _, part := range []struct {
		table    string
		examples []candidate
		line     func(candidate) ([]llm.Message, error)
	}{
		{schemas.TrainingTable, examples, t.lesson},
		{schemas.ValidationTable, all.validation.all(), t.example},
		{schemas.AlignmentTable, all.alignment.all(), t.scored},
	} {
		receipt, tokens, err := t.write(ctx, b, part.table, part.examples, part.line)
		if err != nil {
			return fmt.Errorf("write %s/: %w", part.table, err)
		}
		entry(commit.Entry{Receipt: &receipt})
		entry(commit.Count(map[string]int64{part.table + "_examples": receipt.Rows, part.table + "_tokens": tokens}))
		if part.table == schemas.TrainingTable && cfg.TrainingPrice > 0 {
			stated.Tally.Figures[Dollars] = float64(tokens) * cfg.TrainingPrice / 1e6
		}
	}
	entry(stated)
	return nil
}

// teacher turns transitions into chats.
type teacher struct {
	cfg    Config
	tuples *Tuples
	sample *sample
	tokens *llm.Counter

	ids          []int32
	descriptions []string // by rank
	prompt       *llm.Prompt
}

// read reads the descriptions and the prompt.
func (t *teacher) read(ctx context.Context, b store.Bucket, leaves []int32) error {
	clusters, _, err := tables.Read[schemas.Cluster](ctx, b, schemas.ClustersTable, t.cfg.Clusters)
	if err != nil {
		return err
	}
	descriptions := map[int32]string{}
	for _, c := range clusters {
		descriptions[c.ClusterID] = c.Description
	}
	t.ids = leaves
	for _, leaf := range leaves {
		t.descriptions = append(t.descriptions, descriptions[leaf])
	}
	prompt, err := llm.ParsePrompt(t.cfg.Prompt)
	if err != nil {
		return err
	}
	t.prompt, err = prompt.With(t.descriptions) // in the order of plan
	return err
}

// words are the descriptions of a transition's key and of its next cluster.
func (t *teacher) words(c candidate) (key []string, next string) {
	key = make([]string, t.cfg.K+1)
	n := uint64(len(t.descriptions))
	for i, rest := t.cfg.K, c.number; i >= 0; i-- {
		key[i] = t.descriptions[rest%n]
		rest /= n
	}
	return key[:t.cfg.K], key[t.cfg.K]
}

// unhinted is the share of training examples without their hint. Contexts of
// many users all have one, and many keys of a plan have none: a model must know
// prompts of both kinds.
const unhinted = 0.25

// lesson is an example to train on.
func (t *teacher) lesson(c candidate) ([]llm.Message, error) {
	if float64(draw(t.cfg.Seed, c.number, math.MaxUint64)) < unhinted*math.MaxUint64 {
		c.hint = 0
	}
	return t.example(c)
}

// example is the prompt and the answer wanted.
func (t *teacher) example(c candidate) ([]llm.Message, error) {
	key, next := t.words(c)
	q := llm.Question{Descriptions: key}
	if c.hint > 0 {
		q.Successor = t.descriptions[c.hint-1]
	}
	chat, err := t.prompt.Ask(q)
	return append(chat, llm.Message{Role: llm.RoleAssistant, Content: llm.AnswerMark + " " + next}), err
}

// scored is the question how much users with a key would enjoy a cluster, and
// how much they did.
func (t *teacher) scored(c candidate) ([]llm.Message, error) {
	key, next := t.words(c)
	return append(llm.AskScore(key, next), llm.Message{Role: llm.RoleAssistant, Content: fmt.Sprint(t.sample.score(c))}), nil
}

// write writes one table of chats, and counts their tokens.
func (t *teacher) write(ctx context.Context, b store.Bucket, table string, examples []candidate, chat func(candidate) ([]llm.Message, error)) (r store.Receipt, tokens int64, err error) {
	r, err = store.WriteAttempt(ctx, b, table, t.cfg.Version, 0, 1, chatExt, func(w io.Writer) (int64, error) {
		tokens = 0
		out := bufio.NewWriter(w)
		for _, e := range examples {
			messages, err := chat(e)
			if err != nil {
				return 0, err
			}
			tokens += int64(t.tokens.Prompt(&llm.Request{Messages: messages}))
			line, err := chatLine(t.cfg.ChatFormat, messages)
			if err != nil {
				return 0, err
			}
			if _, err := out.Write(line); err != nil {
				return 0, err
			}
		}
		return int64(len(examples)), out.Flush()
	})
	return r, tokens, err
}

// The names under which manifests tell what each way of curating would choose.
const (
	ExamplesOf     = "examples_"            // counts, by way
	LabelsOf       = "labels_"              // counts, by way
	EntropyOf      = "label_entropy_bits_"  // figures, by way
	GiniOf         = "label_gini_"          // figures, by way
	Dollars        = "training_dollars"     // a figure: one pass over the training examples, at --training_price
	LabelsShort    = "labels_short"         // a count: some contexts, but fewer than --contexts_per_label
	LabelsWithout  = "labels_without_any"   // a count: no contexts
	LabelsTooShort = "labels_with_contexts" // a fact: which labels are short or without any, with their number of contexts
)

// mostListed is how many labels a manifest lists.
const mostListed = 1000

// statistics tells what all ways would choose.
func (t *teacher) statistics(short map[int]int) commit.Entry {
	tally := commit.Tally{Counts: map[string]int64{}, Figures: map[string]float64{}, Facts: map[string]string{}}
	for _, way := range Curations {
		counts := make([]int64, t.sample.labels)
		examples, _ := t.sample.choose(way)
		for _, c := range examples {
			counts[t.sample.label(c)]++
		}
		s := spreadOf(counts)
		tally.Counts[ExamplesOf+way], tally.Counts[LabelsOf+way] = int64(s.examples), int64(s.labels)
		tally.Figures[EntropyOf+way], tally.Figures[GiniOf+way] = s.entropy, s.gini
	}
	without := int64(t.sample.labels) - tally.Counts[LabelsOf+Diversified]
	tally.Counts[LabelsShort], tally.Counts[LabelsWithout] = int64(len(short))-without, without
	if len(short) > 0 {
		var list []string
		labels := slices.SortedFunc(maps.Keys(short), func(a, b int) int { return cmp.Or(cmp.Compare(short[a], short[b]), cmp.Compare(a, b)) })
		for _, label := range labels[:min(len(labels), mostListed)] {
			list = append(list, fmt.Sprintf("%d: %d", t.ids[label], short[label]))
		}
		tally.Facts[LabelsTooShort] = strings.Join(list, ", ")
	}
	return commit.Entry{Tally: &tally}
}
