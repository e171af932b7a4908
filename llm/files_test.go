package llm

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sashabaranov/go-openai"

	"foray/llm/llmtest"
)

// What a response means does not depend on the way it came.
func TestReplyIsAsks(t *testing.T) {
	long := llmtest.Text("said")
	long.Body += " "
	for name, reply := range map[string]llmtest.Reply{
		"answer": long, "junk": llmtest.Junk(), "no choices": llmtest.NoChoices(), "wrong JSON": llmtest.WrongJSON(), "half": {Body: `{"choices":[{"mess`},
		"no JSON": {Body: "<html>"}, "hidden": llmtest.HiddenError("rate_limit_exceeded", "slow"), "500": llmtest.ServerError(), "429": llmtest.RateLimited(""),
		"quota": llmtest.SpentQuota(), "hidden quota": llmtest.HiddenError("insufficient_quota", "pay"), "key": llmtest.Failure(401, "invalid_api_key", "no "+marked),
		"filter": llmtest.Failure(400, "content_filter", "no"),
	} {
		t.Run(name, func(t *testing.T) {
			s := llmtest.Start(t, func(llmtest.Call) llmtest.Reply { return reply })
			c := client(t, s.URL, func(cfg *ClientConfig) { cfg.Key = markedKey(t) })
			want, wantErr := c.Ask(t.Context(), someRequest())
			want.AskedAt, want.Latency = time.Time{}, 0
			got, err := c.Reply(max(reply.Status, 200), []byte(reply.Body))
			if got != want || (err == nil) != (wantErr == nil) {
				t.Errorf("%+v, %v; Ask gives %+v, %v", got, err, want, wantErr)
			}
			var call, wantCall *CallError
			var terminal, wantTerminal *TerminalError
			errors.As(err, &call)
			errors.As(err, &terminal)
			switch {
			case errors.As(wantErr, &wantCall):
				if call == nil || call.Status != wantCall.Status || call.Retry != wantCall.Retry {
					t.Errorf("%#v; Ask gives %#v", call, wantCall)
				}
			case errors.As(wantErr, &wantTerminal):
				if terminal == nil || terminal.Kind != wantTerminal.Kind {
					t.Errorf("%v; Ask gives %v", terminal, wantTerminal)
				}
			}
			if err != nil && strings.Contains(err.Error(), marked) {
				t.Errorf("the key shows: %v", err)
			}
		})
	}
}

func TestOfflineCallsNobody(t *testing.T) {
	c := Offline()
	answer, err := c.Reply(0, []byte(llmtest.Text("said").Body))
	if err != nil || answer.Text != "said" || answer.Endpoint != "file" {
		t.Errorf("%+v, %v", answer, err)
	}
	online := client(t, "http://localhost/v1", nil)
	want, err := online.Body(someRequest())
	if err != nil {
		t.Fatal(err)
	}
	if body, err := c.Body(someRequest()); err != nil || string(body) != string(want) {
		t.Errorf("body %s, %v; online %s", body, err, want)
	}
}

func TestCall(t *testing.T) {
	asked := 0
	status, body := http.StatusOK, strings.Repeat("line\n", 2<<20) // larger than a chat may be
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Header.Get("Authorization") != "Bearer "+marked {
			t.Error("no key was sent")
		}
		w.WriteHeader(status)
		w.Write([]byte(body))
	}))
	defer s.Close()
	c := client(t, s.URL+"/v1", func(cfg *ClientConfig) { cfg.Key = markedKey(t) })
	read := func(ctx context.Context, o *openai.Client) error {
		_, err := o.GetFileContent(ctx, "file-1")
		return err
	}
	if err := c.Call(t.Context(), read); err != nil {
		t.Fatal(err)
	}
	var call *CallError
	status, body = 503, `{"error":{"message":"busy"}}`
	if err := c.Call(t.Context(), read); !errors.As(err, &call) || !call.Retry || call.Status != 503 {
		t.Errorf("%v, want a CallError to be tried again", err)
	}
	var terminal *TerminalError
	status, body = 401, `{"error":{"code":"invalid_api_key","message":"no"}}`
	if err := c.Call(t.Context(), read); !errors.As(err, &terminal) || terminal.Kind != BadKey {
		t.Errorf("%v, want a bad key", err)
	}
	status, body = 200, `{}`
	// An error of do's own, after a response that holds nothing.
	if err := c.Call(t.Context(), func(ctx context.Context, o *openai.Client) error {
		return errors.Join(read(ctx, o), errors.New("it names no file"))
	}); !errors.As(err, &call) || !call.Retry || !strings.Contains(err.Error(), "it names no file") {
		t.Errorf("%v, want a CallError to be tried again", err)
	}
	// The second call of do never came to a response: the first one's counts
	// no more.
	status, body = 400, `{"error":{"message":"no such batch"}}`
	if err := c.Call(t.Context(), func(ctx context.Context, o *openai.Client) error {
		_ = read(ctx, o)
		s.CloseClientConnections()
		s.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		return read(ctx, o)
	}); !errors.As(err, &call) || !call.Retry || call.Status != 0 {
		t.Errorf("%v, want a CallError without a status", err)
	}
	gone := errors.New("a signal")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if err := c.Call(ctx, read); !errors.Is(err, gone) {
		t.Errorf("%v, want the cause", err)
	}
}
