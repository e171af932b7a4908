// Command misbehave is an endpoint, of chats, embeddings and batches, that goes
// wrong as told, to see by hand what a run makes of it:
//
//	foray cluster … --output out/demo
//	go run ./scripts/misbehave --output out/demo --listen 127.0.0.1:8000 --mix 429=0.05,500=0.02,hang=0.005
//	foray plan --output out/demo --planner openai --llm_endpoint http://127.0.0.1:8000/v1 --llm_model any --llm_timeout 10s
//	go run ./scripts/misbehave --output out/demo --batches expired,failed,completed
//	foray plan --output out/demo --planner openai --llm_endpoint http://127.0.0.1:8000/v1 --llm_model any --llm_mode batch --llm_batch_poll 1s
//
// It answers with one of the output's clusters that the prompt does not name,
// as constraints want it, always the same for a prompt; so is what goes wrong
// with which call. On Ctrl-C it prints what it did, and how often it was asked
// the same.
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"foray/llm/llmtest"
	"foray/schemas"
	"foray/transforms/planning"
	"foray/transforms/store"
	"foray/transforms/tables"
)

func main() {
	o := options{}
	flag.StringVar(&o.listen, "listen", "127.0.0.1:8000", "address to serve on")
	flag.StringVar(&o.output, "output", "out/demo", "folder that foray cluster wrote: answers are its clusters")
	flag.StringVar(&o.mix, "mix", "", "shares of calls that go wrong, such as 429=0.05,hang=0.005, of: "+strings.Join(llmtest.FaultNames(), ", "))
	flag.DurationVar(&o.latency, "latency", 0, "time that passes before each reply")
	flag.IntVar(&o.quota, "quota", 0, "calls after which the quota is spent; 0 is no quota")
	flag.StringVar(&o.constrain, "constrain", "json_schema,choice,grammar", "constraints that are honoured; others are ignored, as servers do")
	flag.StringVar(&o.batches, "batches", "completed", "what becomes of batches, one after the other and over again: completed, expired, cancelled, silent (expired, without a word on the rest), failed (in the middle), refused")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of what goes wrong")
	flag.Parse()
	if err := o.run(); err != nil {
		fmt.Fprintln(os.Stderr, "misbehave:", err)
		os.Exit(1)
	}
}

type options struct {
	listen, output, mix, constrain, batches string
	latency                                 time.Duration
	quota                                   int
	seed                                    uint64
}

func (o *options) run() error {
	descriptions, err := descriptions(o.output)
	if err != nil {
		return fmt.Errorf("read the clusters of %s: %w", o.output, err)
	}
	shares, err := llmtest.ParseShares(o.mix)
	if err != nil {
		return err
	}
	done := &tally{counts: map[string]int{}}
	reply := o.reply(done, llmtest.Embedding(64, llmtest.Novel(descriptions)), shares)
	server := llmtest.New(reply)
	batches, err := batches(o.batches, reply)
	if err != nil {
		return err
	}
	routes := http.NewServeMux()
	routes.Handle("/", server)
	for _, path := range []string{"/v1/files", "/v1/files/", "/v1/batches", "/v1/batches/"} {
		routes.Handle(path, batches)
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/v1 answers with %d descriptions, until Ctrl-C\n", listener.Addr(), len(descriptions))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	served := &http.Server{Handler: routes}
	failed := make(chan error, 1)
	go func() { failed <- served.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	fmt.Print("\n", done.text(), asked(server))
	return served.Close()
}

// reply is good's, but for what goes wrong. What became of each call is tallied.
func (o *options) reply(done *tally, good func(llmtest.Call) llmtest.Reply, shares []llmtest.Share) func(llmtest.Call) llmtest.Reply {
	var kinds []string
	for kind := range strings.SplitSeq(o.constrain, ",") {
		kinds = append(kinds, strings.TrimSpace(kind)) // "" is honoured by none
	}
	good = llmtest.Constrained(good, kinds...)
	for i := range shares {
		s := &shares[i]
		fault := s.Fault
		s.Fault = func(c llmtest.Call, good llmtest.Reply) llmtest.Reply {
			done.add(s.Name)
			return fault(c, good)
		}
	}
	const answered = "answered"
	mixed := llmtest.Mix(o.seed, good, append(shares, llmtest.Share{Of: 1, Name: answered, Fault: func(_ llmtest.Call, good llmtest.Reply) llmtest.Reply {
		done.add(answered)
		return good
	}})...)
	return func(c llmtest.Call) llmtest.Reply {
		var r llmtest.Reply
		if o.quota > 0 && c.Number > o.quota {
			done.add("over the quota")
			r = llmtest.SpentQuota()
		} else {
			r = mixed(c)
		}
		r.Latency += o.latency
		return r
	}
}

// descriptions are those of the leaves of the published clusters.
func descriptions(output string) ([]string, error) {
	ctx, b := context.Background(), store.Local(output)
	version, err := store.Current(ctx, b, schemas.ClustersTable)
	if err != nil {
		return nil, err
	}
	clusters, _, err := tables.Read[schemas.Cluster](ctx, b, schemas.ClustersTable, version)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, c := range planning.Leaves(clusters) {
		texts = append(texts, c.Description)
	}
	return texts, nil
}

// tally counts what became of calls. Safe for concurrent use.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (t *tally) add(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[name]++
}

func (t *tally) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := ""
	for _, name := range slices.Sorted(maps.Keys(t.counts)) {
		text += fmt.Sprintf("%8d %s\n", t.counts[name], name)
	}
	return text
}

// asked tells how often the same was asked.
func asked(s *llmtest.Server) string {
	repeats := s.Repeats()
	prompts := 0
	for _, n := range repeats {
		prompts += n
	}
	text := fmt.Sprintf("%8d calls, at most %d at once, about %d prompts:\n", s.Calls(), s.MostAtOnce(), prompts)
	for _, times := range slices.Sorted(maps.Keys(repeats)) {
		text += fmt.Sprintf("%8d of them asked %d×\n", repeats[times], times)
	}
	return text
}
