package planning

import (
	"context"

	"foray/llm"
)

// asker is the way of a question to the endpoint, for a shard with this
// allowance:
//
//	Recorded   is it answered already? if not, keep the answer
//	canary     are answers held to the vocabulary? once
//	Retrying   what may pass is tried again
//	durably    so many calls are in flight, until their answers are kept
//	Limited    so many requests and tokens a minute, fewer at once after a 429
//	           none once the session has stopped, but calls end in their time
//	Budgeted   so much is spent
//	counting   how many are in flight, if this process is killed
//	client     one HTTP call
func (s *session) asker(a *allowance) llm.Asker {
	if s.model.stored() {
		return llm.Recorded(s.client, s.log)
	}
	return s.chain(s.client, a, &s.canary)
}

// chain is the way to a client; without a canary, of free answers.
func (s *session) chain(client llm.Asker, a *allowance, c *canary) llm.Asker {
	return llm.Recorded(s.unrecorded(client, a, c))
}

// unrecorded is the way below the record, and the log that gives back what it
// holds until answers are kept.
func (s *session) unrecorded(client llm.Asker, a *allowance, c *canary) (llm.Asker, llm.Log) {
	limited := func(client llm.Asker) llm.Asker {
		return llm.Limited(untilStopped{llm.Budgeted(client, a.budget), s}, a.limits)
	}
	var below llm.Asker
	var log llm.Log = s.log
	switch {
	case s.slots != nil:
		below, log = s.slots.holding(limited(s.slots.counting(client))), s.slots
	case s.model.Split:
		below = llm.InFlight(limited(client), s.model.Concurrency)
	default:
		below = limited(client)
	}
	below = llm.Retrying(below, llm.Retries{})
	if c != nil {
		below = proven{below, s.questions.decoder, llm.Retrying(limited(client), llm.Retries{}), c}
	}
	return below, log
}

// proven is an asker whose first call is preceded by the decoder's canary.
type proven struct {
	asker   llm.Asker
	decoder *llm.Decoder
	// unrecorded asks the canary, of which nothing is kept.
	unrecorded llm.Asker
	*canary
}

// Ask implements llm.Asker.
func (p proven) Ask(ctx context.Context, r llm.Request) (llm.Answer, error) {
	p.once.Do(func() { p.err = p.decoder.Canary(ctx, p.unrecorded, r) })
	if p.err != nil {
		return llm.Answer{}, p.err
	}
	return p.asker.Ask(ctx, r)
}
