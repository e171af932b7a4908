package planning

import (
	"foray/llm"
	"foray/schemas"
)

// note is what is to be told of one key beside its row.
type note struct {
	// answers are the first to each sample; none if none could be had.
	answers []llm.Answer
	// how the first answer names a cluster.
	how llm.How
	// reasked answers planned nothing, and were asked again; scored and
	// unscored are candidates that were to be scored.
	reasked, scored, unscored int64
	rejects                   []schemas.Reject
	// decided says that nobody was asked.
	decided bool
}

// given says that asking has come to something, be it a failure.
func (n *note) given() bool { return len(n.answers) > 0 || len(n.rejects) > 0 }

func (n *note) reject(reason, raw string) {
	n.rejects = append(n.rejects, schemas.Reject{Reason: reason, Raw: raw})
}

func (n *note) count(tally map[string]int64) {
	if n.decided {
		return
	}
	if len(n.answers) == 0 {
		tally[KeysFailed]++
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
	}
	if recorded {
		tally[AnswersRecorded]++
	}
	tally[AnswersReasked] += n.reasked
	tally[AlignScores] += n.scored
	tally[AlignUnscored] += n.unscored
}
