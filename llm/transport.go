package llm

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// exchange travels through go-openai in the request's context: what is sent,
// and what came back.
type exchange struct {
	// sent takes the place of go-openai's body; nil leaves that.
	sent []byte

	timeout time.Duration // of the call
	status  int
	header  http.Header
	body    []byte
}

type exchangeKey struct{}

// Errors of the transport that say more than a failed call.
var (
	errTooLong  = errors.New("the answer is too long")
	errRedirect = errors.New("the endpoint redirects")
)

// transport is the HTTPDoer below go-openai. It does what that leaves undone:
//
//   - the body is the one that Body makes (go-openai omits a temperature of 0,
//     and constraints that it does not know);
//   - a call ends after the timeout, its body included;
//   - as many connections stay open as calls run (net/http keeps two);
//   - every body is read to its end, so that its connection serves again, and
//     up to a limit only;
//   - a body that ends early is an error, whatever its status;
//   - redirects are not followed, for the key is meant for one host.
//
// It never sets Idempotency-Key: net/http would then send a POST again by
// itself.
type transport struct {
	client  *http.Client
	timeout time.Duration
	limit   int64
}

// dialer opens connections; nil is the network's.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func newTransport(concurrency int, timeout time.Duration, limit int64, dial dialer) *transport {
	base := http.DefaultTransport.(*http.Transport).Clone()
	if dial != nil {
		base.DialContext = dial
	}
	base.MaxIdleConns = concurrency
	base.MaxIdleConnsPerHost = concurrency
	return &transport{
		client: &http.Client{
			Transport:     base,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		timeout: timeout,
		limit:   limit,
	}
}

// Do implements openai.HTTPDoer.
func (t *transport) Do(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), t.timeout)
	defer cancel()
	req = req.WithContext(ctx)
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	if x == nil {
		x = &exchange{}
	}
	*x = exchange{sent: x.sent, timeout: t.timeout} // of the last call, where there are several
	if x.sent != nil {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(x.sent)), int64(len(x.sent))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(x.sent)), nil }
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	x.status, x.header = resp.StatusCode, resp.Header
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return nil, fmt.Errorf("%w to %s", errRedirect, resp.Header.Get("Location"))
	}
	x.body, err = io.ReadAll(io.LimitReader(resp.Body, t.limit+1))
	if err != nil {
		return nil, fmt.Errorf("read the response (it may have been paid for): %w", err)
	}
	if int64(len(x.body)) > t.limit {
		return nil, fmt.Errorf("%w: more than %d bytes", errTooLong, t.limit)
	}
	resp.Body = io.NopCloser(bytes.NewReader(x.body))
	return resp, nil
}

// retryAfter reads how long the endpoint wants to be left alone: Retry-After
// in seconds or as a date, or OpenAI's retry-after-ms. 0 if it does not say. A
// date counts from the response's own, since clocks differ.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil {
		return wait(ms / 1000)
	}
	value := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(value, 64); err == nil {
		return wait(s)
	}
	if at, err := http.ParseTime(value); err == nil {
		if sent, err := http.ParseTime(h.Get("Date")); err == nil {
			now = sent
		}
		return max(min(at.Sub(now), longestWait), 0)
	}
	return 0
}

const longestWait = 24 * time.Hour

// wait is that many seconds, at most longestWait.
func wait(seconds float64) time.Duration {
	if !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, longestWait.Seconds()) * float64(time.Second))
}

// isDial tells of failures before anything was sent.
func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// isTLS tells of failures that no retry mends.
func isTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &verification) || errors.As(err, &record)
}
