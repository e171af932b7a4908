package batch

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"foray/llm"
)

// longestLine bounds one line of results in bytes; a longer one is damage.
const longestLine = 8 << 20

// mostDamage bounds the damaged lines that are described; all are counted.
const mostDamage = 100

// Row is one line of results.
type Row struct {
	// Line counts the file's lines from 1.
	Line int
	ID   llm.ID
	// Answer holds the text and the tokens, and the time that the response
	// names; Latency is 0. Its Endpoint is what Reply says.
	Answer llm.Answer
	// Err is nil beside an answer, else what Reply makes of the failure: an
	// *llm.CallError or an *llm.TerminalError.
	Err error
}

// Damage is a line that cannot be read.
type Damage struct {
	Line   int
	Reason string
}

// String names the line.
func (d Damage) String() string { return fmt.Sprintf("line %d: %s", d.Line, d.Reason) }

// Tally counts the lines of results.
type Tally struct {
	// Rows counts the lines that were read, Unknown those of them that answer
	// no request of ours, by their custom_id.
	Rows, Unknown int
	// Damaged counts the lines that could not be read; the first hundred
	// stand in Damage.
	Damaged int
	Damage  []Damage
}

// add counts another file in.
func (t *Tally) add(u Tally) {
	t.Rows += u.Rows
	t.Unknown += u.Unknown
	t.Damaged += u.Damaged
	for _, d := range u.Damage {
		t.describe(d)
	}
}

func (t *Tally) describe(d Damage) {
	if len(t.Damage) < mostDamage {
		t.Damage = append(t.Damage, d)
	}
}

// Read calls each for the rows of an output or an error file, of the Batch API
// or of vLLM's run-batch. What is damaged is skipped and told in the tally; a
// custom_id that is no identity is another's and counted as unknown. One
// identity may come several times. It holds one line in memory. Errors are
// those of r and of each.
func Read(r io.Reader, reply Reply, each func(Row) error) (Tally, error) {
	var t Tally
	lines := newLines(r)
	for {
		data, err := lines.next()
		if err == io.EOF {
			return t, nil
		}
		if err != nil && !errors.Is(err, errLong) {
			return t, fmt.Errorf("read results after line %d: %w", lines.number, err)
		}
		var row Row
		if err == nil {
			if len(data) == 0 {
				continue
			}
			row, err = decode(data, reply)
		}
		switch {
		case errors.Is(err, errUnknown):
			t.Rows++
			t.Unknown++
			continue
		case err != nil:
			t.Damaged++
			t.describe(Damage{lines.number, err.Error()})
			continue
		}
		t.Rows++
		row.Line = lines.number
		if err := each(row); err != nil {
			return t, err
		}
	}
}

var (
	errUnknown = errors.New("a custom_id that is no identity")
	errLong    = fmt.Errorf("longer than %d bytes", longestLine)
)

// result is a line of an output or an error file. OpenAI tells failures by a
// response with a status and a body, or by an error beside no response; vLLM by
// an error beside a response without a body.
type result struct {
	CustomID *string `json:"custom_id"`
	Response *struct {
		StatusCode int             `json:"status_code"`
		Body       json.RawMessage `json:"body"`
	} `json:"response"`
	Error json.RawMessage `json:"error"`
}

// decode reads a line. Its error is the reason why it cannot.
func decode(data []byte, reply Reply) (Row, error) {
	var r result
	if err := json.Unmarshal(data, &r); err != nil {
		return Row{}, fmt.Errorf("no JSON object of a result: %w", err)
	}
	if r.CustomID == nil {
		return Row{}, errors.New("no custom_id")
	}
	id, err := llm.ParseID(*r.CustomID)
	if err != nil {
		return Row{}, errUnknown
	}
	row := Row{ID: id}
	said, failed := complaint(r.Error)
	switch {
	case r.Response != nil && present(r.Response.Body) && (!failed || r.Response.StatusCode >= http.StatusBadRequest):
		status := r.Response.StatusCode
		if status == 0 {
			status = http.StatusOK
		}
		row.Answer, row.Err = reply(status, r.Response.Body)
		row.Answer.AskedAt = created(r.Response.Body)
	case failed:
		status := 0
		if r.Response != nil && r.Response.StatusCode >= http.StatusBadRequest {
			status = r.Response.StatusCode
		}
		_, row.Err = reply(status, said)
	case r.Response != nil && r.Response.StatusCode >= http.StatusBadRequest:
		_, row.Err = reply(r.Response.StatusCode, []byte{})
	default:
		return Row{}, errors.New("neither a response with a body nor an error")
	}
	if row.Err != nil {
		row.Answer = llm.Answer{}
	}
	return row, nil
}

// present tells whether JSON says anything.
func present(raw json.RawMessage) bool {
	switch string(bytes.TrimSpace(raw)) {
	case "", "null", "{}", `""`:
		return false
	}
	return true
}

// complaint is a row's error as the body of a response would tell it, and
// whether there is one.
func complaint(raw json.RawMessage) (body []byte, failed bool) {
	if !present(raw) {
		return nil, false
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) == nil && present(object["error"]) {
		return raw, true // vLLM's holds the whole body
	}
	return append(append([]byte(`{"error":`), raw...), '}'), true
}

// created is when a response was made, the zero time if it does not tell.
func created(body []byte) time.Time {
	var r struct {
		Created int64 `json:"created"`
	}
	// The year 9999 is the last that timestamps are written in.
	if json.Unmarshal(body, &r) != nil || r.Created <= 0 || r.Created > 253402300799 {
		return time.Time{}
	}
	return time.Unix(r.Created, 0).UTC()
}

// lines reads lines of bounded length.
type lines struct {
	r      *bufio.Reader
	buf    []byte
	number int // of the line that next returned, from 1
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, 64<<10)} }

// next is the next line without the space around it, valid until the next
// call. errLong tells of one that was skipped, io.EOF of the end.
func (l *lines) next() ([]byte, error) {
	l.buf = l.buf[:0]
	started, long := false, false
	for {
		part, err := l.r.ReadSlice('\n')
		started = started || len(part) > 0
		if long = long || len(l.buf)+len(part) > longestLine; !long {
			l.buf = append(l.buf, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err != nil && err != io.EOF:
			return nil, err
		case !started:
			return nil, io.EOF
		}
		l.number++
		if long {
			return nil, errLong
		}
		if l.number == 1 {
			l.buf = bytes.TrimPrefix(l.buf, []byte("\ufeff"))
		}
		return bytes.TrimSpace(l.buf), nil
	}
}
