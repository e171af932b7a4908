package job

import (
	"errors"
	"testing"
)

func TestPlainErrors(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"plain", "no such region", "no such region"},
		{"of a DoFn", "bundle failed:\n1: ParDo[x]\n\tcaused by:\nsource failed\n\tcaused by:\nDoFn[UID:14, PID:e4, Name: read.eventsFn] failed:\nread x: disk full", "read x: disk full"},
		{"of a DoFn, of several lines", "\tcaused by:\nDoFn[UID:1, PID:e1, Name: f] failed:\none\ntwo", "one\ntwo"},
		{"a panic", "\tcaused by:\npanic: index out of range goroutine 518 [running]:\nruntime/debug.Stack()\n", "panic: index out of range"},
	} {
		if have := plain(errors.New(test.text)).Error(); have != test.want {
			t.Errorf("%s: %q, want %q", test.name, have, test.want)
		}
	}
}

func TestStageCountsInItsUnit(t *testing.T) {
	counts := map[string]int64{"item_rows": 3, "event_rows": 40, "keys": 500, "users": 6000}
	for unit, want := range map[string]int64{"rows": 43, "events": 40, "keys": 500, "users": 6000} {
		if have := (Stage{Unit: unit}).counted(counts); have != want {
			t.Errorf("%s: %d, want %d", unit, have, want)
		}
	}
}
