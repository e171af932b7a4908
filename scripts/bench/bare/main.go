// Command bare asks a chat endpoint about all unordered pairs of clusters with
// go-openai alone: a loop that keeps so many calls in flight, over a transport
// that keeps as many connections. It validates nothing, retries nothing and
// keeps nothing: the most that a client built on go-openai can reach.
//
//	bare -endpoint URL -descriptions FILE -in_flight 64
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"

	"github.com/sashabaranov/go-openai"
	"golang.org/x/sync/errgroup"

	"foray/llm"
)

func main() {
	endpoint := flag.String("endpoint", "", "base URL")
	descriptions := flag.String("descriptions", "", "file of descriptions, one a line")
	inFlight := flag.Int("in_flight", 64, "calls at a time")
	flag.Parse()
	if err := ask(*endpoint, *descriptions, *inFlight); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func ask(endpoint, path string, inFlight int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var words []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words = append(words, lines.Text())
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = inFlight, inFlight
	config := openai.DefaultConfig("none")
	config.BaseURL, config.HTTPClient = endpoint, &http.Client{Transport: transport}
	client := openai.NewClientWithConfig(config)
	prompt := llm.PaperPrompt()
	group, ctx := errgroup.WithContext(context.Background())
	group.SetLimit(inFlight)
	for i, first := range words {
		for _, second := range words[i+1:] {
			group.Go(func() error {
				messages, err := prompt.Render([]string{first, second})
				if err != nil {
					return err
				}
				request := openai.ChatCompletionRequest{Model: "bench", MaxCompletionTokens: 64}
				for _, m := range messages {
					request.Messages = append(request.Messages, openai.ChatCompletionMessage{Role: m.Role, Content: m.Content})
				}
				response, err := client.CreateChatCompletion(ctx, request)
				if err == nil && len(response.Choices) == 0 {
					err = fmt.Errorf("no answer")
				}
				return err
			})
		}
	}
	return group.Wait()
}
