package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/sashabaranov/go-openai"
)

// failure makes the error of the contract from what went wrong with a request
// to a model ("" if that is not known). Nothing that came from outside is
// wrapped, only quoted without the key.
func (c *Client) failure(model string, x *exchange, err error) error {
	quote := func(s string) error { return errors.New(shorten(c.key.scrub(s))) }
	switch {
	case errors.Is(err, openai.ErrChatCompletionInvalidModel):
		return &TerminalError{UnknownModel, "give a model that chats", fmt.Errorf("%q is no chat model", model)}
	case errors.Is(err, errRedirect):
		return &TerminalError{BadEndpoint, "give the URL that it redirects to, with /v1 at its end", quote(err.Error())}
	case errors.Is(err, errTooLong):
		return &CallError{Status: x.status, Message: err.Error(), MaybePaid: true}
	case errors.Is(err, context.DeadlineExceeded):
		return &CallError{Status: x.status, Message: fmt.Sprintf("no answer from %s within %v", c.endpoint, x.timeout), Retry: true, MaybePaid: true}
	case x.body == nil && isTLS(err):
		return &TerminalError{BadEndpoint, "check http or https in the URL, and the endpoint's certificate", quote(err.Error())}
	case x.body == nil:
		return &CallError{Status: x.status, Message: quote(err.Error()).Error(), Retry: true, MaybePaid: !isDial(err)}
	}
	said, ok := parseComplaint(x.body)
	if !ok && x.status < 400 {
		// Neither an answer nor an error: half of a body, or a page of
		// something that is no model.
		return &CallError{Status: x.status, Message: quote(err.Error() + ": " + string(x.body)).Error(), Retry: true, MaybePaid: true}
	}
	status := x.status
	if status < 400 && said.status() != 0 {
		status = said.status() // an error behind HTTP 200 has its status in its code
	}
	if said.Message == "" {
		said.Message = http.StatusText(status)
	}
	said.Message = quote(said.Message).Error()
	if kind, advice := said.terminal(status, model); kind != 0 {
		return &TerminalError{kind, advice, fmt.Errorf("%s answers HTTP status %d: %s", c.endpoint, x.status, said.Message)}
	}
	return &CallError{
		Status:  status,
		Message: said.Message,
		Retry:   retriable(status),
		// A proxy that has waited long enough knows nothing of the model.
		MaybePaid:  status == http.StatusGatewayTimeout,
		RetryAfter: retryAfter(x.header, c.now()),
	}
}

// retriable tells of statuses that pass. One below 400 is an error whose
// status nobody told.
func retriable(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500 || status < 400
}

// complaint is the error that a body tells, in the shapes that endpoints use:
// {"error":{…}}, {"error":"…"}, {"message":…} or {"detail":…}.
type complaint struct {
	Message string
	Type    string
	Code    string
	Param   string
}

func parseComplaint(body []byte) (complaint, bool) {
	var outer map[string]json.RawMessage
	if json.Unmarshal(body, &outer) != nil {
		// Plain text, or a proxy's page.
		return complaint{Message: string(body)}, false
	}
	inner := outer
	if raw, ok := outer["error"]; ok && string(raw) != "null" {
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil || object == nil {
			return complaint{Message: plain(raw)}, true
		}
		inner = object
	}
	said := complaint{plain(inner["message"]), plain(inner["type"]), plain(inner["code"]), plain(inner["param"])}
	if said.Message == "" {
		said.Message = plain(outer["detail"])
	}
	told := said.Message != ""
	if !told {
		said.Message = string(body)
	}
	return said, told
}

// plain is a JSON string's text, and other JSON as it stands.
func plain(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s // also for null
	}
	return string(raw)
}

// status is the HTTP status that the code names, 0 if it names none.
func (c complaint) status() int {
	var n int
	if _, err := fmt.Sscanf(c.Code, "%d", &n); err != nil || n < 400 || n > 599 {
		return 0
	}
	return n
}

var (
	quotaCodes = []string{"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance"}
	keyCodes   = []string{"invalid_api_key", "authentication_error", "invalid_authentication", "permission_denied"}
	modelCodes = []string{"model_not_found"}
)

// terminal tells whether the complaint concerns every request, and what to do.
// Which quota is spent stands in codes only: messages about a rate limit use
// the same words.
func (c complaint) terminal(status int, model string) (TerminalKind, string) {
	is := func(codes []string) bool { return slices.Contains(codes, c.Code) || slices.Contains(codes, c.Type) }
	lower := strings.ToLower(c.Message)
	aboutModel := strings.Contains(lower, "model")
	switch {
	case is(quotaCodes) || status == http.StatusPaymentRequired:
		return SpentQuota, "add credit, or wait for the quota's next period, and run the same command again"
	case is(modelCodes) || status == http.StatusBadRequest && c.Param == "model" || status == http.StatusNotFound && aboutModel:
		if model == "" {
			return UnknownModel, "give a model that the endpoint serves"
		}
		return UnknownModel, fmt.Sprintf("give a model that the endpoint serves, not %q", model)
	case status == http.StatusForbidden && (strings.Contains(lower, "flagged") || strings.Contains(lower, "moderation")):
		return 0, "" // this prompt alone
	case is(keyCodes) || status == http.StatusUnauthorized || status == http.StatusForbidden:
		return BadKey, "check the key in the environment variable or file that was named, and what it is allowed to do"
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		return BadEndpoint, "give the base URL of an OpenAI-compatible endpoint, usually with /v1 at its end"
	case status == http.StatusBadRequest && c.Param != "" && !strings.HasPrefix(c.Param, "messages") && !strings.HasPrefix(c.Param, "input"):
		return RefusedSetting, fmt.Sprintf("change or leave out %s", c.Param)
	}
	return 0, ""
}

// shorten keeps what fits a line.
func shorten(s string) string {
	const most = 400
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return strings.TrimSpace(s)
}
