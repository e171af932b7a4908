package batch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"foray/llm"
)

// rowText is a line of results for request i.
func rowText(i int, rest string) string {
	return fmt.Sprintf(`{"id":"x","custom_id":%q,%s}`, someRequests(i + 1)[i].ID(), rest)
}

const chat = `{"id":"c","object":"chat.completion","created":1711471533,"choices":[{"index":0,"message":{"role":"assistant","content":"jazz"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2}}`

func TestReadRows(t *testing.T) {
	reply := llm.Offline().Reply
	for _, tt := range []struct {
		name, rest string
		text       string
		terminal   llm.TerminalKind
		status     int
		retry      bool
		says       string
	}{
		{"answer", `"response":{"status_code":200,"request_id":"r","body":` + chat + `},"error":null`, "jazz", 0, 0, false, ""},
		{"answer of vLLM", `"response":{"status_code":200,"request_id":"vllm-batch-1","body":` + chat + `},"error":null`, "jazz", 0, 0, false, ""},
		{"no status", `"response":{"body":` + chat + `}`, "jazz", 0, 0, false, ""},
		{"empty error", `"response":{"status_code":200,"body":` + chat + `},"error":{}`, "jazz", 0, 0, false, ""},
		{"refusal of OpenAI", `"response":{"status_code":400,"body":{"error":{"message":"too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}},"error":null`, "", 0, 400, false, "too long"},
		{"rate limit", `"response":{"status_code":429,"body":{"error":{"message":"slow down","code":"rate_limit_exceeded"}}},"error":null`, "", 0, 429, true, "slow down"},
		{"quota", `"response":{"status_code":429,"body":{"error":{"message":"no credit","code":"insufficient_quota"}}},"error":null`, "", llm.SpentQuota, 0, false, "no credit"},
		{"server error", `"response":{"status_code":500,"body":{"error":{"message":"oops"}}},"error":null`, "", 0, 500, true, "oops"},
		{"expired", `"response":null,"error":{"code":"batch_expired","message":"This request could not be executed"}`, "", 0, 0, true, "could not be executed"},
		{"cancelled", `"error":{"code":"batch_cancelled","message":"cancelled"}`, "", 0, 0, true, "cancelled"},
		{"refusal of vLLM", `"response":{"status_code":400,"request_id":"r","body":null},"error":{"error":{"message":"max context","type":"BadRequestError","param":null,"code":400}}`, "", 0, 400, false, "max context"},
		{"refusal of older vLLM", `"response":{"status_code":400,"request_id":"r","body":null},"error":{"object":"error","message":"max context","type":"BadRequestError","param":null,"code":400}`, "", 0, 400, false, "max context"},
		{"words of vLLM", `"response":{"status_code":400,"request_id":"r","body":null},"error":"not in stream mode"`, "", 0, 400, false, "stream mode"},
		{"model of vLLM", `"response":{"status_code":404,"request_id":"r","body":null},"error":{"error":{"message":"The model does not exist","code":404}}`, "", llm.UnknownModel, 0, false, "does not exist"},
		{"status alone", `"response":{"status_code":503,"body":null},"error":null`, "", 0, 503, true, "Service Unavailable"},
		{"answer and error", `"response":{"status_code":200,"body":` + chat + `},"error":{"message":"cut off"}`, "", 0, 0, true, "cut off"},
		{"no choices", `"response":{"status_code":200,"body":{"choices":[]}},"error":null`, "", 0, 200, true, "no answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var rows []Row
			tally, err := Read(strings.NewReader(rowText(0, tt.rest)), reply, func(r Row) error { rows = append(rows, r); return nil })
			if err != nil || len(rows) != 1 || tally.Rows != 1 || tally.Damaged != 0 || tally.Unknown != 0 {
				t.Fatalf("rows %v, tally %+v, error %v", rows, tally, err)
			}
			row := rows[0]
			if row.ID != someRequests(1)[0].ID() || row.Line != 1 {
				t.Errorf("row %+v", row)
			}
			if tt.text != "" {
				a := row.Answer
				if row.Err != nil || a.Text != tt.text || a.PromptTokens != 7 || a.CompletionTokens != 2 || a.FinishReason != "stop" || !a.AskedAt.Equal(time.Unix(1711471533, 0)) {
					t.Errorf("answer %+v, error %v", a, row.Err)
				}
				return
			}
			var call *llm.CallError
			var terminal *llm.TerminalError
			switch {
			case row.Err == nil || !strings.Contains(row.Err.Error(), tt.says):
				t.Errorf("error %v, want one with %q", row.Err, tt.says)
			case errors.As(row.Err, &terminal):
				if terminal.Kind != tt.terminal {
					t.Errorf("error %v, want kind %v", row.Err, tt.terminal)
				}
			case !errors.As(row.Err, &call) || call.Status != tt.status || call.Retry != tt.retry || tt.terminal != 0:
				t.Errorf("error %#v", row.Err)
			}
		})
	}
}

