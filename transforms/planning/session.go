package planning

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"foray/llm"
	"foray/transforms/commit"
	"foray/transforms/paidlog"
	"foray/transforms/store"
)

// session is one worker process's way to the model: one client, one log and
// one limit of calls in flight, shared by all its shards.
type session struct {
	asker      llm.Asker
	log        *paidlog.Log
	prompt     *llm.Prompt
	vocabulary *llm.Vocabulary
	// waiting is how many keys a shard may have under way for each call in
	// flight: their answers are still being made durable.
	waiting int

	mu sync.Mutex
	// failure is what no call can succeed after, terminal the endpoint's word
	// for it, if it was the endpoint's.
	failure  *commit.Failure
	terminal *llm.TerminalError
	told     int // of the log's warnings
}

var (
	sessionMu sync.Mutex
	current   *session
	users     int // bundles that hold current
)

// openSession joins the process's session, opening it for the first bundle.
func openSession(ctx context.Context, cfg Config) (*session, error) {
	sessionMu.Lock()
	defer sessionMu.Unlock()
	if current == nil {
		s, err := newSession(ctx, cfg)
		if err != nil {
			return nil, err
		}
		current = s
	}
	users++
	return current, nil
}

// closeSession leaves it; the last bundle seals the log.
func closeSession() error {
	sessionMu.Lock()
	defer sessionMu.Unlock()
	if users--; users > 0 || current == nil {
		return nil
	}
	s := current
	current = nil
	return s.log.Close()
}

func newSession(ctx context.Context, cfg Config) (*session, error) {
	w, err := LoadWorld(ctx, cfg)
	if err != nil {
		return nil, err
	}
	vocabulary, err := llm.NewVocabulary(w.Space.Leaves(), w.Descriptions)
	if err != nil {
		return nil, &commit.Failure{Exit: 1, Message: err.Error()}
	}
	prompt, err := llm.ParsePrompt(cfg.Model.Prompt)
	if err != nil {
		return nil, &commit.Failure{Exit: 1, Message: err.Error()}
	}
	key, err := cfg.Model.Key()
	if err != nil {
		return nil, &commit.Failure{Exit: 1, Message: err.Error()}
	}
	client, err := llm.NewClient(llm.ClientConfig{Endpoint: cfg.Model.Endpoint, Key: key, Concurrency: cfg.Model.Concurrency, Timeout: cfg.Model.Timeout})
	if err != nil {
		return nil, &commit.Failure{Exit: 1, Message: err.Error()}
	}
	b, err := store.Open(ctx, cfg.Output)
	if err != nil {
		return nil, err
	}
	log, err := paidlog.Open(context.WithoutCancel(ctx), b)
	if err != nil {
		return nil, &commit.Failure{Exit: 1, Message: fmt.Sprintf("open the paid log: %v", err)}
	}
	s := &session{log: log, prompt: prompt, vocabulary: vocabulary, waiting: waiting(b)}
	s.asker = llm.Recorded(llm.Retrying(llm.InFlight(untilStopped{client, s}, cfg.Model.Concurrency), llm.Retries{}), log)
	return s, nil
}

// untilStopped makes no call once the endpoint has said that none can succeed.
type untilStopped struct {
	asker   llm.Asker
	session *session
}

// Ask implements llm.Asker.
func (a untilStopped) Ask(ctx context.Context, r llm.Request) (llm.Answer, error) {
	if terminal := a.session.ended(); terminal != nil {
		return llm.Answer{}, terminal
	}
	answer, err := a.asker.Ask(ctx, r)
	if terminal := (*llm.TerminalError)(nil); errors.As(err, &terminal) {
		a.session.stopOn(terminal)
	}
	return answer, err
}

// stopOn stops on an error that no request can succeed after.
func (s *session) stopOn(terminal *llm.TerminalError) {
	exit := 1
	if terminal.Kind == llm.SpentQuota {
		exit = 4
	}
	s.stop(&commit.Failure{Exit: exit, Message: terminal.Error()}, terminal)
}

// stop remembers the first failure after which no call is worth making.
func (s *session) stop(f *commit.Failure, terminal *llm.TerminalError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure == nil {
		s.failure, s.terminal = f, terminal
	}
}

// ended is the endpoint's error that the session stopped on, nil if none.
func (s *session) ended() *llm.TerminalError {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.terminal
}

// stopped is that failure, nil if there is none.
func (s *session) stopped() *commit.Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

// damage tells what of the paid log could not be read, each once.
func (s *session) damage() []string {
	warnings := s.log.Warnings()
	s.mu.Lock()
	defer s.mu.Unlock()
	told := s.told
	s.told = len(warnings)
	return warnings[told:]
}

// waiting is how many answers of each call in flight may be on their way to
// being durable: on a local disk that takes milliseconds, on an object store
// up to ten seconds.
func waiting(b store.Bucket) int {
	if _, local := b.(store.Local); local {
		return 2
	}
	return 32
}
