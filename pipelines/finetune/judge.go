package finetune

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"foray/llm"
	"foray/llm/finetune"
)

// judge asks a checkpoint about held-out keys. Answers are not kept: the names
// of checkpoints are asked for once.
func (w *work) judge(ctx context.Context, model string) (finetune.Figures, error) {
	chats, err := finetune.Read(w.validation)
	if err != nil {
		return finetune.Figures{}, err
	}
	chats = chats[:min(len(chats), w.HeldOut)]
	f := finetune.Figures{Keys: len(chats)}
	asker := llm.Retrying(w.client, llm.Retries{})
	named := make([]int32, len(chats))
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(w.Model.Concurrency)
	for i, c := range chats {
		group.Go(func() error {
			answer, err := asker.Ask(asking, llm.Request{
				Model: model, Messages: c.Asked(), Temperature: 0, MaxTokens: w.Model.MaxTokens, Seed: w.Model.Seed,
			})
			var call *llm.CallError
			if errors.As(err, &call) { // one key without an answer names nothing
				err = nil
			}
			named[i] = w.vocabulary.Match(answer.Text).Cluster
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return f, err
	}
	distinct := map[int32]bool{}
	var matched, right int
	for i, cluster := range named {
		if cluster < 0 {
			continue
		}
		matched++
		distinct[cluster] = true
		if cluster == w.vocabulary.Match(chats[i].Answer()).Cluster {
			right++
		}
	}
	f.Match, f.Recall, f.Distinct = float64(matched)/float64(len(chats)), float64(right)/float64(len(chats)), len(distinct)
	return f, nil
}
