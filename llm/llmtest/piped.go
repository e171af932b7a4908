package llmtest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
)

// PipedServer is a server without sockets. In a bubble of testing/synctest its
// latencies, and the pauses and timeouts of its clients, take no time.
type PipedServer struct {
	*Server
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// StartPiped serves what Dial opens, until the test (or its bubble) ends.
func StartPiped(t testing.TB, reply func(Call) Reply) *PipedServer {
	t.Helper()
	s := &PipedServer{Server: New(reply), conns: make(chan net.Conn), done: make(chan struct{})}
	s.URL = "http://piped.example/v1"
	server := &http.Server{Handler: s}
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(s)
	}()
	t.Cleanup(func() {
		server.Close() // the listener and all connections
		<-served
	})
	return s
}

// Dial opens a connection to the server, whatever the address.
func (s *PipedServer) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case s.conns <- server:
		return client, nil
	case <-s.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Accept implements net.Listener.
func (s *PipedServer) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (s *PipedServer) Close() error {
	s.once.Do(func() { close(s.done) })
	return nil
}

// Addr implements net.Listener.
func (s *PipedServer) Addr() net.Addr { return pipedAddr{} }

type pipedAddr struct{}

func (pipedAddr) Network() string { return "pipe" }
func (pipedAddr) String() string  { return "pipe" }
