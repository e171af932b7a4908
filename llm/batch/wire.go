package batch

import (
	"context"
	"fmt"
	"iter"

	"github.com/sashabaranov/go-openai"

	"foray/llm"
)

// Requests are those to be asked. They are passed over several times, so each
// pass must yield them in the same order; a pass may leave out what has been
// answered meanwhile. All are of one model, as an input file must be.
type Requests = iter.Seq2[llm.Request, error]

// Body is the JSON that the online client sends for a request, without line
// breaks. An error means that the request can never be sent.
type Body func(llm.Request) ([]byte, error)

// Reply reads a response as the online client does. The status is the HTTP
// status, 0 if it is not known. Errors are an *llm.CallError or an
// *llm.TerminalError.
type Reply func(status int, body []byte) (llm.Answer, error)

// Call makes one call by go-openai, over the HTTPDoer of the online client. Its
// errors are those of an llm.Asker, also where do returns an error of its own
// since a response with HTTP status 200 holds nothing.
//
// Responses of go-openai's GetFileContent are as large as an output file, and
// uploads take minutes: its timeout and its limit on bodies are wider than for
// chats.
type Call func(ctx context.Context, do func(context.Context, *openai.Client) error) error

// encode is a request's line with its line break: the body as it is, to the
// byte.
func encode(id llm.ID, r llm.Request, body Body) ([]byte, error) {
	b, err := body(r)
	if err != nil {
		return nil, fmt.Errorf("make the body of request %v about %v: %w", id, r.Key, err)
	}
	line := make([]byte, 0, len(b)+256)
	line = append(line, `{"custom_id":"`+id.String()+`","method":"POST","url":"`+string(openai.BatchEndpointChatCompletions)+`","body":`...)
	line = append(line, b...)
	return append(line, "}\n"...), nil
}
