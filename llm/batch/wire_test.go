package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/sashabaranov/go-openai"

	"foray/llm"
)

// someRequests are n requests, each with a prompt of its own.
func someRequests(n int) []llm.Request {
	requests := make([]llm.Request, n)
	for i := range requests {
		requests[i] = llm.Request{
			Model: "m", Messages: []llm.Message{{Role: llm.RoleUser, Content: fmt.Sprintf("question %d", i)}},
			MaxTokens: 64, Seed: 1, Key: []int32{int32(i), int32(i + 1)},
		}
	}
	return requests
}

func all(requests []llm.Request) Requests {
	return func(yield func(llm.Request, error) bool) {
		for _, r := range requests {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// plainBody, plainReply and callOf do for these tests what the online client
// does; they need no network, and so work in bubbles.
func plainBody(r llm.Request) ([]byte, error) {
	return json.Marshal(map[string]any{"model": r.Model, "messages": []map[string]string{{"role": "user", "content": r.Messages[0].Content}}})
}

func plainReply(status int, body []byte) (llm.Answer, error) {
	var said struct {
		Choices []struct{ Message struct{ Content string } }
		Error   any
		Usage   struct {
			PromptTokens     int `json:"prompt_tokens"`
			CompletionTokens int `json:"completion_tokens"`
		}
	}
	if err := json.Unmarshal(body, &said); err == nil && status == 200 && len(said.Choices) > 0 && said.Error == nil {
		return llm.Answer{Text: said.Choices[0].Message.Content, PromptTokens: said.Usage.PromptTokens, CompletionTokens: said.Usage.CompletionTokens}, nil
	}
	code, message := "", fmt.Sprint(said.Error)
	if object, ok := said.Error.(map[string]any); ok {
		code, message = fmt.Sprint(object["code"]), fmt.Sprint(object["message"])
	}
	switch {
	case code == "insufficient_quota":
		return llm.Answer{}, &llm.TerminalError{Kind: llm.SpentQuota, Advice: "pay", Err: errors.New(message)}
	case code == "model_not_found":
		return llm.Answer{}, &llm.TerminalError{Kind: llm.UnknownModel, Advice: "give another", Err: errors.New(message)}
	case status == http.StatusNotFound:
		return llm.Answer{}, &llm.TerminalError{Kind: llm.BadEndpoint, Advice: "give another", Err: errors.New(message)}
	}
	return llm.Answer{}, &llm.CallError{Status: status, Message: message, Retry: status < 400 || status >= 500 || status == 429}
}

func callOf(c *openai.Client) Call {
	return func(ctx context.Context, do func(context.Context, *openai.Client) error) error {
		err := do(ctx, c)
		var api *openai.APIError
		switch {
		case err == nil || ctx.Err() != nil:
			return err
		case errors.As(err, &api):
			body, _ := json.Marshal(openai.ErrorResponse{Error: api})
			_, err = plainReply(api.HTTPStatusCode, body)
			var call *llm.CallError
			if errors.As(err, &call) && call.Status == http.StatusTooManyRequests {
				call.RetryAfter = 90 * time.Second
			}
			return err
		}
		return &llm.CallError{Message: err.Error(), Retry: true}
	}
}

// online is the client whose methods Body, Reply and Call are.
func online(t *testing.T, url string) *llm.Client {
	t.Helper()
	c, err := llm.NewClient(llm.ClientConfig{Endpoint: url})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
