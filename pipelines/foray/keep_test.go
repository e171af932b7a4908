package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"foray/schemas"
)

// TestKeepIsAsIfTheRestWereNotThere holds each flag that leaves events out
// against a file without them.
func TestKeepIsAsIfTheRestWereNotThere(t *testing.T) {
	good := readInputs(t)
	var times []int64
	perUser := map[string]int{}
	for _, line := range good.events[1:] {
		cells := strings.Split(line, ",")
		at, err := strconv.ParseInt(cells[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, at)
	}
	slices.Sort(times)
	cut := times[len(times)*4/5]
	const days = 30
	since := cut - days*86_400
	const least = 20
	for _, line := range good.events[1:] {
		cells := strings.Split(line, ",")
		if at, _ := strconv.ParseInt(cells[2], 10, 64); at < cut {
			perUser[cells[0]]++
		}
	}
	// A bot's events, all on one day.
	var bot []string
	for i := range 60 {
		bot = append(bot, fmt.Sprintf("bot,%s,%d,5", strings.SplitN(good.events[1+i], ",", 3)[1], times[0]/86_400*86_400+int64(i)))
	}
	only := func(keep func(user string, at int64) bool) []string {
		lines := good.events[:1:1]
		for _, line := range good.events[1:] {
			cells := strings.Split(line, ",")
			if at, _ := strconv.ParseInt(cells[2], 10, 64); keep(cells[0], at) {
				lines = append(lines, line)
			}
		}
		return lines
	}
	parts := func(lines []string, args ...string) (m schemas.Manifest, parts []schemas.Part, output string) {
		output, _ = curated(t)
		path := filepath.Join(t.TempDir(), "events.csv")
		if err := os.WriteFile(path, text(lines), 0o666); err != nil {
			t.Fatal(err)
		}
		foray(t, append([]string{"curate", "--events", path, "--output", output, "--train_until", strconv.FormatInt(cut, 10)}, args...)...).want(t, 0)
		m = newest(t, output, schemas.TransitionsTable)
		return m, slices.Concat(m.Parts, newest(t, output, schemas.KeysTable).Parts), output
	}

	m, got, _ := parts(good.events, "--history_days", strconv.Itoa(days))
	old := only(func(_ string, at int64) bool { return at >= since })
	if _, want, _ := parts(old); !slices.Equal(got, want) {
		t.Error("--history_days gives other tables than a file without what is older")
	}
	if n := m.Counts["events_before_history_days"]; n != int64(len(good.events)-len(old)) || n == 0 {
		t.Errorf("%d events before --history_days, want %d", n, len(good.events)-len(old))
	}

	m, got, _ = parts(good.events, "--min_events", strconv.Itoa(least))
	if _, want, _ := parts(only(func(user string, _ int64) bool { return perUser[user] >= least })); !slices.Equal(got, want) {
		t.Error("--min_events gives other tables than a file without these users")
	}
	if n := m.Counts["users_below_min_events"]; n == 0 {
		t.Error("no user is below --min_events")
	}

	m, got, output := parts(append(good.events[:len(good.events):len(good.events)], bot...), "--max_events_per_day", "50")
	if _, want, _ := parts(good.events); !slices.Equal(got, want) {
		t.Error("--max_events_per_day gives other tables than a file without the bot")
	}
	if m.Counts["users_above_max_events_per_day"] != 1 || m.Counts["events_of_users_above_max_events_per_day"] != 60 {
		t.Errorf("counts %v", m.Counts)
	}
	if all := rejects(t, output); len(all) != 1 || all[0].Source != "user bot" || !strings.Contains(all[0].Reason, "60 events on ") {
		t.Errorf("rejects %+v", all)
	}
}

func TestBadRowsAreKeptBelowTheLimit(t *testing.T) {
	good := readInputs(t)
	output, _ := curated(t)
	path := filepath.Join(t.TempDir(), "events.csv")
	lines := change(change(good.events, 7, cell(2, "noon")), 70, cell(0, ""))
	if err := os.WriteFile(path, text(lines), 0o666); err != nil {
		t.Fatal(err)
	}
	foray(t, "curate", "--events", path, "--output", output).want(t, 0)
	m := newest(t, output, schemas.TransitionsTable)
	for name, want := range map[string]int64{"event_rows": int64(len(lines) - 1), "event_rows_rejected": 2, "event_rows_rejected_column_timestamp": 1, "event_rows_rejected_column_user_id": 1, "users_read": 200} {
		if m.Counts[name] != want {
			t.Errorf("%s is %d, want %d", name, m.Counts[name], want)
		}
	}
	if len(m.Inputs) != 1 || m.Inputs[0].Format != "CSV; times in seconds since 1970" {
		t.Errorf("inputs %+v", m.Inputs)
	}
	if len(slices.DeleteFunc(rejects(t, output), func(r schemas.Reject) bool {
		return r.Stage == "curate" && (r.Source == path+":7" && r.Raw == lines[6] && strings.Contains(r.Reason, "column timestamp: ") ||
			r.Source == path+":70" && strings.Contains(r.Reason, "column user_id: "))
	})) != 0 {
		t.Errorf("rejects %+v", rejects(t, output))
	}
}
