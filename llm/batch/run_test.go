package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foray/llm"
	"foray/llm/batch/batchtest"
	"foray/llm/llmtest"
)

// memory is a Store.
type memory struct {
	data  []byte
	saves int
	fail  int // the save that fails, from 1; 0 is none
}

var errDisk = errors.New("the disk is full")

func (m *memory) Load(context.Context) ([]byte, error) { return m.data, nil }

func (m *memory) Save(ctx context.Context, data []byte) error {
	if m.saves++; m.saves == m.fail {
		return errDisk
	}
	m.data = slices.Clone(data)
	return ctx.Err()
}

// asking is a Runner with what it is to ask, and what came of that.
type asking struct {
	*Runner
	store    *memory
	server   *batchtest.Server
	requests []llm.Request
	// answers and failures are by key; times counts the deliveries of each.
	answers  map[int32]string
	failures map[int32]error
	times    map[int32]int
}

func newAsking(n int, c batchtest.Config) *asking {
	a := &asking{
		store: &memory{}, server: batchtest.New(c), requests: someRequests(n),
		answers: map[int32]string{}, failures: map[int32]error{}, times: map[int32]int{},
	}
	a.Runner = &Runner{
		Endpoint: "e", Body: plainBody, Reply: plainReply, Call: callOf(a.server.Client()), Store: a.store,
		Limits: Limits{Requests: 4},
	}
	return a
}

// run asks, as a command does, what has not been answered yet.
func (a *asking) run(ctx context.Context) (Summary, error) {
	return a.Run(ctx, func(yield func(llm.Request, error) bool) {
		for _, r := range a.requests {
			if _, ok := a.answers[r.Key[0]]; !ok && !yield(r, nil) {
				return
			}
		}
	}, func(_ context.Context, outcomes []Outcome) error {
		for _, o := range outcomes {
			key := o.Request.Key[0]
			a.times[key]++
			if o.Err != nil {
				a.failures[key] = o.Err
			} else {
				a.answers[key] = o.Answer.Text
			}
		}
		return nil
	})
}

// mostAsked is how often the request asked most often was asked.
func (a *asking) mostAsked() (most int) {
	for _, r := range a.requests {
		most = max(most, a.server.Asked(r.ID().String()))
	}
	return most
}

func (a *asking) wantAll(t *testing.T) {
	t.Helper()
	for _, r := range a.requests {
		if key := r.Key[0]; a.answers[key] != "ok" || a.times[key] != 1 {
			t.Errorf("request %d: answer %q, failure %v, delivered %d times", key, a.answers[key], a.failures[key], a.times[key])
		}
	}
	if s, err := parseState(a.store.data); err != nil || len(s.Batches) != 0 || s.Round != 0 {
		t.Errorf("the state left is %s, %v", a.store.data, err)
	}
}

// bubble runs f where waiting takes no time.
func bubble(t *testing.T, f func(t *testing.T)) { t.Helper(); synctest.Test(t, f) }

func courses(list ...batchtest.Course) func(int, int) batchtest.Course {
	return func(number, _ int) batchtest.Course {
		if number > len(list) {
			return batchtest.Complete()
		}
		return list[number-1]
	}
}

func ending(status string, finished int) batchtest.Course {
	return batchtest.Course{Statuses: []string{"validating", "in_progress", status}, Finished: finished}
}

func failing(code string) batchtest.Course {
	return batchtest.Course{Statuses: []string{"validating", "failed"}, Errors: []batchtest.Error{{Code: code, Message: "it is so", Line: 2}}}
}

func TestRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newAsking(10, batchtest.Config{})
		a.requests = append(a.requests, a.requests[3]) // asked once all the same
		var told []Progress
		a.Progress = func(p Progress) { told = append(told, p) }
		summary, err := a.run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		a.wantAll(t)
		if summary.Answered != 10 || summary.Failed != 0 || summary.Rounds != 1 || summary.Batches != 3 || summary.Results.Rows != 10 || summary.Results.Unknown != 0 {
			t.Errorf("summary %+v", summary)
		}
		if first, last := told[0], told[len(told)-1]; first != (Progress{1, 0, 0, 10}) || last != (Progress{1, 10, 0, 10}) {
			t.Errorf("progress from %+v to %+v", first, last)
		}
		if a.mostAsked() != 1 {
			t.Errorf("a request was asked %d times", a.mostAsked())
		}
		if summary, err := a.run(t.Context()); err != nil || summary.Batches != 0 || a.server.Calls("create") != 3 {
			t.Errorf("again: %+v, %v, %d batches", summary, err, a.server.Calls("create"))
		}
	})
}

