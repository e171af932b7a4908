package llm

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/sashabaranov/go-openai"
)

// ClientConfig is the configuration of a Client.
type ClientConfig struct {
	// Endpoint is the base URL, usually with /v1 at its end.
	Endpoint string
	// Key is sent as a bearer token; the zero value sends none.
	Key APIKey
	// Concurrency is how many connections stay open; 0 is 64. It limits no
	// calls: the caller's number of goroutines does.
	Concurrency int
	// Timeout bounds one call with all of its body; 0 is a minute.
	Timeout time.Duration
	// MaxResponse bounds the body of a response in bytes; 0 is 4 MiB.
	MaxResponse int64
	// OmitSeed sends no seed, for endpoints that refuse one.
	OmitSeed bool

	dial dialer // tests have no network under a clock of their own
}

// Client asks one OpenAI-compatible endpoint, one HTTP call a request.
type Client struct {
	// A function, since what fmt makes of an *openai.Client shows the key.
	complete func(context.Context, openai.ChatCompletionRequest) (openai.ChatCompletionResponse, error)
	embed    func(context.Context, openai.EmbeddingRequestConverter) (openai.EmbeddingResponse, error)
	// files is a client whose calls may take longer, and whose responses may
	// be larger.
	files    func() *openai.Client
	endpoint string
	key      APIKey
	omitSeed bool
	now      func() time.Time
}

// NewClient makes a client; it makes no call.
func NewClient(cfg ClientConfig) (*Client, error) {
	endpoint, err := checkEndpoint(cfg.Endpoint)
	if err != nil {
		return nil, err
	}
	if cfg.Concurrency <= 0 {
		cfg.Concurrency = 64
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = time.Minute
	}
	if cfg.MaxResponse <= 0 {
		cfg.MaxResponse = 4 << 20
	}
	config := openai.DefaultConfig(cfg.Key.reveal())
	config.BaseURL = endpoint
	config.HTTPClient = newTransport(cfg.Concurrency, cfg.Timeout, cfg.MaxResponse, cfg.dial)
	forVectors := config
	forVectors.HTTPClient = newTransport(cfg.Concurrency, cfg.Timeout, max(cfg.MaxResponse, vectorsMaxResponse), cfg.dial)
	forFiles := config
	forFiles.HTTPClient = newTransport(1, max(cfg.Timeout, filesTimeout), max(cfg.MaxResponse, filesMaxResponse), cfg.dial)
	return &Client{
		complete: openai.NewClientWithConfig(config).CreateChatCompletion,
		embed:    openai.NewClientWithConfig(forVectors).CreateEmbeddings,
		files:    func() *openai.Client { return openai.NewClientWithConfig(forFiles) },
		endpoint: endpoint,
		key:      cfg.Key,
		omitSeed: cfg.OmitSeed,
		now:      time.Now,
	}, nil
}

// checkEndpoint refuses URLs that cannot work. It shows none that may hold a
// password.
func checkEndpoint(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", errors.New("LLM endpoint: it is no URL; give one such as http://localhost:8000/v1")
	}
	if u.User != nil || u.RawQuery != "" {
		return "", errors.New("LLM endpoint: the URL has a password or a query in it; give the plain base URL, and the key by the name of an environment variable")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("LLM endpoint %q: give a base URL such as http://localhost:8000/v1", endpoint)
	}
	for _, call := range []string{"/chat/completions", "/embeddings"} {
		if strings.HasSuffix(strings.TrimRight(u.Path, "/"), call) {
			return "", fmt.Errorf("LLM endpoint %q: give the base URL, without %s", endpoint, call)
		}
	}
	return strings.TrimRight(endpoint, "/"), nil
}

// String tells the endpoint.
func (c *Client) String() string { return "client of " + c.endpoint }

// Ask implements Asker.
func (c *Client) Ask(ctx context.Context, r Request) (Answer, error) {
	body, err := c.Body(r)
	if err != nil {
		return Answer{}, err
	}
	x := &exchange{sent: body}
	asked := c.now()
	call := context.WithValue(ctx, exchangeKey{}, x)
	var answer Answer
	if len(r.Inputs) > 0 {
		var resp openai.EmbeddingResponse
		resp, err = c.embed(call, openai.EmbeddingRequest{Model: openai.EmbeddingModel(r.Model)})
		answer, err = c.vectors(&r, x, &resp, err)
	} else {
		var resp openai.ChatCompletionResponse
		resp, err = c.complete(call, openai.ChatCompletionRequest{Model: r.Model})
		answer, err = c.answer(r.Model, x, &resp, err)
	}
	if ctx.Err() != nil && err != nil {
		return Answer{}, fmt.Errorf("ask %s: %w", r.Model, context.Cause(ctx))
	}
	if err == nil {
		answer.AskedAt, answer.Latency = asked, c.now().Sub(asked)
	}
	return answer, err
}

// answer is what a response says. The error, if any, is what kept it from
// being read.
func (c *Client) answer(model string, x *exchange, resp *openai.ChatCompletionResponse, err error) (Answer, error) {
	if err == nil && (len(resp.Choices) == 0 || resp.Choices[0].FinishReason == "error") {
		err = errors.New("the response holds no answer")
	}
	if err != nil {
		return Answer{}, c.failure(model, x, err)
	}
	return Answer{
		Text:             text(&resp.Choices[0].Message),
		FinishReason:     string(resp.Choices[0].FinishReason),
		PromptTokens:     resp.Usage.PromptTokens,
		CompletionTokens: resp.Usage.CompletionTokens,
		Endpoint:         c.endpoint,
	}, nil
}

// text is what a message says, in whichever of three places.
func text(m *openai.ChatCompletionMessage) string {
	if m.Content != "" {
		return m.Content
	}
	var b strings.Builder
	for _, part := range m.MultiContent {
		b.WriteString(part.Text)
	}
	if b.Len() == 0 {
		return m.Refusal
	}
	return b.String()
}

// reasons tells of OpenAI's models that know max_completion_tokens only; all
// other endpoints know max_tokens.
func reasons(model string) bool {
	for _, prefix := range []string{"o1", "o3", "o4", "gpt-5", "gpt-6"} {
		if strings.HasPrefix(model, prefix) {
			return true
		}
	}
	return false
}
