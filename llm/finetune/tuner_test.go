package finetune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sashabaranov/go-openai"

	"foray/llm"
	"foray/llm/llmtest"
)

// provider is a server and a Tuner of it, whose saved jobs are as another
// process would find them.
func provider(t *testing.T, f *llmtest.FineTuning) (*Tuner, *[]byte) {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	config := openai.DefaultConfig("k")
	config.BaseURL = s.URL + "/v1"
	client := openai.NewClientWithConfig(config)
	saved := new([]byte)
	return &Tuner{
		Poll: time.Millisecond, Patience: 5 * time.Second,
		Call: func(ctx context.Context, do func(context.Context, *openai.Client) error) error {
			err := do(ctx, client)
			var said *openai.APIError
			var broken *openai.RequestError
			switch {
			case err == nil || ctx.Err() != nil:
				return err
			case errors.As(err, &said):
				return &llm.CallError{Status: said.HTTPStatusCode, Message: said.Message, Retry: said.HTTPStatusCode >= 500}
			case errors.As(err, &broken):
				return &llm.CallError{Status: broken.HTTPStatusCode, Message: err.Error(), Retry: true}
			}
			return &llm.CallError{Message: err.Error(), Retry: true, MaybePaid: true}
		},
		Save: func(_ context.Context, j *Job) (err error) {
			*saved, err = json.Marshal(j)
			return err
		},
		Judge: func(_ context.Context, model string) (Figures, error) {
			return Figures{Keys: 1, Match: 1}, nil
		},
	}, saved
}

const example = `{"messages":[{"role":"user","content":"1: jazz"},{"role":"assistant","content":"New cluster: tea"}]}` + "\n"

func TestTune(t *testing.T) {
	f := &llmtest.FineTuning{Steps: 30, Stride: 7, Every: 10}
	tuner, saved := provider(t, f)
	var seen []int
	tuner.Progress = func(j *Job) { seen = append(seen, j.Step) }
	j := &Job{Model: "m"}
	if err := tuner.Start(t.Context(), j, []byte(example), []byte(example)); err != nil {
		t.Fatal(err)
	}
	// Another process goes on from what was saved, and creates nothing.
	j, err := Parse(*saved)
	if err != nil {
		t.Fatal(err)
	}
	if err := tuner.Start(t.Context(), j, []byte(example), []byte(example)); err != nil {
		t.Fatal(err)
	}
	if err := tuner.Watch(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if j.Tuned != "ft:m:tuned" || j.Step != 30 || j.Steps != 30 || len(j.Checkpoints) != 4 || f.Jobs() != 1 || len(f.Files()) != 2 {
		t.Errorf("the job is %+v; %d jobs, %d files", j, f.Jobs(), len(f.Files()))
	}
	for i, c := range j.Checkpoints {
		if c.Figures == nil || c.Step != min(10*(i+1), 30) {
			t.Errorf("checkpoint %d is %+v", i, c)
		}
	}
	if fmt.Sprint(seen) != "[7 14 21 28 30]" {
		t.Errorf("progress was %v", seen)
	}
}

func TestFaults(t *testing.T) {
	f := &llmtest.FineTuning{Steps: 10, Stride: 5}
	// Every other call fails, in turns before and after it took effect.
	f.Fault = func(call int, w http.ResponseWriter, r *http.Request) bool {
		if call%2 == 1 && !strings.HasSuffix(r.URL.Path, "/jobs") {
			http.Error(w, "out of order", http.StatusServiceUnavailable)
			return true
		}
		return false
	}
	tuner, _ := provider(t, f)
	j := &Job{Model: "m"}
	if err := tuner.Start(t.Context(), j, []byte(example), nil); err != nil {
		t.Fatal(err)
	}
	if err := tuner.Watch(t.Context(), j); err != nil || j.Tuned == "" || f.Jobs() != 1 {
		t.Errorf("the job is %+v, %v; %d jobs", j, err, f.Jobs())
	}
}

func TestFailsInTheMiddle(t *testing.T) {
	f := &llmtest.FineTuning{Steps: 30, Stride: 10, Every: 10, FailAt: 25}
	tuner, _ := provider(t, f)
	j := &Job{Model: "m"}
	if err := tuner.Start(t.Context(), j, []byte(example), nil); err != nil {
		t.Fatal(err)
	}
	err := tuner.Watch(t.Context(), j)
	if !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), "invalid example") || len(j.Checkpoints) != 2 || j.Checkpoints[1].Figures == nil {
		t.Errorf("the job is %+v, %v", j, err)
	}
}