// What a batch has finished is kept, however it ends; only the rest is asked
// again.
func TestRunKeepsWhatIsFinished(t *testing.T) {
	silent := ending("expired", 1)
	silent.Silent = true
	damaged := batchtest.Complete()
	damaged.Mangle = func(s string) string { return s[:len(s)-30] }
	for _, tt := range []struct {
		name    string
		courses func(int, int) batchtest.Course
		again   int // requests asked twice
		damaged int
	}{
		{"expired", courses(ending("expired", 3)), 1, 0},
		{"expired without a row", courses(ending("expired", 0)), 4, 0},
		{"expired without a word", courses(silent), 3, 0},
		{"failed in the middle", courses(ending("failed", 3)), 1, 0},
		{"failed at the endpoint", courses(failing("server_error")), 4, 0},
		{"expired twice", courses(ending("expired", 3), ending("expired", 1)), 4, 0},
		{"damaged output", courses(damaged), 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newAsking(8, batchtest.Config{Course: tt.courses})
				summary, err := a.run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				a.wantAll(t)
				asked := 0
				for _, r := range a.requests {
					asked += a.server.Asked(r.ID().String())
				}
				if asked != 8+tt.again || a.mostAsked() > 2 || summary.Results.Damaged != tt.damaged || summary.Rounds != 2 {
					t.Errorf("asked %d times, the most %d, summary %+v", asked, a.mostAsked(), summary)
				}
			})
		})
	}
}

func TestRunFailures(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newAsking(8, batchtest.Config{Answer: func(r batchtest.Request) llmtest.Reply {
			switch {
			case r.Prompt == "question 1":
				return llmtest.Failure(400, "content_policy", "no such talk")
			case r.Prompt == "question 2" && r.Asked == 1, r.Prompt == "question 3":
				return llmtest.ServerError()
			}
			return llmtest.Text("ok")
		}})
		summary, err := a.run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range map[int32]int{0: 1, 1: 1, 2: 2, 3: 3} {
			if got := a.server.Asked(a.requests[i].ID().String()); got != want || a.times[i] != 1 {
				t.Errorf("request %d: asked %d times, want %d; delivered %d times", i, got, want, a.times[i])
			}
		}
		if a.answers[2] != "ok" || !strings.Contains(fmt.Sprint(a.failures[1]), "no such talk") || !strings.Contains(fmt.Sprint(a.failures[3]), "out of order") {
			t.Errorf("answers %v, failures %v", a.answers, a.failures)
		}
		if summary.Answered != 6 || summary.Failed != 2 || summary.GivenUp != 0 || summary.Rounds != 3 {
			t.Errorf("summary %+v", summary)
		}
	})
}

func TestRunGivesUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		silent := ending("expired", 0)
		silent.Silent = true
		a := newAsking(4, batchtest.Config{Course: func(int, int) batchtest.Course { return silent }})
		a.Rounds = 2
		a.requests = append(a.requests, a.requests[3])
		summary, err := a.run(t.Context())
		if err != nil || a.times[3] != 1 || summary.GivenUp != 4 || summary.Failed != 4 || a.mostAsked() != 2 {
			t.Fatalf("summary %+v, error %v, asked %d times", summary, err, a.mostAsked())
		}
		var call *llm.CallError
		if !errors.As(a.failures[0], &call) || !call.Retry || !strings.Contains(call.Message, "2 rounds") {
			t.Errorf("failure %v", a.failures[0])
		}
		if _, err := a.run(t.Context()); err != nil || a.mostAsked() != 4 {
			t.Errorf("another run: %v, asked %d times, want 2 rounds of its own", err, a.mostAsked())
		}
	})
}

func TestRunRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config batchtest.Config
		kind   llm.TerminalKind
		says   string
	}{
		{"model", batchtest.Config{Course: courses(failing("model_not_found"))}, llm.UnknownModel, "line 2: it is so"},
		{"line", batchtest.Config{Course: courses(failing("invalid_json_line"))}, llm.RefusedSetting, "failed as a whole"},
		{"row", batchtest.Config{Answer: func(r batchtest.Request) llmtest.Reply {
			if r.Prompt == "question 1" && r.Asked == 1 {
				return llmtest.SpentQuota()
			}
			return llmtest.Text("ok")
		}}, llm.SpentQuota, "current quota"},
		{"no batches", batchtest.Config{Fault: func(call string, n int) (batchtest.Fault, bool) {
			return batchtest.Fault{Reply: llmtest.Failure(404, "", "no such page")}, call == "upload" && n == 1
		}}, llm.BadEndpoint, "carry the files by hand"},
		{"lost batch", batchtest.Config{Fault: func(call string, n int) (batchtest.Fault, bool) {
			return batchtest.Fault{Reply: llmtest.Failure(404, "", "no such batch")}, call == "retrieve" && n == 1
		}}, llm.BadEndpoint, "delete answers/batches.json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newAsking(4, tt.config)
				_, err := a.run(t.Context())
				var terminal *llm.TerminalError
				if !errors.As(err, &terminal) || terminal.Kind != tt.kind || !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("error %v, want %v and %q", err, tt.kind, tt.says)
				}
				// Once somebody has acted, the same command goes on.
				if _, err := a.run(t.Context()); err != nil {
					t.Fatal(err)
				}
				a.wantAll(t)
				if len(a.failures) > 0 {
					t.Errorf("failures %v were delivered", a.failures)
				}
			})
		})
	}
}

