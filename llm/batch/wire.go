package batch

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/sashabaranov/go-openai"

	"foray/llm"
)

// Requests are those to be asked. They are passed over several times, so each
// pass must yield them in the same order; a pass may leave out what has been
// answered meanwhile. All are of one model, as an input file must be.
type Requests = iter.Seq2[llm.Request, error]

// Body is the value whose JSON the online client sends for a request. An error
// means that the request can never be sent.
type Body func(llm.Request) (any, error)

// Reply reads a response as the online client does. The status is the HTTP
// status, 0 if it is not known. Errors are an *llm.CallError or an
// *llm.TerminalError.
type Reply func(status int, body []byte) (llm.Answer, error)

// Call makes one call by go-openai, over the HTTPDoer of the online client. Its
// errors are those of an llm.Asker, also where do returns an error of its own
// since a response with HTTP status 200 holds nothing.
//
// Responses of go-openai's GetFileContent are as large as an output file, and
// uploads take minutes: its timeout and its limit on bodies must be wider than
// for chats.
type Call func(ctx context.Context, do func(context.Context, *openai.Client) error) error

// line is one line of an input file.
type line struct {
	CustomID string               `json:"custom_id"`
	Method   string               `json:"method"`
	URL      openai.BatchEndpoint `json:"url"`
	Body     any                  `json:"body"`
}

// encode is a request's line with its line break. go-openai's own line items
// leave out a temperature of 0 and lose the errors of encoding.
func encode(id llm.ID, r llm.Request, body Body) ([]byte, error) {
	b, err := body(r)
	if err != nil {
		return nil, fmt.Errorf("make the body of request %v about %v: %w", id, r.Key, err)
	}
	data, err := json.Marshal(line{id.String(), "POST", openai.BatchEndpointChatCompletions, b})
	if err != nil {
		return nil, fmt.Errorf("encode request %v about %v: %w", id, r.Key, err)
	}
	return append(data, '\n'), nil
}
