package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"strings"

	"foray/llm"
	"foray/llm/llmtest"
	"foray/schemas"
	"foray/transforms/planning"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// oracle knows the one right answer to each prompt of an output.
type oracle struct{ leaves []schemas.Cluster }

func newOracle(out string) (*oracle, error) {
	ctx, b := context.Background(), store.Local(out)
	version, err := store.Current(ctx, b, schemas.ClustersTable)
	if err != nil {
		return nil, err
	}
	clusters, _, err := tables.Read[schemas.Cluster](ctx, b, schemas.ClustersTable, version)
	return &oracle{planning.Leaves(clusters)}, err
}

// novel is the cluster to plan where these descriptions were consumed: one
// that is none of them, drawn by their words.
func (o *oracle) novel(consumed string) schemas.Cluster {
	h := fnv.New64a()
	h.Write([]byte(consumed))
	for at := h.Sum64(); ; at++ {
		if c := o.leaves[at%uint64(len(o.leaves))]; !strings.Contains(consumed, ": "+c.Description+"\n") {
			return c
		}
	}
}

// consumed is the part of the paper's prompt that tells of a key.
func consumed(descriptions []string) string {
	text := ""
	for i, d := range descriptions {
		text += fmt.Sprintf("Cluster %d: %s\n", i+1, d)
	}
	return text
}

// good answers as it should.
func (o *oracle) good(c llmtest.Call) llmtest.Reply {
	_, key, _ := strings.Cut(c.Prompt, "\nCluster 1:")
	key, _, _ = strings.Cut("Cluster 1:"+key, "\nThat is ") // of a question that is asked again
	var lines []string
	for line := range strings.Lines(key + "\n") {
		if strings.HasPrefix(line, "Cluster ") {
			lines = append(lines, line)
		}
	}
	return llmtest.Text(llm.AnswerMark + " " + o.novel(strings.Join(lines, "")).Description)
}

// serve lets a server answer until it is closed.
func serve(reply func(llmtest.Call) llmtest.Reply) (s *llmtest.Server, url string, stop func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", nil, err
	}
	s = llmtest.New(reply)
	server := &http.Server{Handler: s}
	go server.Serve(listener)
	return s, fmt.Sprintf("http://%s/v1", listener.Addr()), server.Close, nil
}
