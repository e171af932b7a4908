package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sashabaranov/go-openai"
)

// Calls about files may take longer than chats, and their responses are files.
const (
	filesTimeout     = 15 * time.Minute
	filesMaxResponse = 2 << 30
)

// fromFiles stands for the endpoint of answers that somebody carried here.
const fromFiles = "file"

// Offline is a client without an endpoint, for requests and responses that
// somebody carries: it makes bodies and reads replies. Only its Body and Reply
// may be called.
func Offline() *Client { return &Client{endpoint: fromFiles, now: time.Now} }

// Reply reads a response that came by another way than Ask, such as in a file
// of results, as Ask does. The status is the HTTP status, 0 if it is not known.
// Errors are an *CallError or a *TerminalError. AskedAt and Latency are not
// known.
func (c *Client) Reply(status int, body []byte) (Answer, error) {
	var resp openai.ChatCompletionResponse
	var err error
	if status >= http.StatusBadRequest {
		err = errors.New("the request failed")
	} else if json.Unmarshal(body, &resp) != nil {
		err = errors.New("the response is no chat completion")
	}
	return c.answer("", &exchange{status: status, body: body}, &resp, err)
}

// Call makes calls by go-openai over the client's transport, those about files
// and batches, for which more time and larger responses are allowed. Its errors
// are those of an Asker, also where do returns an error of its own since a
// response with HTTP status 200 holds nothing.
func (c *Client) Call(ctx context.Context, do func(context.Context, *openai.Client) error) error {
	x := &exchange{}
	err := do(context.WithValue(ctx, exchangeKey{}, x), c.files())
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("call %s: %w", c.endpoint, context.Cause(ctx))
	}
	return c.failure("", x, err)
}
