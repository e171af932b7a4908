package llm

import (
	"context"
	"fmt"
	"time"
)

// Asker answers requests. Safe for concurrent use.
//
// Ask fails in one of three ways, to be told apart with errors.As:
//
//   - *TerminalError: no request can succeed until somebody acts on its
//     Advice. Stop asking.
//   - *CallError: this request failed. Others may succeed; whether this one
//     may, too, is told by its Retry.
//   - anything else: ctx is done, and the error wraps its cause.
//
// An answer that makes no sense is an answer, not an error.
type Asker interface {
	Ask(ctx context.Context, r Request) (Answer, error)
}

// Answer is what a model said.
type Answer struct {
	// Text is the raw text, as it came.
	Text string
	// FinishReason is the endpoint's: "stop", "length", "content_filter", ….
	FinishReason string
	// PromptTokens and CompletionTokens are what the endpoint counted; 0 if
	// it tells nothing.
	PromptTokens     int
	CompletionTokens int
	// Endpoint is the base URL that answered.
	Endpoint string
	AskedAt  time.Time
	Latency  time.Duration
	// Recorded tells that nothing was asked: the answer was paid for before.
	// Of a recorded answer only Text is known.
	Recorded bool
}

// TerminalKind is why nothing more can be asked.
type TerminalKind int

const (
	SpentQuota        TerminalKind = iota + 1 // the account has no credit or quota left
	BadKey                                    // the API key is missing, wrong or not allowed
	UnknownModel                              // the endpoint does not know the model
	BadEndpoint                               // the URL is not that of a chat endpoint
	RefusedSetting                            // the endpoint refuses a parameter of every request
	LogFailed                                 // answers can no longer be recorded
	SpentBudget                               // the next call might exceed the run's own budget
	IgnoredConstraint                         // the endpoint answers what the constraint forbids
)

// String names the kind as messages do.
func (k TerminalKind) String() string {
	switch k {
	case SpentQuota:
		return "spent quota"
	case BadKey:
		return "bad API key"
	case UnknownModel:
		return "unknown model"
	case BadEndpoint:
		return "bad endpoint"
	case RefusedSetting:
		return "refused setting"
	case LogFailed:
		return "answers cannot be recorded"
	case SpentBudget:
		return "spent budget"
	case IgnoredConstraint:
		return "ignored constraint"
	}
	return fmt.Sprintf("TerminalKind(%d)", int(k))
}

// Exit is the exit code that a command ends with: 4 if the same command goes on
// later, 1 if something must be mended first.
func (k TerminalKind) Exit() int {
	if k == SpentQuota || k == SpentBudget {
		return 4
	}
	return 1
}

// TerminalError tells that no request can succeed for now.
type TerminalError struct {
	Kind TerminalKind
	// Advice is what to do about it, in one sentence.
	Advice string
	// Err is what the endpoint, or the log, said.
	Err error
}

func (e *TerminalError) Error() string {
	return fmt.Sprintf("%s: %v: %s", e.Kind, e.Err, e.Advice)
}

func (e *TerminalError) Unwrap() error { return e.Err }

// CallError tells that one request failed.
type CallError struct {
	// Status is the HTTP status, or that which an error behind status 200
	// names; 0 if there was no response.
	Status int
	// Message is what the endpoint or the network said.
	Message string
	// Retry tells that the same request may succeed later.
	Retry bool
	// MaybePaid tells that the endpoint may have answered, and charged for it.
	MaybePaid bool
	// RetryAfter is how long the endpoint wants this request to wait; 0 if it
	// did not say.
	RetryAfter time.Duration
}

func (e *CallError) Error() string {
	if e.Status == 0 {
		return "call failed: " + e.Message
	}
	return fmt.Sprintf("call failed with HTTP status %d: %s", e.Status, e.Message)
}
