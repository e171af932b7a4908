package planning

import (
	"context"
	"regexp"
	"strconv"

	"foray/llm"
	"foray/transforms/commit"
)

// aligner scores candidates pointwise, one call each: how likely is a user of
// this key to enjoy that cluster, from 0 to 10? As in arXiv 2504.05522, where
// the proposing and the judging model are two.
type aligner struct {
	asker llm.Asker
	model string
}

// aligner joins the session's log, limits and budget, so that scores are paid
// for once, too.
func (s *session) aligner(spend *allowance) (*aligner, error) {
	a := &aligner{model: s.model.Align.Name}
	if s.model.Rematch {
		a.asker = llm.Recorded(s.client, s.log)
		return a, nil
	}
	client := s.client
	if endpoint := s.model.Align.Endpoint; endpoint != s.model.Endpoint {
		var err error
		if client, err = s.model.client(endpoint); err != nil {
			return nil, err
		}
	}
	a.asker = s.chain(client, spend, nil)
	return a, nil
}

// alignVersion is the prompt version of scores, with which the paid log tells
// them from answers.
const alignVersion = "align-1"

// mostScoreTokens bounds an answer: a number, and what some models cannot
// refrain from.
const mostScoreTokens = 16

func (v *voter) alignRequest(w *World, key []int32, candidate int32) llm.Request {
	return llm.Request{
		Model:       v.aligner.model,
		Messages:    llm.AskScore(w.Words(key), w.Describe(candidate)),
		Temperature: min(v.model.Temperature, 0), // a judge does not guess
		MaxTokens:   mostScoreTokens, Seed: v.model.Seed, Key: key, PromptVersion: alignVersion,
	}
}

// align scores the votes' candidates. One that cannot be scored stands below
// those that can, and counts 0.
func (v *voter) align(ctx context.Context, w *World, p *planned, b *ballot) error {
	b.aligned = true
	for i := range b.votes {
		c := &b.votes[i]
		c.Score = 0
		answer, err := v.aligner.asker.Ask(ctx, v.alignRequest(w, p.row.Key, c.Cluster))
		if over, err := v.over(err, p); over || err != nil {
			return err
		}
		if err != nil {
			p.unscored++
			continue
		}
		score, ok := readScore(answer.Text)
		if !ok {
			p.unscored++
			p.reject("the answer to --align holds no number from 0 to 10", commit.Cut(answer.Text))
			continue
		}
		p.scored++
		c.Score = score
	}
	return nil
}

var number = regexp.MustCompile(`-?\d+(?:\.\d+)?`)

// readScore reads the first number of an answer, which must be from 0 to 10.
func readScore(answer string) (float64, bool) {
	score, err := strconv.ParseFloat(number.FindString(answer), 64)
	return score, err == nil && score >= 0 && score <= 10
}
