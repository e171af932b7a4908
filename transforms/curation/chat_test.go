package curation

import (
	"testing"

	"foray/llm"
)

func TestChatLine(t *testing.T) {
	asked := []llm.Message{{Role: llm.RoleSystem, Content: "be <brief>"}, {Role: llm.RoleUser, Content: "1: a\n2: b"}, {Role: llm.RoleAssistant, Content: "New cluster: c"}}
	for _, test := range []struct {
		format   string
		messages []llm.Message
		want     string
	}{
		{OpenAIChat, asked, `{"messages":[{"role":"system","content":"be <brief>"},{"role":"user","content":"1: a\n2: b"},{"role":"assistant","content":"New cluster: c"}]}`},
		{"", asked[1:], `{"messages":[{"role":"user","content":"1: a\n2: b"},{"role":"assistant","content":"New cluster: c"}]}`},
		{GeminiChat, asked, `{"systemInstruction":{"role":"system","parts":[{"text":"be <brief>"}]},"contents":[{"role":"user","parts":[{"text":"1: a\n2: b"}]},{"role":"model","parts":[{"text":"New cluster: c"}]}]}`},
		{GeminiChat, asked[1:], `{"contents":[{"role":"user","parts":[{"text":"1: a\n2: b"}]},{"role":"model","parts":[{"text":"New cluster: c"}]}]}`},
	} {
		if got, err := chatLine(test.format, test.messages); err != nil || string(got) != test.want+"\n" {
			t.Errorf("%s: %s, %v; want %s", test.format, got, err, test.want)
		}
	}
}
