package finetune

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"foray/llm"
)

// Limits are what a provider takes.
type Limits struct {
	Examples      int   // at least
	Bytes         int64 // of a file
	ExampleTokens int   // of one example
}

// OpenAILimits are OpenAI's (platform.openai.com/docs/guides/supervised-fine-tuning).
var OpenAILimits = Limits{Examples: 10, Bytes: 512 << 20, ExampleTokens: 65_536}

// Size is that of a file of examples.
type Size struct {
	Examples int
	Tokens   int64 // of all, by the model's tokenizer or one like it
}

// Chat is one example.
type Chat struct {
	Messages []struct {
		Role, Content string
	}
}

// Asked are the messages before the answer.
func (c Chat) Asked() []llm.Message {
	var asked []llm.Message
	for _, m := range c.Messages[:len(c.Messages)-1] {
		asked = append(asked, llm.Message(m))
	}
	return asked
}

// Answer is the answer that the example teaches.
func (c Chat) Answer() string { return c.Messages[len(c.Messages)-1].Content }

// Read reads chat JSON, a line an example. The error names the line that is
// none.
func Read(file []byte) ([]Chat, error) {
	var chats []Chat
	for line := range bytes.Lines(file) {
		var c Chat
		err := json.Unmarshal(line, &c)
		switch last := len(c.Messages) - 1; {
		case err != nil:
		case last < 1:
			err = errors.New("a chat has a question and an answer at least")
		case c.Messages[last].Role != llm.RoleAssistant:
			err = fmt.Errorf("the last message is of the role %q, want %q", c.Messages[last].Role, llm.RoleAssistant)
		}
		for _, m := range c.Messages {
			if err == nil && (m.Content == "" || m.Role != llm.RoleSystem && m.Role != llm.RoleUser && m.Role != llm.RoleAssistant) {
				err = fmt.Errorf("a message of the role %q is empty, or of no known role", m.Role)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("line %d is no chat example: %w", len(chats)+1, err)
		}
		chats = append(chats, c)
	}
	return chats, nil
}

// Check holds a file of examples for a model against a provider's limits, so
// that nothing is uploaded which is refused an hour later.
func Check(file []byte, model string, l Limits) (Size, error) {
	if int64(len(file)) > l.Bytes {
		return Size{}, fmt.Errorf("%d bytes of examples, and the provider takes %d: curate with fewer --contexts_per_label", len(file), l.Bytes)
	}
	chats, err := Read(file)
	if err != nil {
		return Size{}, err
	}
	size := Size{Examples: len(chats)}
	counter := llm.NewCounter()
	for i, c := range chats {
		request := llm.Request{Model: model, Messages: append(c.Asked(), llm.Message{Role: llm.RoleAssistant, Content: c.Answer()})}
		n := counter.Prompt(&request)
		if n > l.ExampleTokens {
			return Size{}, fmt.Errorf("line %d has about %d tokens, and the provider takes %d: use a shorter --prompt", i+1, n, l.ExampleTokens)
		}
		size.Tokens += int64(n)
	}
	if size.Examples < l.Examples {
		return size, fmt.Errorf("%d examples, and the provider wants at least %d: curate with more --contexts_per_label, or a lower --min_users", size.Examples, l.Examples)
	}
	return size, nil
}
