package clustering

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"foray/llm"
	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/describe"
	"foray/transforms/paidlog"
	"foray/transforms/planning"
)

const (
	// titlesShown and longestTitle, in characters, bound what a prompt for a
	// name tells of a cluster.
	titlesShown  = 10
	longestTitle = 100
	// nameReasks is how often a name that is no good is asked again.
	nameReasks = 2
	// nameVersion is the prompt version of names.
	nameVersion = "name-1"
)

// name lets a model name all nodes of the tree. A name that is too long, or
// that another node of the level has, is asked again; if that does not help,
// the phrases stay, and a reject says why.
func (f *fitted) name(ctx context.Context, cfg Config, entry func(commit.Entry)) error {
	model := *cfg.Names
	model.Purpose = planning.ToDescribe
	calls, err := planning.OpenCalls(ctx, planning.Config{Stage: cfg.Stage, Output: cfg.Output, Version: cfg.Version, Model: model})
	if err != nil {
		return err
	}
	n := &naming{fitted: f, cfg: cfg, calls: calls, asker: calls.Asker(), titles: f.titles()}
	err = n.askAll(ctx)
	if err == nil {
		err = n.settle(ctx, entry)
	}
	if err != nil {
		err = calls.Failed(err)
	}
	for _, damage := range calls.Damage() {
		entry(commit.Entry{Reject: &schemas.Reject{Stage: cfg.Stage, Source: paidlog.Root, Reason: damage}})
	}
	counts, closing := calls.Close()
	counts["clusters_named"] = n.named
	entry(commit.Count(counts))
	return errors.Join(err, closing)
}

// naming is the naming of a tree's nodes.
type naming struct {
	*fitted
	cfg    Config
	calls  *planning.Calls
	asker  llm.Asker
	titles [][]string
	// failed says why nodes have no answer.
	failed []error
	named  int64
}

// request is the question for a node's name.
func (n *naming) request(node int) llm.Request {
	m := n.cfg.Names
	return llm.Request{
		Model: m.Name, Messages: llm.AskName(n.descriptions[node].Phrases, n.titles[node]),
		Temperature: m.Temperature, MaxTokens: m.MaxTokens, Seed: n.cfg.Seed,
		Key: paidlog.NameKey(n.ids[node]), PromptVersion: nameVersion,
	}
}

// askAll has every node's answers recorded, as many at once as may be asked.
func (n *naming) askAll(ctx context.Context) error {
	wellFormed := llm.Reasking(n.asker, nameReasks, func(_ *llm.Request, answer string) string {
		_, fault := llm.ReadName(answer)
		return fault
	})
	n.failed = make([]error, len(n.descriptions))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(n.calls.Underway())
	for node, d := range n.descriptions {
		if d.Named() {
			continue // by an earlier run, and its cluster is still the same
		}
		group.Go(func() error {
			_, err := wellFormed.All(ctx, n.request(node))
			n.failed[node] = err
			return n.calls.Failed(err)
		})
	}
	return group.Wait()
}

// settle gives names to nodes, in their order, so that of two nodes with one
// name the first has it.
func (n *naming) settle(ctx context.Context, entry func(commit.Entry)) error {
	taken := map[int32]*describe.Taken{} // by level
	for node, level := range n.Tree.Level {
		if taken[level] == nil {
			taken[level] = &describe.Taken{}
		}
		// Whoever gets no name keeps its phrases.
		taken[level].Take(node, n.descriptions[node].Phrases)
		taken[level].Take(node, []string{n.descriptions[node].Text})
	}
	for node, level := range n.Tree.Level {
		if n.descriptions[node].Named() {
			continue
		}
		name, fault := "", ""
		judge := func(_ *llm.Request, answer string) string {
			if name, fault = llm.ReadName(answer); fault == "" && !taken[level].Take(node, []string{name}) {
				fault = llm.NameTaken
			}
			return fault
		}
		var call *llm.CallError
		err := n.failed[node]
		if err == nil {
			var answers []llm.Answer
			answers, err = llm.Reasking(n.asker, nameReasks, judge).All(ctx, n.request(node))
			if failed := n.calls.Failed(err); failed != nil {
				return failed
			}
			if err == nil {
				judge(nil, answers[len(answers)-1].Text) // the last one is not asked again
			}
		}
		if errors.As(err, &call) {
			fault = call.Error()
		}
		if fault != "" {
			entry(commit.Entry{Reject: &schemas.Reject{
				Stage: n.cfg.Stage, Source: fmt.Sprintf("cluster %d", n.ids[node]), Raw: commit.Cut(name),
				Reason: "the model's name is not used, the phrases stay: " + fault,
			}})
			continue
		}
		n.descriptions[node].Text = name
		n.named++
	}
	return nil
}

// titles are, of each node, different titles of the items with most events.
func (f *fitted) titles() [][]string {
	order := make([]int, len(f.leaf))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(f.engagement.Events[b], f.engagement.Events[a]) })
	titles := make([][]string, len(f.Tree.Level))
	for _, i := range order {
		title, _, _ := strings.Cut(f.catalogue.Texts[i], "\n")
		if title = first(title, longestTitle); title == "" {
			continue
		}
		for node := f.leaf[i]; node >= 0; node = f.Tree.Parent[node] {
			if len(titles[node]) < titlesShown && !slices.Contains(titles[node], title) {
				titles[node] = append(titles[node], title)
			}
		}
	}
	return titles
}