func TestReadSkipsDamage(t *testing.T) {
	answer := `"response":{"status_code":200,"body":` + chat + `},"error":null`
	file := "\ufeff" + strings.Join([]string{
		rowText(0, answer) + "\r",
		"",
		rowText(1, answer)[:80],
		`[1,2]`,
		`{"response":{}}`,
		`{"custom_id":"request-1","response":null,"error":null}`,
		rowText(2, `"response":null,"error":null`),
		rowText(3, `"response":{"status_code":200,"body":{}}`),
		`{"custom_id":"` + strings.Repeat("x", longestLine) + `"}`,
		rowText(4, `"response":{"status_code":"200"}`),
		rowText(5, answer), // the last line has no line break
	}, "\n")
	var got []int
	tally, err := Read(iotest.OneByteReader(strings.NewReader(file)), plainReply, func(r Row) error {
		got = append(got, r.Line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != "[1 11]" || tally.Rows != 3 || tally.Unknown != 1 || tally.Damaged != 7 {
		t.Errorf("rows of lines %v, tally %+v", got, tally)
	}
	damaged := []int{}
	for _, d := range tally.Damage {
		damaged = append(damaged, d.Line)
	}
	if fmt.Sprint(damaged) != "[3 4 5 7 8 9 10]" {
		t.Errorf("damaged lines %v: %v", damaged, tally.Damage)
	}
	if want := "line 9: longer than 8388608 bytes"; tally.Damage[5].String() != want {
		t.Errorf("damage %q, want %q", tally.Damage[5], want)
	}
}

func TestReadErrors(t *testing.T) {
	broken := errors.New("broken")
	line := rowText(0, `"response":{"body":`+chat+`}`) + "\n"
	if _, err := Read(io.MultiReader(strings.NewReader(line), iotest.ErrReader(broken)), plainReply, func(Row) error { return nil }); !errors.Is(err, broken) || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("error %v, want the reader's", err)
	}
	if _, err := Read(strings.NewReader(line), plainReply, func(Row) error { return broken }); err != broken {
		t.Errorf("error %v, want that of each", err)
	}
	tally, err := Read(strings.NewReader(strings.Repeat("x\n", 5000)), plainReply, func(Row) error { return nil })
	if err != nil || tally.Damaged != 5000 || len(tally.Damage) != mostDamage {
		t.Errorf("%d damaged, %d described, %v", tally.Damaged, len(tally.Damage), err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(rowText(0, `"response":{"status_code":200,"body":`+chat+`},"error":null`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		read := func(data []byte) (rows []Row, tally Tally) {
			tally, err := Read(bytes.NewReader(data), plainReply, func(r Row) error {
				if r.Err != nil && (r.Answer.Text != "" || !r.Answer.AskedAt.IsZero()) {
					t.Errorf("line %d has an answer and an error", r.Line)
				}
				if r.Answer.AskedAt.Year() > 9999 {
					t.Errorf("line %d was asked at %v", r.Line, r.Answer.AskedAt)
				}
				rows = append(rows, r)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return rows, tally
		}
		rows, tally := read(data)
		if tally.Rows != len(rows)+tally.Unknown || len(tally.Damage) != min(tally.Damaged, mostDamage) {
			t.Errorf("%d rows, tally %+v", len(rows), tally)
		}
		if lines := bytes.Count(data, []byte("\n")) + 1; tally.Rows+tally.Damaged > lines {
			t.Errorf("%d rows and %d damaged of %d lines", tally.Rows, tally.Damaged, lines)
		}
		// What stands in front of a line changes nothing of it.
		again, shifted := read(append([]byte("\n#\n"), bytes.TrimPrefix(data, []byte("\ufeff"))...))
		if len(again) != len(rows) || shifted.Damaged != tally.Damaged+1 {
			t.Errorf("%d rows and %d damaged, behind damage %d and %d", len(rows), tally.Damaged, len(again), shifted.Damaged)
		}
	})
}

func FuzzState(f *testing.F) {
	s := Shard{Requests: 3, Bytes: 9}
	f.Add([]byte(`{"format":1,"endpoint":"e","round":1,"batches":[{"first":"` + s.First.String() + `","last":"` + s.Last.String() + `","requests":3,"bytes":9,"batch":"batch_1"}]}`))
	f.Add([]byte(`{"format":2}`))
	f.Add([]byte(`{"format":1,"batches":[null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseState(data)
		if err != nil {
			return
		}
		for _, j := range s.Batches {
			if j.Requests < 0 || strings.ContainsAny(j.Batch+j.InputFile, "/?#% ") {
				t.Errorf("took %+v", j)
			}
		}
	})
}
