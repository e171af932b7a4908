package planning

import (
	"context"
	"errors"
	"sync/atomic"

	"foray/llm"
	"foray/schemas"
	"foray/transforms/commit"
)

// voter plans keys by asking: several samples a key, each of them again if it
// plans nothing, and then, if that is wanted, a score for each candidate.
type voter struct {
	*session
	spend   *allowance
	asker   llm.Asker
	aligner *aligner // nil unless candidates are scored
	// spent is the end of this shard's own share of the budget.
	spent atomic.Pointer[commit.Failure]
}

// stopped is why no call is made any more; nil if calls are.
func (v *voter) stopped() *commit.Failure {
	if f := v.session.stopped(); f != nil {
		return f
	}
	return v.spent.Load()
}

// plan asks for one key. An answer that makes no sense, or none, is a row. What
// nothing more can be asked after stops the session, and is no error: that
// would cancel the other calls in flight, which are paid for.
func (v *voter) plan(ctx context.Context, w *World, p *planned) error {
	key, row := p.row.Key, &p.row
	row.Model, row.PromptVersion = v.model.Name, v.questions.prompt.Version()
	request, err := v.questions.request(key)
	if err != nil {
		v.stop(&commit.Failure{Exit: 1, Message: err.Error()}, nil)
		return nil
	}
	asker := llm.Reasking(v.asker, v.questions.reasks(), v.questions.judge())
	var b ballot
	for request.Sample = range max(v.model.Samples, 1) {
		answers, err := asker.All(ctx, request)
		if over, err := v.over(err, p); over || err != nil {
			return err
		}
		for i, answer := range answers {
			match := v.questions.decoder.Match(answer.Text)
			if i == 0 && p.answer(answer, match.How) {
				v.spend.answered(match.How)
			}
			why := ""
			if last := i == len(answers)-1; last {
				why = b.cast(match, key, v.questions.blocked)
			} else {
				why = fault(match, key, v.questions.blocked) + ", and was asked again"
				p.reasked++
			}
			if why != "" {
				p.reject(why, commit.Cut(answer.Text))
			}
		}
	}
	row.Samples = p.answers
	switch {
	case p.answers > 0:
		if v.aligner != nil {
			if err := v.align(ctx, w, p, &b); err != nil || v.stopped() != nil {
				return err
			}
		}
		b.fill(row, w)
	case len(p.rejects) > 0:
		row.Status = schemas.StatusFailed
	case v.model.Failed != "":
		p.reject("no answer to it came back", "")
		row.Status = schemas.StatusFailed
	default: // nothing is stored, and nobody is asked
		row.Status, row.Model, row.PromptVersion, p.decided = schemas.StatusNotPlanned, "", "", true
	}
	return nil
}

// over tells what an asker's error means: that the key is not to be gone on
// with, that the work is to fail, or, as a reject, that one answer could not be
// had.
func (v *voter) over(err error, p *planned) (over bool, failed error) {
	var terminal *llm.TerminalError
	var call *llm.CallError
	switch {
	case err == nil || errors.Is(err, errNotStored):
		return false, nil
	case errors.As(err, &terminal):
		if v.model.Split && terminal.Kind == llm.SpentBudget {
			v.spent.Store(&commit.Failure{Exit: terminal.Kind.Exit(), Message: terminal.Error()})
		} else {
			v.stopOn(terminal)
		}
		return true, nil
	case errors.Is(err, errStopped) || v.stopped() != nil:
		return true, nil
	case errors.As(err, &call):
		p.reject(call.Error(), "")
		return false, nil
	}
	return true, err
}
