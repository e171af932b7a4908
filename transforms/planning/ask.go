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
			if n := notes[at]; len(n.answers) > 0 || len(n.rejects) > 0 || n.decided {
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
		for _, r := range notes[i].rejects {
			r.Stage, r.Source = f.Config.Stage, keyText(rows[i].Key)
			entries = append(entries, commit.Entry{Reject: &r})
		}
		if err := write(&rows[i]); err != nil {
			return nil, err
		}
	}
	return append(entries, commit.Count(tally)), nil
}

// note is what is to be told of one key beside its row.
type note struct {
	answers []llm.Answer // none if none could be had
	// how the first answer names a cluster.
	how     llm.How
	rejects []schemas.Reject
	// decided says that nobody was asked.
	decided bool
}

func (n note) count(tally map[string]int64) {
	if n.decided {
		return
	}
	if len(n.answers) == 0 {
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
	recorded := true
	for _, a := range n.answers {
		recorded = recorded && a.Recorded
		tally["prompt_tokens"] += int64(a.PromptTokens)
		tally["completion_tokens"] += int64(a.CompletionTokens)
	}
	if recorded {
		tally[AnswersRecorded]++
	}
}

// askOne asks for one key, as often as there are to be samples. An answer that
// makes no sense, or none, is a row. What nothing more can be asked after stops
// the session, and is no error: that would cancel the other calls in flight,
// which are paid for.
func (f *planFn) askOne(ctx context.Context, s *session, w *World, key []int32) (schemas.Lookup, note, error) {
	row := schemas.Lookup{Key: key, Model: f.Config.Model.Name, PromptVersion: s.questions.prompt.Version()}
	request, err := s.questions.request(key)
	if err != nil {
		s.stop(&commit.Failure{Exit: 1, Message: err.Error()}, nil)
		return row, note{}, nil
	}
	var n note
	var b ballot
	for request.Sample = range max(f.Config.Model.Samples, 1) {
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
			continue
		case errors.As(err, &call):
			n.rejects = append(n.rejects, schemas.Reject{Reason: call.Error()})
			continue
		case err != nil:
			return row, note{}, err
		}
		match := s.vocabulary.Match(answer.Text)
		if len(n.answers) == 0 {
			n.how = match.How
		}
		n.answers = append(n.answers, answer)
		if why := b.cast(match, key, f.Config.blocks); why != "" {
			n.rejects = append(n.rejects, schemas.Reject{Reason: why, Raw: commit.Cut(answer.Text)})
		}
	}
	row.Samples = int32(len(n.answers))
	switch {
	case len(n.answers) > 0:
		b.fill(&row, w)
	case len(n.rejects) > 0:
		row.Status = schemas.StatusFailed
	default: // nothing is stored, and nobody is asked
		row.Status, row.Model, row.PromptVersion, n.decided = schemas.StatusNotPlanned, "", "", true
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
