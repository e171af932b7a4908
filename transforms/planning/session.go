package planning

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

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
	questions  *asking
	vocabulary *llm.Vocabulary
	// waiting is how many keys a shard may have under way for each call that
	// may be in flight.
	waiting int

	// version is what this command writes.
	version string

	mu sync.Mutex
	// failure is what no call can succeed after, terminal the endpoint's word
	// for it, if it was the endpoint's.
	failure  *commit.Failure
	terminal *llm.TerminalError
	told     int // of the log's warnings
	// reached tells that the endpoint has answered, with an error or not;
	// failing is when it was first found not to.
	reached bool
	failing time.Time
}

// unreachable is how long an endpoint may fail to answer at all before the
// session stops: asking half a million times would be told the same.
const unreachable = 10 * time.Second

// hear notes what came of a call, and stops if the endpoint never answers.
func (s *session) hear(err error, now time.Time) {
	var call *llm.CallError
	s.mu.Lock()
	switch {
	case !errors.As(err, &call) || call.Status != 0:
		s.reached = s.reached || err == nil || call != nil
	case s.failing.IsZero():
		s.failing = now
	}
	stop := call != nil && call.Status == 0 && !s.reached && now.Sub(s.failing) >= unreachable
	s.mu.Unlock()
	if stop {
		s.stop(&commit.Failure{Exit: 1, Message: fmt.Sprintf("the endpoint has not answered once: %v: check --llm_endpoint, and whether its server runs", call)}, nil)
	}
}

var (
	sessionMu sync.Mutex
	current   *session
	users     int           // shards that hold current
	idle      chan struct{} // closed when the last of them has left

	// failures are the *commit.Failure of commands that were stopped, by
	// version: a shard that comes when all others have left opens a session of
	// its own, and must not find out anew.
	failures sync.Map
)

// openSession joins the process's session, opening it for the first shard.
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
	if users++; users == 1 {
		idle = make(chan struct{})
	}
	return current, nil
}

// closeSession leaves it; the last shard seals the log.
func closeSession() error {
	sessionMu.Lock()
	defer sessionMu.Unlock()
	if users--; users > 0 || current == nil {
		return nil
	}
	defer close(idle)
	s := current
	current = nil
	return s.log.Close()
}

// Stop lets the calls of this process that are in flight end, and makes no
// others; it returns when their answers are durable, or after so long.
func Stop(version string, patience time.Duration) {
	f := &commit.Failure{Exit: 4, Message: "stopped; run the same command again to go on"}
	failures.Store(version, f)
	sessionMu.Lock()
	if current == nil || current.version != version {
		sessionMu.Unlock()
		return
	}
	current.stop(f, nil)
	left := idle
	sessionMu.Unlock()
	select {
	case <-left:
	case <-time.After(patience):
	}
}

func newSession(ctx context.Context, cfg Config) (*session, error) {
	if f, ok := failures.Load(cfg.Version); ok {
		return nil, f.(*commit.Failure)
	}
	w, err := LoadWorld(ctx, cfg)
	if err != nil {
		return nil, err
	}
	vocabulary, err := llm.NewVocabulary(w.Space.Leaves(), w.Descriptions)
	if err != nil {
		return nil, &commit.Failure{Exit: 1, Message: err.Error()}
	}
	questions, err := newAsking(cfg.Model, w)
	if err != nil {
		return nil, &commit.Failure{Exit: 1, Message: err.Error()}
	}
	if cfg.Model.Rematch {
		return rematching(ctx, cfg, questions, vocabulary)
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
	s := &session{version: cfg.Version, log: log, questions: questions, vocabulary: vocabulary}
	if _, local := b.(store.Local); local {
		s.waiting = 2 // the next are ready when a slot is
		limited := newDurably(untilStopped{client, s}, log, cfg.Model.Concurrency)
		s.asker = llm.Recorded(llm.Retrying(limited, llm.Retries{}), limited)
	} else {
		// Answers take up to ten seconds to be durable: calls must not wait
		// for that.
		s.waiting = 32
		s.asker = llm.Recorded(llm.Retrying(llm.InFlight(untilStopped{client, s}, cfg.Model.Concurrency), llm.Retries{}), log)
	}
	return s, nil
}

// rematching is a session that answers from the paid log alone.
func rematching(ctx context.Context, cfg Config, questions *asking, vocabulary *llm.Vocabulary) (*session, error) {
	b, err := store.Open(ctx, cfg.Output)
	if err != nil {
		return nil, err
	}
	log, err := paidlog.Open(context.WithoutCancel(ctx), b)
	if err != nil {
		return nil, &commit.Failure{Exit: 1, Message: fmt.Sprintf("open the paid log: %v", err)}
	}
	return &session{version: cfg.Version, log: log, questions: questions, vocabulary: vocabulary, waiting: 2, asker: llm.Recorded(nobody{}, log)}, nil
}

// errNotStored says that there is no stored answer, and nobody is asked.
var errNotStored = errors.New("no stored answer")

// nobody answers nothing.
type nobody struct{}

// Ask implements llm.Asker.
func (nobody) Ask(context.Context, llm.Request) (llm.Answer, error) {
	return llm.Answer{}, errNotStored
}

// errStopped says that no call is made any more.
var errStopped = errors.New("stopped")

// untilStopped makes no call once the endpoint has said that none can succeed,
// or once the command is stopped.
type untilStopped struct {
	asker   llm.Asker
	session *session
}

// Ask implements llm.Asker.
func (a untilStopped) Ask(ctx context.Context, r llm.Request) (llm.Answer, error) {
	if terminal := a.session.ended(); terminal != nil {
		return llm.Answer{}, terminal
	}
	if a.session.stopped() != nil {
		return llm.Answer{}, errStopped
	}
	if ctx.Err() != nil {
		return llm.Answer{}, fmt.Errorf("ask %s: %w", r.Model, context.Cause(ctx))
	}
	// A call that is made is paid for: it ends in its own time.
	answer, err := a.asker.Ask(context.WithoutCancel(ctx), r)
	a.session.hear(err, time.Now())
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
		failures.Store(s.version, f)
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
