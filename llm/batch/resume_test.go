package batch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"foray/llm"
	"foray/llm/batch/batchtest"
	"foray/llm/llmtest"
)

// Wherever a process ends, the next one asks nothing twice and loses nothing.
func TestResumeAfterAnySave(t *testing.T) {
	bubble(t, func(t *testing.T) {
		failed := 0
		for n := 1; ; n++ {
			a := newAsking(20, batchtest.Config{Course: courses(batchtest.Complete(), ending("expired", 2))})
			a.Open = 2
			a.store.fail = n
			_, err := a.run(t.Context())
			if err == nil {
				break
			}
			if !errors.Is(err, errDisk) {
				t.Fatalf("save %d: %v", n, err)
			}
			failed++
			if _, err := a.run(t.Context()); err != nil {
				t.Fatalf("after save %d: %v", n, err)
			}
			asked := 0
			for _, r := range a.requests {
				if a.answers[r.Key[0]] != "ok" || a.times[r.Key[0]] != 1 {
					t.Errorf("after save %d: request %v: answer %q, delivered %d times", n, r.Key, a.answers[r.Key[0]], a.times[r.Key[0]])
				}
				asked += a.server.Asked(r.ID().String())
			}
			if asked != 22 {
				t.Errorf("after save %d: requests were asked %d times, want 20 and 2 that expired", n, asked)
			}
		}
		if failed < 20 {
			t.Errorf("%d saves failed, want one for each step of 6 batches", failed)
		}
	})
}

func TestResumeAfterAnyCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		stopped := 0
		for n := 1; ; n++ {
			ctx, cancel := context.WithCancelCause(t.Context())
			calls := 0
			why := errors.New("a signal")
			a := newAsking(9, batchtest.Config{Fault: func(string, int) (batchtest.Fault, bool) {
				if calls++; calls == n {
					cancel(why)
				}
				return batchtest.Fault{}, false
			}})
			_, err := a.run(ctx)
			if err == nil {
				cancel(nil)
				break
			}
			if !errors.Is(err, why) {
				t.Fatalf("call %d: error %v, want the cause", n, err)
			}
			stopped++
			if _, err := a.run(t.Context()); err != nil {
				t.Fatalf("after call %d: %v", n, err)
			}
			a.wantAll(t)
			if a.mostAsked() != 1 {
				t.Errorf("after call %d: a request was asked %d times", n, a.mostAsked())
			}
		}
		if stopped < 15 {
			t.Errorf("stopped at %d calls, want at each for 3 batches", stopped)
		}
	})
}

// The batch that got lost may be far down in the account's list.
func TestResumeAmongOtherBatches(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newAsking(4, batchtest.Config{})
		a.store.fail = 3 // created, and not saved
		if _, err := a.run(t.Context()); !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
		others := newAsking(0, batchtest.Config{})
		others.server, others.Call = a.server, a.Call
		for i := range 5 {
			others.requests = someRequests(6 + i)[5+i:]
			clear(others.answers)
			if _, err := others.run(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := a.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.wantAll(t)
		if a.mostAsked() != 1 {
			t.Errorf("a request was asked %d times", a.mostAsked())
		}
	})
}

// A shard that was planned by another process may have been answered, or have
// shrunk, since.
func TestResumeWithFewerRequests(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newAsking(12, batchtest.Config{})
		a.store.fail = 2 // all is planned, nothing is uploaded
		if _, err := a.run(t.Context()); !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
		s, err := parseState(a.store.data)
		if err != nil || len(s.Batches) != 3 {
			t.Fatalf("state %s, %v", a.store.data, err)
		}
		for i, r := range a.requests {
			if s.Batches[0].shard.Has(r.ID()) || i == 5 {
				a.answers[r.Key[0]], a.times[r.Key[0]] = "ok", 1
			}
		}
		summary, err := a.run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		a.wantAll(t)
		if n := a.server.Calls("create"); n != 2 {
			t.Errorf("%d batches, want 2; summary %+v", n, summary)
		}
	})
}

func TestResumeElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newAsking(4, batchtest.Config{})
		a.store.fail = 3
		if _, err := a.run(t.Context()); !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
		a.Endpoint = "another"
		if _, err := a.run(t.Context()); err == nil || !strings.Contains(err.Error(), "under way at e") {
			t.Errorf("error %v, want one that names the endpoint of the batches", err)
		}
		a.store.data = []byte("{")
		if _, err := a.run(t.Context()); err == nil || !strings.Contains(err.Error(), "no state of batches") {
			t.Errorf("error %v, want one about the state", err)
		}
		if a.server.Calls("create") != 1 {
			t.Errorf("%d batches, want the one of before", a.server.Calls("create"))
		}
	})
}

func TestDeliverFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newAsking(6, batchtest.Config{})
		full := errors.New("the log is full")
		_, err := a.Run(t.Context(), all(a.requests), func(context.Context, []Outcome) error { return full })
		if !errors.Is(err, full) {
			t.Fatal(err)
		}
		if _, err := a.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.wantAll(t)
		if a.mostAsked() != 1 {
			t.Errorf("a request was asked %d times", a.mostAsked())
		}
	})
}

func TestCancelledElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var server *batchtest.Server
		a := newAsking(8, batchtest.Config{Course: courses(ending("completed", 2), batchtest.Complete())})
		server = a.server
		a.Rounds = 1 // what was cancelled in the last round is not given up either
		looks := 0
		a.Progress = func(Progress) {
			if looks++; looks == 2 {
				server.Abort()
			}
		}
		if _, err := a.run(t.Context()); !errors.Is(err, ErrCancelled) {
			t.Fatalf("error %v, want ErrCancelled", err)
		}
		if len(a.answers) != 2 || len(a.failures) != 0 || a.mostAsked() != 1 {
			t.Errorf("answers %v, failures %v, asked %d times", a.answers, a.failures, a.mostAsked())
		}
		// The other batch was cancelled as well; then all is asked again.
		if _, err := a.run(t.Context()); !errors.Is(err, ErrCancelled) {
			t.Fatalf("error %v, want ErrCancelled", err)
		}
		if _, err := a.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.wantAll(t)
	})
}

func TestCancel(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newAsking(12, batchtest.Config{
			Course: courses(ending("completed", 3), batchtest.Course{Finished: 1}),
			Fault: func(call string, n int) (batchtest.Fault, bool) {
				return batchtest.Fault{Reply: llmtest.ServerError()}, call == "cancel" && n == 1
			},
		})
		a.Open = 2
		ctx, stop := context.WithCancel(t.Context())
		a.Progress = func(Progress) { stop() }
		if _, err := a.run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		a.Progress = nil
		if err := a.Cancel(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := a.server.Calls("cancel"); n != 2 {
			t.Errorf("%d calls to cancel, want one that failed, before that batch ended, and one for the other", n)
		}
		if err := a.Cancel(t.Context()); err != nil || a.server.Calls("cancel") != 2 {
			t.Errorf("again: %v, %d calls", err, a.server.Calls("cancel"))
		}
		// What was finished is kept, and the next run goes on by itself.
		if _, err := a.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.wantAll(t)
		if n := a.mostAsked(); n != 2 {
			t.Errorf("a request was asked %d times, want 2 for those that were cancelled", n)
		}
		if err := a.Cancel(t.Context()); err != nil || a.server.Calls("cancel") != 2 {
			t.Errorf("with nothing under way: %v, %d calls", err, a.server.Calls("cancel"))
		}
	})
	bubble(t, func(t *testing.T) { // a batch that we have not heard of
		a := newAsking(4, batchtest.Config{})
		a.store.fail = 3
		if _, err := a.run(t.Context()); !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
		if err := a.Cancel(t.Context()); err != nil || a.server.Calls("cancel") != 1 {
			t.Errorf("%v, %d calls to cancel, want 1", err, a.server.Calls("cancel"))
		}
	})
	bubble(t, func(t *testing.T) { // a batch that somebody else has cancelled already
		a := newAsking(4, batchtest.Config{})
		ctx, stop := context.WithCancel(t.Context())
		a.Progress = func(Progress) { stop() }
		if _, err := a.run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		a.server.Abort()
		if err := a.Cancel(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := a.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.wantAll(t)
	})
}

func TestResultsByHand(t *testing.T) {
	requests := someRequests(6)
	answer := func(text string) string {
		return fmt.Sprintf(`"response":{"status_code":200,"body":{"choices":[{"message":{"content":%q}}]}},"error":null`, text)
	}
	s := NewResults(plainReply)
	for _, file := range []string{
		rowText(4, answer("four")) + "\n" + rowText(0, `"error":{"code":"batch_expired","message":"late"}`) + "\n" + rowText(2, answer("two")) + "\n{",
		rowText(0, answer("zero")) + "\n" + rowText(2, answer("another")) + "\n" + rowText(1, `"response":{"status_code":400,"body":{"error":{"message":"bad"}}}`) + "\n" +
			rowText(7, answer("stranger")) + "\n" + rowText(2, `"error":"late"`) + "\n" + rowText(3, `"response":{"status_code":429,"body":{"error":{"code":"insufficient_quota","message":"pay"}}}`),
	} {
		if err := s.Add(strings.NewReader(file)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	d, err := s.Deliver(t.Context(), all(append(requests, requests[0])), func(_ context.Context, outcomes []Outcome) error {
		for _, o := range outcomes {
			got = append(got, fmt.Sprint(o.Request.Key[0], " ", o.Answer.Text, " ", o.Err != nil))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := "0 zero false|1  true|2 two false|3  true|4 four false"; strings.Join(got, "|") != want {
		t.Errorf("delivered %s\nwant %s", strings.Join(got, "|"), want)
	}
	if d.Answered != 3 || d.Failed != 2 || d.Missing != 1 || d.Terminal == nil || d.Terminal.Kind != llm.SpentQuota {
		t.Errorf("delivered %+v", d)
	}
	if s.Tally.Rows != 9 || s.Tally.Unknown != 1 || s.Tally.Damaged != 1 {
		t.Errorf("tally %+v", s.Tally)
	}
}

func TestDeliverInChunks(t *testing.T) {
	requests := someRequests(chunk + 1)
	s := NewResults(plainReply)
	for _, r := range requests {
		s.take(r.ID(), Row{ID: r.ID(), Answer: llm.Answer{Text: "a"}})
	}
	var sizes []int
	d, err := s.Deliver(t.Context(), all(requests), func(_ context.Context, outcomes []Outcome) error {
		sizes = append(sizes, len(outcomes))
		return nil
	})
	if err != nil || fmt.Sprint(sizes) != "[8192 1]" || d.Answered != chunk+1 {
		t.Errorf("delivered %v, %+v, %v", sizes, d, err)
	}
}
