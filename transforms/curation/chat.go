package curation

import (
	"bytes"
	"encoding/json"

	"foray/llm"
)

// chatExt is the extension of parts of chat JSON: a line an example, as
// fine-tuning services and trainers take it.
const chatExt = ".jsonl"

// The formats of a line.
const (
	// OpenAIChat is {"messages": [{"role", "content"}]}: of OpenAI, of TRL, and
	// of Vertex AI for open models.
	OpenAIChat = "openai"
	// GeminiChat is {"systemInstruction", "contents": [{"role", "parts"}]}, where
	// the model's role is called model: of Vertex AI for Gemini.
	GeminiChat = "gemini"
	// FormatOption is the option of a manifest that names another format than
	// OpenAI's.
	FormatOption = "chat_format"
)

// ChatFormats are the formats, the default first.
var ChatFormats = []string{OpenAIChat, GeminiChat}

// chatLine is one example, with its line feed.
func chatLine(format string, messages []llm.Message) ([]byte, error) {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if format == GeminiChat {
		err := enc.Encode(geminiChat(messages))
		return line.Bytes(), err
	}
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	chat := struct {
		Messages []message `json:"messages"`
	}{}
	for _, m := range messages {
		chat.Messages = append(chat.Messages, message(m))
	}
	err := enc.Encode(chat)
	return line.Bytes(), err
}

func geminiChat(messages []llm.Message) any {
	type part struct {
		Text string `json:"text"`
	}
	type content struct {
		Role  string `json:"role"`
		Parts []part `json:"parts"`
	}
	chat := struct {
		System   *content  `json:"systemInstruction,omitempty"`
		Contents []content `json:"contents"`
	}{}
	for _, m := range messages {
		c := content{m.Role, []part{{m.Content}}}
		switch m.Role {
		case llm.RoleSystem:
			chat.System = &c
			continue
		case llm.RoleAssistant:
			c.Role = "model"
		}
		chat.Contents = append(chat.Contents, c)
	}
	return chat
}
