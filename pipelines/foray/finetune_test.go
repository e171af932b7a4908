package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"foray/llm/finetune"
	"foray/llm/llmtest"
)

// tuningProvider fine-tunes models that answer with the first line of the
// prompt's user: a cluster, and never a novel one.
func tuningProvider(t *testing.T, f *llmtest.FineTuning) string {
	t.Helper()
	f.Chat = llmtest.New(func(c llmtest.Call) llmtest.Reply {
		_, line, _ := strings.Cut(c.Prompt, "Cluster 1: ")
		description, _, _ := strings.Cut(line, "\n")
		return llmtest.Text("New cluster: " + description)
	})
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s.URL + "/v1"
}

// finetuneArgs name a key by its variable; it must show nowhere.
func finetuneArgs(t *testing.T, output, endpoint string, more ...string) []string {
	t.Setenv("TUNING_KEY", secret)
	return append([]string{"finetune", "--output", output, "--llm_endpoint=" + endpoint, "--llm_model=gpt-4o-mini", "--llm_api_key_env=TUNING_KEY", "--poll=1ms"}, more...)
}

func jobFile(t *testing.T, output string) (path string, j *finetune.Job) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(output, "_finetune", "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the jobs are %v, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), secret) {
		t.Error("the job holds the API key")
	}
	if j, err = finetune.Parse(data); err != nil {
		t.Fatal(err)
	}
	return files[0], j
}

func TestFinetune(t *testing.T) {
	output, _ := curated(t)
	f := &llmtest.FineTuning{Steps: 20, Stride: 6, Every: 10}
	endpoint := tuningProvider(t, f)
	foray(t, finetuneArgs(t, output, endpoint, "--estimate", "--training_price=3", "--epochs=2")...).want(t, 0, "the cost of 2 passes is $")
	if f.Jobs() != 0 || len(f.Files()) != 0 {
		t.Fatal("an estimate uploaded something")
	}
	foray(t, finetuneArgs(t, output, endpoint, "--held_out=0")...).want(t, 0, "the model is ft:gpt-4o-mini:tuned")
	if _, j := jobFile(t, output); j.Checkpoints[0].Figures != nil {
		t.Errorf("judged on no key: %+v", j.Checkpoints[0].Figures)
	}
	foray(t, finetuneArgs(t, output, endpoint)...).want(t, 0, "job ftjob-1", "step 10: match 1.000, recall 0.000", "ft:gpt-4o-mini:ckpt-step-10", "the model is ft:gpt-4o-mini:tuned")
	// Again, and from a machine that knows the job's id alone: nothing is paid.
	foray(t, finetuneArgs(t, output, endpoint)...).want(t, 0, "the model is ft:gpt-4o-mini:tuned")
	foray(t, finetuneArgs(t, output, endpoint, "--job=ftjob-1")...).want(t, 0, "the model is ft:gpt-4o-mini:tuned")
	if f.Jobs() != 1 || len(f.Files()) != 2 {
		t.Errorf("%d jobs of %d files", f.Jobs(), len(f.Files()))
	}
	for id, data := range f.Files() {
		chats, err := finetune.Read(data)
		if err != nil || len(chats) == 0 {
			t.Errorf("%s holds %d chats, %v", id, len(chats), err)
		}
	}
}

func TestFinetuneFailsInTheMiddle(t *testing.T) {
	output, _ := curated(t)
	f := &llmtest.FineTuning{Steps: 20, Stride: 6, Every: 10, FailAt: 15}
	endpoint := tuningProvider(t, f)
	foray(t, finetuneArgs(t, output, endpoint)...).want(t, 1, "step 10: match", "the fine-tuning job failed: The job failed due to an invalid example; run it again, without --job, to start another")
	// Once more is another job, of the same files.
	f.FailAt = 0
	foray(t, finetuneArgs(t, output, endpoint)...).want(t, 0, "the model is ft:gpt-4o-mini:tuned")
	if f.Jobs() != 2 || len(f.Files()) != 2 {
		t.Errorf("%d jobs of %d files", f.Jobs(), len(f.Files()))
	}
}

func TestFinetuneCancelled(t *testing.T) {
	output, _ := curated(t)
	f := &llmtest.FineTuning{Steps: 1 << 30, Stride: 1}
	endpoint := tuningProvider(t, f)
	foray(t, finetuneArgs(t, output, endpoint, "--cancel")...).want(t, 2, "no job is known to be under way")
	foray(t, finetuneArgs(t, output, endpoint, "--job=no/id")...).want(t, 2, `--job: "no/id" is no id`)
	watching := start(t, finetuneArgs(t, output, endpoint)...)
	for f.Jobs() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := watching.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	finished(t, watching).want(t, 4, "the job goes on")
	foray(t, finetuneArgs(t, output, endpoint, "--cancel")...).want(t, 0, "job ftjob-1 is cancelled")
	path, j := jobFile(t, output)
	if j.Status != finetune.Cancelled {
		t.Errorf("the job is %+v", j)
	}
	// A job that learns another vocabulary is not gone on with.
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), j.Vocabulary, "0123456789abcdef", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	foray(t, finetuneArgs(t, output, endpoint)...).want(t, 1, "another vocabulary")
	foray(t, finetuneArgs(t, output, endpoint, "--job=ftjob-1")...).want(t, 1, "another vocabulary")
	// It is cancelled all the same, and from where nobody has its examples.
	foray(t, finetuneArgs(t, output, endpoint, "--job=ftjob-1", "--cancel")...).want(t, 0, "job ftjob-1 is cancelled")
	foray(t, finetuneArgs(t, t.TempDir(), endpoint, "--job=ftjob-1", "--cancel")...).want(t, 0, "job ftjob-1 is cancelled")
}

func TestFinetuneAnswerIsLost(t *testing.T) {
	output, _ := curated(t)
	f := &llmtest.FineTuning{Steps: 20, Stride: 6}
	f.Fault = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/jobs") {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	endpoint := tuningProvider(t, f)
	for range 2 {
		r := foray(t, finetuneArgs(t, output, endpoint)...)
		path, _ := jobFile(t, output)
		r.want(t, 1, "nobody knows whether it was created", "name it with --job, or remove "+path)
	}
}
