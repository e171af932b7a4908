package planning

import (
	"foray/llm"
	"foray/schemas"
)

// planned is a key on its way: its row, and what is to be told beside it.
type planned struct {
	row  schemas.Lookup
	done chan struct{} // closed when the row is filled

	// answers are how many samples have one; recorded says that all of them
	// were paid for before.
	answers  int32
	recorded bool
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
func (p *planned) given() bool { return p.answers > 0 || len(p.rejects) > 0 }

// answer counts the first answer to a sample, and says whether it is the key's
// first.
func (p *planned) answer(a llm.Answer, how llm.How) (first bool) {
	if first = p.answers == 0; first {
		p.how, p.recorded = how, true
	}
	p.answers++
	p.recorded = p.recorded && a.Recorded
	return first
}

func (p *planned) reject(reason, raw string) {
	p.rejects = append(p.rejects, schemas.Reject{Reason: reason, Raw: raw})
}

func (p *planned) count(tally map[string]int64) {
	if p.decided {
		return
	}
	if p.answers == 0 {
		tally[KeysFailed]++
		return
	}
	tally[AnswersGiven]++
	switch p.how {
	case llm.Exact:
		tally[AnswersExact]++
		tally[AnswersMatched]++
	case llm.Normalised:
		tally[AnswersNormalised]++
		tally[AnswersMatched]++
	}
	if p.recorded {
		tally[AnswersRecorded]++
	}
	tally[AnswersReasked] += p.reasked
	tally[AlignScores] += p.scored
	tally[AlignUnscored] += p.unscored
}