// An account's limit of queued tokens refuses all batches but the first.
func TestRunWaitsForTheQueue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		refused := 0
		a := newAsking(12, batchtest.Config{Course: func(number, _ int) batchtest.Course {
			if number == 2 || number == 3 || number == 5 {
				refused++
				return failing("token_limit_exceeded")
			}
			return batchtest.Complete()
		}})
		if _, err := a.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.wantAll(t)
		if refused != 3 || a.server.Calls("upload") != 3 {
			t.Errorf("refused %d batches, uploaded %d files, want 3 and 3", refused, a.server.Calls("upload"))
		}
	})
	bubble(t, func(t *testing.T) { // as long as a batch is under way
		long := batchtest.Complete()
		long.Statuses = append(slices.Repeat([]string{"in_progress"}, 30), "completed")
		ended := false
		a := newAsking(12, batchtest.Config{
			Fault: func(call string, _ int) (batchtest.Fault, bool) {
				ended = ended || call == "content"
				return batchtest.Fault{}, false
			},
			Course: func(number, _ int) batchtest.Course {
				switch {
				case number == 1:
					return long
				case !ended:
					return failing("token_limit_exceeded")
				}
				return batchtest.Complete()
			},
		})
		if _, err := a.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.wantAll(t)
		if n := a.server.Calls("create"); n > 5 {
			t.Errorf("%d batches were created, want 3 and 2 that were refused", n)
		}
	})
	bubble(t, func(t *testing.T) {
		a := newAsking(4, batchtest.Config{Course: func(int, int) batchtest.Course { return failing("token_limit_exceeded") }})
		start := time.Now()
		_, err := a.run(t.Context())
		var terminal *llm.TerminalError
		if !errors.As(err, &terminal) || terminal.Kind != llm.SpentQuota {
			t.Errorf("error %v, want a spent quota", err)
		}
		if took, n := time.Since(start), a.server.Calls("create"); took < time.Hour || took > 2*time.Hour || n > 30 {
			t.Errorf("gave up after %v and %d batches", took, n)
		}
	})
}

func TestRunBearsFailingCalls(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newAsking(8, batchtest.Config{Fault: func(call string, n int) (batchtest.Fault, bool) {
			switch n % 3 {
			case 0:
				return batchtest.Fault{}, false
			case 1:
				return batchtest.Fault{Reply: llmtest.RateLimited("")}, true
			}
			return batchtest.Fault{Reply: llmtest.ServerError()}, true
		}})
		start := time.Now()
		if _, err := a.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.wantAll(t)
		limited := a.server.Calls("upload")/3 + a.server.Calls("create")/3 + a.server.Calls("retrieve")/3
		if took := time.Since(start); took < time.Duration(limited)*90*time.Second {
			t.Errorf("took %v for %d calls that were asked to wait 90s", took, limited)
		}
	})
	bubble(t, func(t *testing.T) {
		a := newAsking(4, batchtest.Config{Fault: func(call string, n int) (batchtest.Fault, bool) {
			return batchtest.Fault{Reply: llmtest.ServerError()}, call == "retrieve" && n > 1
		}})
		_, err := a.run(t.Context())
		var call *llm.CallError
		if !errors.As(err, &call) || call.Status != 500 {
			t.Errorf("error %v, want that of the calls", err)
		}
	})
}

// An error behind HTTP status 200 is no batch and no file, nor is another's.
func TestRunChecksResponses(t *testing.T) {
	for _, reply := range []llmtest.Reply{
		llmtest.HiddenError("server_error", "oops"),
		{Body: `{"id":"../x","status":"completed"}`},
		{Body: `{"id":"batch_77","status":"completed","output_file_id":"file-77"}`},
	} {
		for _, faulty := range []string{"upload", "create", "retrieve"} {
			if faulty != "retrieve" && strings.Contains(reply.Body, "77") {
				continue // a new id may be any
			}
			bubble(t, func(t *testing.T) {
				a := newAsking(4, batchtest.Config{Fault: func(call string, n int) (batchtest.Fault, bool) {
					return batchtest.Fault{Reply: reply}, call == faulty && n == 1
				}})
				if _, err := a.run(t.Context()); err != nil {
					t.Fatalf("%s answers %s: %v", faulty, reply.Body, err)
				}
				a.wantAll(t)
				if a.mostAsked() != 1 {
					t.Errorf("%s answers %s: a request was asked %d times", faulty, reply.Body, a.mostAsked())
				}
			})
		}
	}
}