func TestNobodyPaysTwice(t *testing.T) {
	f := &llmtest.FineTuning{Steps: 10, Stride: 5}
	created := false
	f.Fault = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/jobs") {
			return false
		}
		created = true // and the answer is lost
		panic(http.ErrAbortHandler)
	}
	tuner, saved := provider(t, f)
	j := &Job{Model: "m"}
	if err := tuner.Start(t.Context(), j, []byte(example), nil); !errors.Is(err, ErrUnknown) || !created {
		t.Fatalf("the job was created: %v", err)
	}
	f.Fault = nil
	j, err := Parse(*saved)
	if err != nil {
		t.Fatal(err)
	}
	if err := tuner.Start(t.Context(), j, []byte(example), nil); !errors.Is(err, ErrUnknown) || f.Jobs() != 0 {
		t.Errorf("asked again: %v, %d jobs", err, f.Jobs())
	}
}

// A provider that says to come back later has created nothing.
func TestCreatesLater(t *testing.T) {
	f := &llmtest.FineTuning{Steps: 10, Stride: 5}
	refused := 0
	f.Fault = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/jobs") || refused == 2 {
			return false
		}
		refused++
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	tuner, _ := provider(t, f)
	j := &Job{Model: "m"}
	if err := tuner.Start(t.Context(), j, []byte(example), nil); err != nil || refused != 2 || f.Jobs() != 1 {
		t.Fatalf("%v; refused %d times, %d jobs", err, refused, f.Jobs())
	}

	// Whoever gives up in between leaves nothing behind.
	ctx, cancel := context.WithCancel(t.Context())
	f.Fault = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/jobs") {
			return false
		}
		cancel()
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	j = &Job{Model: "m"}
	if err := tuner.Start(ctx, j, []byte(example), nil); !errors.Is(err, context.Canceled) || j.Creating || f.Jobs() != 1 {
		t.Fatalf("%v; the job is %+v, %d jobs", err, j, f.Jobs())
	}
}

func TestCancel(t *testing.T) {
	f := &llmtest.FineTuning{Steps: 1000, Stride: 1}
	tuner, _ := provider(t, f)
	j := &Job{Model: "m"}
	if err := tuner.Start(t.Context(), j, []byte(example), nil); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	tuner.Progress = func(*Job) { stop() }
	if err := tuner.Watch(ctx, j); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped, watching gave %v", err)
	}
	if err := tuner.Cancel(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if err := tuner.Watch(t.Context(), j); !errors.Is(err, ErrCancelled) {
		t.Errorf("cancelled, watching gave %v", err)
	}
}

func TestCheck(t *testing.T) {
	limits := Limits{Examples: 2, Bytes: 2000, ExampleTokens: 100}
	long := `{"messages":[{"role":"user","content":"` + strings.Repeat("jazz ", 200) + `"},{"role":"assistant","content":"a"}]}` + "\n"
	for _, tc := range []struct{ file, want string }{
		{example + example, ""},
		{example, "at least 2"},
		{strings.Repeat(example, 100), "takes 2000"},
		{example + long, "line 2 has about"},
		{example + "{}\n", "line 2 is no chat"},
		{example + "nonsense", "line 2 is no chat"},
		{`{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]}`, `of the role "user"`},
		{`{"messages":[{"role":"user","content":""},{"role":"assistant","content":"b"}]}`, "empty"},
	} {
		size, err := Check([]byte(tc.file), "gpt-4o-mini", limits)
		switch {
		case tc.want == "" && (err != nil || size.Examples != 2 || size.Tokens < 20):
			t.Errorf("%q is %+v, %v", tc.file, size, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%.40q gave %v, want %s", tc.file, err, tc.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"format":1,"id":"ftjob-1","checkpoints":[{"step":1,"model":"m"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if j, err := Parse(data); err == nil && strings.ContainsAny(j.ID, "/?# ") {
			t.Errorf("%q became a job with the id %q", data, j.ID)
		}
	})
}

func FuzzHear(f *testing.F) {
	f.Add("Step 3/30: training loss=0.52")
	f.Add("Checkpoint created at step 10 with Snapshot ID: ft:m:ckpt-step-10")
	f.Fuzz(func(t *testing.T, message string) {
		j := &Job{}
		if j.hear(message); len(j.Checkpoints) > 1 || j.Step < 0 {
			t.Errorf("%q became %+v", message, j)
		}
	})
}
