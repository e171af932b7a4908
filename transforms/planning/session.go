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

// session is one worker process's way to the model: one client and one log,
// shared by all its shards.
type session struct {
	model  Model
	client llm.Asker
	log    *paidlog.Log
	// slots bound the calls in flight of the process; nil where a call's
	// answer takes long to be kept, and when nobody is asked.
	slots     *durably
	questions *asking
	*command
	// underway is how many keys a shard may have under way.
	underway int

	// version is what this command writes.
	version string

	// end is cancelled when the session stops, so that nobody waits for
	// another attempt.
	end    context.Context
	cancel context.CancelFunc

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
		s.stop(&commit.Failure{Exit: 1, Message: fmt.Sprintf("the endpoint has not answered once: %v: check its URL, and whether its server runs", call)}, nil)
	}
}

var (
	sessionMu      sync.Mutex
	current        *session
	shardsAsking   int           // shards that ask through current
	bundlesHolding int           // bundles that keep current for their next shard
	idle           chan struct{} // closed when no shard asks any more

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
	if shardsAsking++; shardsAsking == 1 {
		idle = make(chan struct{})
	}
	return current, nil
}

// closeSession leaves it.
func closeSession() error {
	sessionMu.Lock()
	defer sessionMu.Unlock()
	if shardsAsking--; shardsAsking > 0 {
		return nil
	}
	defer close(idle)
	return seal()
}

// holdSession keeps the session open between two shards of a bundle.
func holdSession() {
	sessionMu.Lock()
	defer sessionMu.Unlock()
	bundlesHolding++
}

// releaseSession ends that.
func releaseSession() error {
	sessionMu.Lock()
	defer sessionMu.Unlock()
	bundlesHolding = max(bundlesHolding-1, 0) // Stop may have closed it
	return seal()
}

// seal closes the log when nobody needs it any more. The caller holds
// sessionMu.
func seal() error {
	if shardsAsking > 0 || bundlesHolding > 0 || current == nil {
		return nil
	}
	s := current
	current = nil
	return s.log.Close()
}

// Stop lets the calls of this process that are in flight end, and makes no
// others; it returns when their answers are kept, or after so long. Bundles
// that were given up do not say so: what they hold is closed here.
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
		return
	}
	sessionMu.Lock()
	defer sessionMu.Unlock()
	bundlesHolding = 0
	_ = seal() // an answer that is not sealed is kept: the next run seals it
}

func newSession(ctx context.Context, cfg Config) (*session, error) {
	if f, ok := failures.Load(cfg.Version); ok {
		return nil, f.(*commit.Failure)
	}
	w, err := LoadWorld(ctx, cfg)
	if err != nil {
		return nil, err
	}
	questions, err := newAsking(cfg, w)
	if err != nil {
		return nil, err
	}
	return newCalls(ctx, cfg, questions)
}

// newCalls is a session without a word yet about what is asked, if questions is
// nil.
func newCalls(ctx context.Context, cfg Config, questions *asking) (*session, error) {
	s := &session{model: cfg.Model, version: cfg.Version, questions: questions}
	s.end, s.cancel = context.WithCancel(context.Background())
	b, err := store.Open(ctx, cfg.Output)
	if err != nil {
		return nil, err
	}
	if cfg.Model.Failed != "" {
		s.client, err = readFailed(ctx, b, cfg.Model.Failed)
	} else {
		s.client, err = cfg.Model.client(cfg.Model.Endpoint)
	}
	if err != nil {
		return nil, &commit.Failure{Exit: 1, Message: err.Error()}
	}
	if s.command, err = commandOf(cfg); err != nil {
		return nil, &commit.Failure{Exit: 1, Message: err.Error()}
	}
	if s.log, err = paidlog.Open(context.WithoutCancel(ctx), b); err != nil {
		return nil, &commit.Failure{Exit: 1, Message: fmt.Sprintf("open the paid log: %v", err)}
	}
	// On an object store answers take up to ten seconds to be kept, and
	// calls must not wait for that.
	calls := cfg.Model.Concurrency
	s.underway = max(2*calls, min(32*calls, 4*paidlog.PutRecords))
	if _, local := b.(store.Local); local {
		s.underway = calls + 16 // the next are ready when a slot is
		s.slots = newDurably(s.log, calls)
	}
	s.whole.addKilled(s.log.MaybePaid())
	return s, nil
}

// client is a way to one endpoint, or to nobody if answers are only to be
// matched again.
func (m Model) client(endpoint string) (llm.Asker, error) {
	if m.Rematch {
		return nobody{}, nil
	}
	return m.Client(endpoint)
}

// Client is the client of one endpoint.
func (m Model) Client(endpoint string) (*llm.Client, error) {
	key, err := m.Key()
	if err != nil {
		return nil, err
	}
	return llm.NewClient(llm.ClientConfig{Endpoint: endpoint, Key: key, Concurrency: m.Concurrency, Timeout: m.Timeout})
}

// errNotStored says that there is no stored answer, and nobody is asked.
var errNotStored = errors.New("no stored answer")

// nobody answers nothing.
type nobody struct{}

// Ask implements llm.Asker.
func (nobody) Ask(context.Context, llm.Request) (llm.Answer, error) {
	return llm.Answer{}, errNotStored
}

// stopOn stops on an error that no request can succeed after.
func (s *session) stopOn(terminal *llm.TerminalError) {
	s.stop(&commit.Failure{Exit: terminal.Kind.Exit(), Message: terminal.Error()}, terminal)
}

// stop remembers the first failure after which no call is worth making.
func (s *session) stop(f *commit.Failure, terminal *llm.TerminalError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure == nil {
		s.failure, s.terminal = f, terminal
		failures.Store(s.version, f)
		s.cancel()
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
