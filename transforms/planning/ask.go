package planning

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"foray/llm"
	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/paidlog"
	"foray/transforms/progress"
)

// ask lets the model fill a shard's rows: all its keys at once, as far as the
// session's limit lets them, then written in order.
func (f *planFn) ask(ctx context.Context, w *World, keys keys, write func(*schemas.Lookup) error) (entries []commit.Entry, err error) {
	s, err := openSession(ctx, f.Config)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeSession()) }()
	rows := make([]schemas.Lookup, keys.len)
	notes := make([]note, keys.len)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.waiting * f.Config.Model.Concurrency)
	decided := f.Config.decider(w)
	i := 0
	for key := range keys.each {
		if ctx.Err() != nil || s.stopped() != nil {
			break
		}
		at, key := i, slices.Clone(key)
		i++
		rows[at].Key = key
		if decided(&rows[at]) {
			notes[at].decided = true
			progress.Add(f.Config.Stage, 1)
			continue
		}
		group.Go(func() (err error) {
			rows[at], notes[at], err = f.askOne(ctx, s, w, key)
			if n := notes[at]; n.answer != nil || n.reject != nil || n.decided {
				progress.Add(f.Config.Stage, 1)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if failure := s.stopped(); failure != nil {
		return nil, failure
	}
	tally := map[string]int64{}
	for _, damage := range s.damage() {
		entries = append(entries, commit.Entry{Reject: &schemas.Reject{Stage: f.Config.Stage, Source: paidlog.Root, Reason: damage}})
	}
	for i := range rows {
		notes[i].count(tally)
		if r := notes[i].reject; r != nil {
			r.Stage, r.Source = f.Config.Stage, keyText(rows[i].Key)
			entries = append(entries, commit.Entry{Reject: r})
		}
		if err := write(&rows[i]); err != nil {
			return nil, err
		}
	}
	return append(entries, commit.Count(tally)), nil
}

// note is what is to be told of one key beside its row.
type note struct {
	answer *llm.Answer // nil if none could be had
	how    llm.How
	reject *schemas.Reject
	// decided says that nobody was asked.
	decided bool
}

func (n note) count(tally map[string]int64) {
	if n.decided {
		return
	}
	if n.answer == nil {
		tally[CallsFailed]++
		return
	}
	tally[AnswersGiven]++
	switch n.how {
	case llm.Exact:
		tally[AnswersExact]++
		tally[AnswersMatched]++
	case llm.Normalised:
		tally[AnswersNormalised]++
		tally[AnswersMatched]++
	}
	if n.answer.Recorded {
		tally[AnswersRecorded]++
	}
	tally["prompt_tokens"] += int64(n.answer.PromptTokens)
	tally["completion_tokens"] += int64(n.answer.CompletionTokens)
}

// askOne asks for one key. An answer that makes no sense, or none, is a row.
// What nothing more can be asked after stops the session, and is no error:
// that would cancel the other calls in flight, which are paid for.
func (f *planFn) askOne(ctx context.Context, s *session, w *World, key []int32) (schemas.Lookup, note, error) {
	row := schemas.Lookup{Key: key, Samples: 1, Model: f.Config.Model.Name, PromptVersion: s.questions.prompt.Version()}
	request, err := s.questions.request(key)
	if err != nil {
		s.stop(&commit.Failure{Exit: 1, Message: err.Error()}, nil)
		return row, note{}, nil
	}
	answer, err := s.asker.Ask(ctx, request)
	var terminal *llm.TerminalError
	var call *llm.CallError
	switch {
	case errors.As(err, &terminal):
		s.stopOn(terminal)
		return row, note{}, nil
	case errors.Is(err, errStopped):
		return row, note{}, nil
	case errors.Is(err, errNotStored):
		row.Status, row.Model, row.PromptVersion, row.Samples = schemas.StatusNotPlanned, "", "", 0
		return row, note{decided: true}, nil
	case errors.As(err, &call):
		row.Status = schemas.StatusFailed
		return row, note{reject: &schemas.Reject{Reason: call.Error()}}, nil
	case err != nil:
		return row, note{}, err
	}
	n := note{answer: &answer}
	match := s.vocabulary.Match(answer.Text)
	n.how = match.How
	switch {
	case match.How == llm.None:
		row.Status = schemas.StatusNoMatch
		n.reject = &schemas.Reject{Reason: "the answer names no cluster of the vocabulary", Raw: commit.Cut(answer.Text)}
	case f.Config.blocks(match.Cluster):
		row.Status = schemas.StatusNoMatch
		n.reject = &schemas.Reject{Reason: "the answer names a cluster of --block_clusters", Raw: commit.Cut(answer.Text)}
	case slices.Contains(key, match.Cluster):
		row.Status = schemas.StatusNotNovel
		n.reject = &schemas.Reject{Reason: "the answer names a cluster of its own key", Raw: commit.Cut(answer.Text)}
	default:
		row.Candidates = []schemas.Candidate{{Cluster: match.Cluster, Votes: 1, Score: 1}}
		FillRow(&row, w)
	}
	return row, n, nil
}

// keyText writes a key as `foray lookup` takes it.
func keyText(key []int32) string {
	parts := make([]string, len(key))
	for i, c := range key {
		parts[i] = strconv.Itoa(int(c))
	}
	return strings.Join(parts, ",")
}
