package planning

import (
	"context"
	"errors"
	"fmt"
	"time"

	"foray/llm"
)

// errStopped says that no call is made any more.
var errStopped = errors.New("stopped")

// untilStopped makes no call once the endpoint has said that none can succeed,
// or once the command is stopped.
type untilStopped struct {
	asker   llm.Asker
	session *session
}

// Ask implements llm.Asker.
func (a untilStopped) Ask(ctx context.Context, r llm.Request) (llm.Answer, error) {
	if terminal := a.session.ended(); terminal != nil {
		return llm.Answer{}, terminal
	}
	if a.session.stopped() != nil {
		return llm.Answer{}, errStopped
	}
	if ctx.Err() != nil {
		return llm.Answer{}, fmt.Errorf("ask %s: %w", r.Model, context.Cause(ctx))
	}
	// A call that is made is paid for: it ends in its own time.
	answer, err := a.asker.Ask(context.WithoutCancel(ctx), r)
	a.session.hear(err, time.Now())
	return answer, err
}