func TestRunOverTheNetwork(t *testing.T) {
	a := newAsking(9, batchtest.Config{})
	server := batchtest.Start(t, batchtest.Config{
		Course: courses(ending("expired", 2)),
		Fault: func(call string, n int) (batchtest.Fault, bool) {
			// Half of the calls fail at first, one way or another.
			faults := []llmtest.Reply{llmtest.ServerError(), {Body: `{"object":"list"}`}, llmtest.Truncated("half")}
			return batchtest.Fault{Reply: faults[n%3]}, n == 1 && call != "create" && call != "content"
		},
	})
	c := online(t, server.URL)
	a.server, a.Call, a.Body, a.Reply = server, c.Call, c.Body, c.Reply
	a.Poll = Poll{First: time.Millisecond}
	if _, err := a.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.wantAll(t)
	files := server.Uploaded()
	if len(files) != 4 || !strings.Contains(files[0], `"temperature":0,`) {
		t.Errorf("%d files, want 3 and one of the second round; the first is %s", len(files), files[0])
	}
}

// A batch whose creation was carried out, though the response got lost, must
// not be created again.
func TestRunFindsALostBatch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newAsking(16, batchtest.Config{Fault: func(call string, n int) (batchtest.Fault, bool) {
			return batchtest.Fault{Reply: llmtest.ServerError(), Lost: true}, call == "create" && n <= 3
		}})
		if _, err := a.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.wantAll(t)
		if a.mostAsked() != 1 {
			t.Errorf("a request was asked %d times", a.mostAsked())
		}
	})
	bubble(t, func(t *testing.T) { // one that was refused is not the one that got lost
		listed := llmtest.Reply{Body: `{"data":[{"id":"batch_9","input_file_id":"file-1","status":"failed"},{"id":"batch_1","input_file_id":"file-1","status":"validating"}]}`}
		a := newAsking(4, batchtest.Config{Fault: func(call string, n int) (batchtest.Fault, bool) {
			if call == "list" {
				return batchtest.Fault{Reply: listed}, true
			}
			return batchtest.Fault{Reply: llmtest.ServerError(), Lost: true}, call == "create" && n == 1
		}})
		if _, err := a.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.wantAll(t)
		if a.mostAsked() != 1 {
			t.Errorf("a request was asked %d times", a.mostAsked())
		}
	})
	bubble(t, func(t *testing.T) { // where no batches are listed, nothing can be found
		a := newAsking(4, batchtest.Config{Fault: func(call string, n int) (batchtest.Fault, bool) {
			if call == "list" {
				return batchtest.Fault{Reply: llmtest.Failure(405, "", "no")}, true
			}
			return batchtest.Fault{Reply: llmtest.ServerError()}, call == "create" && n == 1
		}})
		if _, err := a.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.wantAll(t)
	})
}

func TestRunWaitsForFiles(t *testing.T) {
	bubble(t, func(t *testing.T) { // an input file that is found late
		a := newAsking(4, batchtest.Config{Fault: func(call string, n int) (batchtest.Fault, bool) {
			return batchtest.Fault{Reply: llmtest.Failure(400, "", "Cannot find file file-1")}, call == "create" && n < 4
		}})
		if _, err := a.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.wantAll(t)
	})
	bubble(t, func(t *testing.T) { // an output file that is named late
		early := llmtest.Reply{Body: `{"id":"batch_1","status":"completed","request_counts":{"completed":4}}`}
		a := newAsking(4, batchtest.Config{Fault: func(call string, n int) (batchtest.Fault, bool) {
			return batchtest.Fault{Reply: early}, call == "retrieve" && n < 4
		}})
		if _, err := a.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.wantAll(t)
		if a.mostAsked() != 1 {
			t.Errorf("a request was asked %d times", a.mostAsked())
		}
	})
	bubble(t, func(t *testing.T) { // results that are none must not be paid for again
		a := newAsking(4, batchtest.Config{Fault: func(call string, n int) (batchtest.Fault, bool) {
			return batchtest.Fault{Reply: llmtest.HiddenError("server_error", "oops")}, call == "content"
		}})
		if _, err := a.run(t.Context()); err == nil || !strings.Contains(err.Error(), "no line of the file") {
			t.Errorf("error %v", err)
		}
		if a.mostAsked() != 1 {
			t.Errorf("a request was asked %d times", a.mostAsked())
		}
	})
}
