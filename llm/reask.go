package llm

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Judge tells what is wrong with an answer to a request, in words for the
// model; "" if nothing is.
type Judge func(r *Request, answer string) (reason string)

// Reasons to ask again.
const (
	reasonUnknown = "That is none of the clusters. Answer again, with another cluster, in the form asked for."
	reasonOld     = "That is one of the clusters that were given. Answer again, with a new and different cluster, in the form asked for."
)

// NovelJudge finds fault with answers that name no cluster, one of the key's,
// or one that is blocked (nil blocks none), by match, a Vocabulary's or a
// Decoder's.
func NovelJudge(match func(answer string) Match, blocked func(cluster int32) bool) Judge {
	return func(r *Request, answer string) string {
		m := match(answer)
		switch {
		case m.How == None || blocked != nil && blocked(m.Cluster):
			return reasonUnknown
		case slices.Contains(r.Key, m.Cluster):
			return reasonOld
		}
		return ""
	}
}

// Reasker asks again when an answer is no good.
type Reasker struct {
	asker Asker
	times int
	judge Judge
}

// Reasking is asker with answers that judge finds fault with asked again, up
// to so many times, each time with the answer and the reason at the end of the
// conversation. Each is a request with an identity of its own: put it above
// Recorded, so that each is recorded.
func Reasking(asker Asker, times int, judge Judge) *Reasker {
	return &Reasker{asker, max(times, 0), judge}
}

// All asks, and returns every answer in order. Only the last can be without
// fault. With an error it returns the answers that came before it.
func (a *Reasker) All(ctx context.Context, r Request) ([]Answer, error) {
	var answers []Answer
	for {
		answer, err := a.asker.Ask(ctx, r)
		if err != nil {
			return answers, err
		}
		answers = append(answers, answer)
		if len(answers) > a.times {
			return answers, nil
		}
		again, faulty := a.judge.Again(r, answer.Text)
		if !faulty {
			return answers, nil
		}
		r = again
	}
}

// Again is the request that asks r again after an answer, with the reason; it
// tells false if the answer is without fault.
func (j Judge) Again(r Request, answer string) (again Request, faulty bool) {
	reason := j(&r, answer)
	if reason == "" {
		return r, false
	}
	// Clipped, for the messages of r are the caller's.
	r.Messages = append(slices.Clip(r.Messages), Message{RoleAssistant, said(answer)}, Message{RoleUser, reason})
	return r, true
}

// Ask implements Asker: the last answer of All. One that was had stays, faulty
// as it is, when asking again fails with a *CallError.
func (a *Reasker) Ask(ctx context.Context, r Request) (Answer, error) {
	answers, err := a.All(ctx, r)
	if len(answers) == 0 {
		return Answer{}, err
	}
	var call *CallError
	if err != nil && !errors.As(err, &call) {
		return Answer{}, err
	}
	return answers[len(answers)-1], nil
}

// mostSaid bounds what is repeated of an answer, in bytes.
const mostSaid = 512

// said is an answer as the conversation repeats it. Some endpoints refuse
// empty messages.
func said(answer string) string {
	answer = strings.TrimSpace(afterThought(answer))
	if len(answer) > mostSaid {
		answer = answer[:mostSaid]
	}
	if answer = strings.ToValidUTF8(answer, ""); answer == "" {
		return "…"
	}
	return answer
}
