// Command endpoint is a chat endpoint that costs as little as may be, so that
// a benchmark measures the client: an own loop over TCP, answers made in
// advance, and no look at the prompt but a hash. It knows one call, POST of
// anything with a Content-Length, on connections that stay open.
//
//	endpoint -descriptions FILE -latency 50ms
//
// It prints its base URL, serves until its standard input closes, and then
// prints how many calls it served. FILE holds a description a line: answers
// are those that do not stand in the prompt.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"hash/maphash"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

func main() {
	descriptions := flag.String("descriptions", "", "file of descriptions, one a line")
	latency := flag.Duration("latency", 0, "time that passes before an answer")
	flag.Parse()
	if err := serve(*descriptions, *latency); err != nil {
		fmt.Fprintln(os.Stderr, "endpoint:", err)
		os.Exit(1)
	}
}

type endpoint struct {
	latency      time.Duration
	descriptions [][]byte
	responses    [][]byte // to each description
	seed         maphash.Seed
	served       atomic.Int64
}

func serve(path string, latency time.Duration) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	e := &endpoint{latency: latency, seed: maphash.MakeSeed()}
	for line := range strings.Lines(string(data)) {
		if err := e.add(strings.TrimSpace(line)); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/v1\n", listener.Addr())
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go e.talk(c)
		}
	}()
	io.Copy(io.Discard, os.Stdin) // until whoever started it has ended
	fmt.Println(e.served.Load())
	return nil
}

func (e *endpoint) add(description string) error {
	text, err := json.Marshal("New cluster: " + description)
	if err != nil {
		return err
	}
	body := fmt.Sprintf(`{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}],"usage":{"prompt_tokens":150,"completion_tokens":20,"total_tokens":170}}`, text)
	e.descriptions = append(e.descriptions, []byte(description))
	e.responses = append(e.responses, fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	return nil
}

// talk serves one connection.
func (e *endpoint) talk(c net.Conn) {
	defer c.Close()
	r := bufio.NewReaderSize(c, 16<<10)
	var body []byte
	for {
		length := -1
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			if line = bytes.TrimSpace(line); len(line) == 0 {
				break
			}
			if name, value, ok := bytes.Cut(line, []byte(":")); ok && bytes.EqualFold(name, []byte("Content-Length")) {
				if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
					return
				}
			}
		}
		if length < 0 {
			return
		}
		body = append(body[:0], make([]byte, length)...)
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		if e.latency > 0 {
			time.Sleep(e.latency)
		}
		e.served.Add(1)
		if _, err := c.Write(e.answer(body)); err != nil {
			return
		}
	}
}

// answer is a response that is novel to the prompt.
func (e *endpoint) answer(body []byte) []byte {
	at := maphash.Bytes(e.seed, body)
	for i := range uint64(len(e.responses)) {
		n := (at + i) % uint64(len(e.responses))
		if !bytes.Contains(body, e.descriptions[n]) {
			return e.responses[n]
		}
	}
	return e.responses[0]
}
