package llmtest

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Reply is what the endpoint does with a call.
type Reply struct {
	// Status is the HTTP status; 0 is 200.
	Status int
	Header map[string]string
	Body   string
	// Latency passes before the reply.
	Latency time.Duration
	// Hang keeps the call until the client gives up.
	Hang bool
	// Truncate ends the connection in order after half of the body, Reset
	// tears it down there.
	Truncate, Reset bool
	// Drip is the pause after every 64 bytes of the body.
	Drip time.Duration
}

// Text answers with this text, for 10 tokens of prompt and one a word.
func Text(text string) Reply {
	body, err := json.Marshal(map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "fake",
		"choices": []any{map[string]any{
			"index": 0, "finish_reason": "stop",
			"message": map[string]any{"role": "assistant", "content": text},
		}},
		"usage": map[string]any{"prompt_tokens": 10, "completion_tokens": len(strings.Fields(text))},
	})
	if err != nil {
		panic(err) // maps of strings and numbers always encode
	}
	return Reply{Body: string(body)}
}

// Failure answers with an HTTP status and an error body.
func Failure(status int, code, message string) Reply {
	return Reply{Status: status, Body: fmt.Sprintf(`{"error":{"message":%q,"type":"error","param":null,"code":%q}}`, message, code)}
}

// RateLimited is a 429; retryAfter is the header's value, none if empty.
func RateLimited(retryAfter string) Reply {
	r := Failure(http.StatusTooManyRequests, "rate_limit_exceeded", "Rate limit reached")
	if retryAfter != "" {
		r.Header = map[string]string{"Retry-After": retryAfter}
	}
	return r
}

// ServerError is a 500.
func ServerError() Reply {
	return Failure(http.StatusInternalServerError, "server_error", "out of order")
}

// SpentQuota is the 429 that no waiting mends.
func SpentQuota() Reply {
	return Failure(http.StatusTooManyRequests, "insufficient_quota", "You exceeded your current quota")
}

// HiddenError is an error behind HTTP status 200.
func HiddenError(code, message string) Reply { return Failure(0, code, message) }

// NoChoices is a 200 without an answer.
func NoChoices() Reply {
	return Reply{Body: `{"id":"chatcmpl-1","object":"chat.completion","choices":[]}`}
}

// Hang never answers.
func Hang() Reply { return Reply{Hang: true} }

// Truncated is an answer that ends half-way.
func Truncated(text string) Reply {
	r := Text(text)
	r.Truncate = true
	return r
}

// QuotaOf answers n calls with reply, and all others with SpentQuota.
func QuotaOf(n int, reply func(Call) Reply) func(Call) Reply {
	return func(c Call) Reply {
		if c.Number > n {
			return SpentQuota()
		}
		return reply(c)
	}
}

// RateLimitedUntil is a 429 with the time as a date.
func RateLimitedUntil(t time.Time) Reply { return RateLimited(t.UTC().Format(http.TimeFormat)) }

// Unavailable is a 503.
func Unavailable() Reply {
	return Failure(http.StatusServiceUnavailable, "overloaded", "no capacity left")
}

// ResetBody is an answer whose connection breaks half-way.
func ResetBody(text string) Reply {
	r := Text(text)
	r.Reset = true
	return r
}

// WrongJSON is a 200 with JSON that is no answer.
func WrongJSON() Reply { return Reply{Body: `{"choices":"none","usage":[]}`} }

// Junk is an answer that makes no sense.
func Junk() Reply { return Text("As an assistant I \u0000 {{{ \u202e would rather\n\n\nnot. ```json") }

// Huge is an answer of so many bytes.
func Huge(bytes int) Reply { return Text(strings.Repeat("New cluster: ", bytes/13+1)[:max(bytes, 0)]) }

// Slow is reply after some time.
func Slow(latency time.Duration, reply Reply) Reply {
	reply.Latency = latency
	return reply
}

// Dripping is reply with a pause after every 64 bytes.
func Dripping(pause time.Duration, reply Reply) Reply {
	reply.Drip = pause
	return reply
}

// FromKey answers with the last description of the key that the prompt is
// about.
func FromKey(c Call) Reply {
	description := "nothing"
	if key := KeyOf(c.Prompt); len(key) > 0 {
		description = key[len(key)-1]
	}
	return Text("New cluster: " + description)
}

// KeyOf is the descriptions of the key that a prompt is about: what stands
// behind "Cluster 1:", "Cluster 2:", … in the built-in prompts.
func KeyOf(prompt string) []string {
	var key []string
	for line := range strings.Lines(prompt) {
		name, description, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if ok && name == "Cluster "+strconv.Itoa(len(key)+1) {
			key = append(key, description)
		}
	}
	return key
}

// Novel answers with one of these descriptions that is none of the key's,
// always the same for a key.
func Novel(descriptions []string) func(Call) Reply {
	return func(c Call) Reply {
		key := KeyOf(c.Prompt)
		h := fnv.New64a()
		for _, d := range key {
			h.Write([]byte(d + "\n"))
		}
		at := h.Sum64()
		for i := range uint64(len(descriptions)) {
			if d := descriptions[(at+i)%uint64(len(descriptions))]; !slices.Contains(key, d) {
				return Text("New cluster: " + d)
			}
		}
		return Junk()
	}
}

func (reply Reply) send(w http.ResponseWriter, r *http.Request) {
	if reply.Hang {
		<-r.Context().Done()
		return
	}
	if !pause(r, reply.Latency) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	for name, value := range reply.Header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(reply.Body)))
	if reply.Status != 0 {
		w.WriteHeader(reply.Status)
	}
	body := reply.Body
	if reply.Truncate || reply.Reset {
		// net/http ends the connection when less comes than was announced.
		body = body[:len(body)/2]
	}
	for reply.Drip > 0 && len(body) > 64 {
		io.WriteString(w, body[:64])
		http.NewResponseController(w).Flush()
		if body = body[64:]; !pause(r, reply.Drip) {
			return
		}
	}
	io.WriteString(w, body)
	if reply.Reset {
		reset(w)
	}
}

// pause tells whether the client is still there after it.
func pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// reset breaks the connection of a response: a socket's peer sees a reset.
func reset(w http.ResponseWriter) {
	control := http.NewResponseController(w)
	control.Flush()
	conn, _, err := control.Hijack()
	if err != nil {
		return // HTTP/2: the announced length tells the client all the same
	}
	if socket, ok := conn.(*net.TCPConn); ok {
		socket.SetLinger(0)
	}
	conn.Close()
}
