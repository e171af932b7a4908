package llm

import (
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer/codec"
)

// The encodings whose vocabularies are part of the program.
const (
	O200k  = "o200k_base"
	CL100k = "cl100k_base"
)

// Encoding is the encoding that a model's tokens are counted with, and whether
// it is the model's own. Models that are not OpenAI's have tokenizers of their
// own, which usually make some more tokens of the same text than O200k, which
// stands in for them.
func Encoding(model string) (name string, own bool) {
	model = strings.TrimPrefix(model[strings.LastIndexByte(model, '/')+1:], "ft:")
	for _, prefix := range []string{"gpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5", "gpt-6", "gpt-oss", "chatgpt-", "o1", "o3", "o4"} {
		if strings.HasPrefix(model, prefix) {
			return O200k, true
		}
	}
	for _, prefix := range []string{"gpt-4", "gpt-3.5", "gpt-35"} {
		if strings.HasPrefix(model, prefix) {
			return CL100k, true
		}
	}
	return O200k, false
}

// Codecs are made when first used: it takes some 40 ms and as many MB.
var (
	o200k  = sync.OnceValue(codec.NewO200kBase)
	cl100k = sync.OnceValue(codec.NewCl100kBase)
)

// How OpenAI wraps messages, by its cookbook's "How to count tokens with
// tiktoken".
const (
	tokensPerMessage = 4 // three around it, one for the role
	tokensOfReply    = 3 // that begin the answer
)

// unboundedAnswer is what an answer is taken to cost if MaxTokens is 0.
const unboundedAnswer = 4096

// Counter counts the tokens of prompts. It remembers the counts of lines and
// of system messages, so that a description which stands on a line of its own
// is counted once for all keys. Safe for concurrent use.
type Counter struct {
	o200k, cl100k memo
}

// NewCounter makes a counter; it loads no vocabulary yet.
func NewCounter() *Counter { return &Counter{} }

// Count is the number of tokens of a text for a model (see Encoding).
func (c *Counter) Count(model, text string) int {
	m, encoding := c.of(model)
	n := 0
	for text != "" {
		end := lineEnd(text)
		n += m.count(encoding, text[:end])
		text = text[end:]
	}
	return n
}

// Prompt is the number of tokens of a request's inputs, or messages and the schema
// that it is constrained to, which is part of the prompt at OpenAI.
func (c *Counter) Prompt(r *Request) int {
	if len(r.Inputs) > 0 {
		n := 0
		for _, text := range r.Inputs {
			n += c.Count(r.Model, text)
		}
		return n
	}
	n := tokensOfReply
	for _, message := range r.Messages {
		n += tokensPerMessage
		if message.Role == RoleSystem {
			m, encoding := c.of(r.Model)
			n += m.count(encoding, message.Content)
			continue
		}
		n += c.Count(r.Model, message.Content)
	}
	if strings.HasPrefix(r.Constraint, schemaHead) {
		n += len(r.Constraint) / bytesPerSchemaToken
	}
	return n
}

// bytesPerSchemaToken is a lower bound for enumerations of short codes.
const bytesPerSchemaToken = 2

// Most is the most tokens that a request may use: its prompt's and MaxTokens,
// where 0 is taken for 4,096.
func (c *Counter) Most(r *Request) int { return c.Prompt(r) + mostAnswered(r) }

func mostAnswered(r *Request) int {
	if len(r.Inputs) > 0 {
		return 0 // vectors are not charged for
	}
	if r.MaxTokens > 0 {
		return r.MaxTokens
	}
	return unboundedAnswer
}

func (c *Counter) of(model string) (*memo, *codec.Codec) {
	if name, _ := Encoding(model); name == CL100k {
		return &c.cl100k, cl100k()
	}
	return &c.o200k, o200k()
}

// lineEnd is where the first line of a text ends, so that no token stands on
// both sides: behind a line break that a letter or a number follows. Both
// encodings split texts there before they merge.
func lineEnd(text string) int {
	for end := 0; ; {
		i := strings.IndexByte(text[end:], '\n')
		if i < 0 {
			return len(text)
		}
		end += i + 1
		if r, _ := utf8.DecodeRuneInString(text[end:]); unicode.IsLetter(r) || unicode.IsNumber(r) {
			return end
		}
	}
}

// memoBytes bounds what a memo holds, with what each text costs besides.
const (
	memoBytes    = 32 << 20
	memoOverhead = 128
)

// memo remembers the counts of texts under one encoding.
type memo struct {
	counts sync.Map // string → int
	bytes  atomic.Int64
}

func (m *memo) count(encoding *codec.Codec, text string) int {
	if n, ok := m.counts.Load(text); ok {
		return n.(int)
	}
	n, err := encoding.Count(text)
	if err != nil {
		n = len(text) // no token is shorter than a byte
	}
	if size := int64(len(text)) + memoOverhead; m.bytes.Load()+size <= memoBytes {
		m.bytes.Add(size)
		m.counts.Store(strings.Clone(text), n)
	}
	return n
}
