package paidlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"foray/llm"
)

func TestAppendAndFindAgain(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	lacks(t, l, 0, 100)
	appendAll(t, l, 0, 200, 100, "a")
	holds(t, l, 0, 200, 100, "a")
	lacks(t, l, 200, 100)
	if n := len(files(t, dir, "*.log")); n != 1 {
		t.Errorf("%d log files, want 1", n)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if left := files(t, dir, "*.log"); len(left) != 0 {
		t.Errorf("Close left %v", left)
	}

	again := open(t, dir)
	holds(t, again, 0, 200, 100, "a")
	lacks(t, again, 200, 100)
	if w := again.Warnings(); len(w) != 0 {
		t.Errorf("warnings %q", w)
	}
}

func TestSealedParts(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	appendAll(t, l, 0, 200, 100, "a")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var folders []string
	total := 0
	for _, part := range files(t, dir, "*/*") {
		folders = append(folders, filepath.Base(filepath.Dir(part)))
		got := rows(t, part)
		total += len(got)
		if !slices.IsSortedFunc(got, func(a, b Row) int { return strings.Compare(a.ID, b.ID) }) {
			t.Errorf("%s is not sorted by id", part)
		}
		for _, row := range got {
			id, err := llm.ParseID(row.ID)
			if err != nil {
				t.Fatal(err)
			}
			i := 0
			for idOf(i) != id {
				if i++; i == 200 {
					t.Fatalf("nobody appended %v", id)
				}
			}
			r := record(i, 100, "a")
			if want := rowOf(&r); !reflect.DeepEqual(row, want) {
				t.Errorf("row %+v, want %+v", row, want)
			}
		}
	}
	want := []string{"clusters-00000-00031", "clusters-00032-00063", "clusters-00064-00095", "clusters-00096-00127"}
	if !slices.Equal(folders, want) {
		t.Errorf("folders %v, want %v", folders, want)
	}
	if total != 200 {
		t.Errorf("%d rows, want 200", total)
	}
}

func TestNothingAppendedWritesNothing(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	lacks(t, l, 0, 10)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir, "*"); len(got) != 1 || filepath.Base(got[0]) != "LOCK" {
		t.Errorf("files %v, want LOCK alone", got)
	}
}

func TestCrashAndOpen(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	appendAll(t, first, 0, 50, 70, "a")
	abandon(t, first)

	second := open(t, dir)
	holds(t, second, 0, 50, 70, "a")
	if left := files(t, dir, "*.log"); len(left) != 0 {
		t.Errorf("Open left %v", left)
	}
	if w := second.Warnings(); len(w) != 0 {
		t.Errorf("warnings %q", w)
	}
}

// A crash after a part was written and before the log was removed.
func TestSealedTwice(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	appendAll(t, l, 0, 40, 64, "a")
	log := files(t, dir, "*.log")[0]
	saved := filepath.Join(t.TempDir(), "saved")
	copyFile(t, log, saved)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir, "*/part-*")
	var content [][]byte
	for _, name := range before {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		content = append(content, data)
	}
	copyFile(t, saved, log)
	// And one part is half-way written.
	writeFile(t, filepath.Join(filepath.Dir(before[0]), ".tmp-half"), content[0][:len(content[0])/2])

	again := open(t, dir)
	holds(t, again, 0, 40, 64, "a")
	after := files(t, dir, "*/part-*")
	if !slices.Equal(before, after) {
		t.Fatalf("parts %v, want %v", after, before)
	}
	for i, name := range after {
		if data, err := os.ReadFile(name); err != nil || !bytes.Equal(data, content[i]) {
			t.Errorf("%s changed (%v)", name, err)
		}
	}
}

func TestLowestNameWins(t *testing.T) {
	dir := t.TempDir()
	// Two logs with the same ids, as from two crashed runs.
	for name, version := range map[string]string{"20260102T000000.log": "later", "20260101T000000.log": "earlier"} {
		var data []byte
		for i := range 20 {
			r := record(i, 10, version)
			var err error
			if data, err = appendFrame(data, &r); err != nil {
				t.Fatal(err)
			}
			r.Text = "the second in its file"
			if data, err = appendFrame(data, &r); err != nil {
				t.Fatal(err)
			}
		}
		writeFile(t, filepath.Join(dir, Root, name), data)
	}
	l := open(t, dir)
	if n := len(files(t, dir, "*/*")); n != 2 {
		t.Fatalf("%d parts, want 2", n)
	}
	holds(t, l, 0, 20, 10, "earlier")
	appendAll(t, l, 0, 20, 10, "latest")
	holds(t, l, 0, 20, 10, "earlier")
	if len(files(t, dir, "*.log")) != 0 {
		t.Error("what is known was appended again")
	}
}

func TestFirstAppendWins(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			r := record(0, 10, fmt.Sprint("racer ", i))
			if err := l.Append(context.Background(), r); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	r := record(0, 10, "")
	now, _, err := l.Lookup(context.Background(), r.ID, r.Key)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	later, _, err := open(t, dir).Lookup(context.Background(), r.ID, r.Key)
	if err != nil || later.Text != now.Text || now.Text == "" {
		t.Errorf("%q before the restart and %q after, %v", now.Text, later.Text, err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	appendAll(t, l, 0, 200, 200, "a")
	l.Close()
	again := open(t, dir)
	if err := again.Load(context.Background(), 40, 100); err != nil {
		t.Fatal(err)
	}
	var loaded []int32
	for start := range again.folders {
		loaded = append(loaded, start)
	}
	slices.Sort(loaded)
	if want := []int32{32, 64, 96}; !slices.Equal(loaded, want) {
		t.Errorf("loaded folders of %v, want %v", loaded, want)
	}
	holds(t, again, 0, 200, 200, "a")
	if err := again.Load(context.Background(), 3, 2); err == nil {
		t.Error("a backward range: no error")
	}
}

func TestBadRecords(t *testing.T) {
	l := open(t, t.TempDir())
	for name, change := range map[string]func(*llm.Record){
		"no key":          func(r *llm.Record) { r.Key = nil },
		"negative":        func(r *llm.Record) { r.Key = []int32{-1} },
		"negative second": func(r *llm.Record) { r.Key = []int32{1, -1} },
		"sample":          func(r *llm.Record) { r.Sample = -1 },
	} {
		r := record(0, 10, "a")
		change(&r)
		if err := l.Append(context.Background(), r); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, _, err := l.Lookup(context.Background(), llm.ID{}, nil); err == nil {
		t.Error("look-up without a key: no error")
	}
}

func TestOddRecords(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	r := llm.Record{Key: []int32{7}, Text: "\xff\xfef\x00" + frameMagic, PromptTokens: -5, CompletionTokens: 1 << 40}
	if err := l.Append(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	now, _, _ := l.Lookup(context.Background(), r.ID, r.Key)
	abandon(t, l)
	again := open(t, dir)
	later, ok, err := again.Lookup(context.Background(), r.ID, r.Key)
	if err != nil || !ok || later.Text != now.Text || !strings.Contains(later.Text, "f\x00") {
		t.Errorf("%q before and %q after, %v", now.Text, later.Text, err)
	}
	if w := again.Warnings(); len(w) != 0 {
		t.Errorf("warnings %q", w)
	}
}

func TestClosed(t *testing.T) {
	l := open(t, t.TempDir())
	appendAll(t, l, 0, 1, 10, "a")
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Append(context.Background(), record(1, 10, "a")); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want %v", err, ErrClosed)
	}
}

// Appends from many goroutines, some of them while the log is being closed:
// what was acknowledged is there.
func TestManyAppendsAndClose(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	var mu sync.Mutex
	var kept []int
	var wg sync.WaitGroup
	for g := range 32 {
		wg.Go(func() {
			for i := g; i < 4000; i += 32 {
				err := l.Append(context.Background(), record(i, 100, "a"))
				if errors.Is(err, ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				kept = append(kept, i)
				n := len(kept)
				mu.Unlock()
				if n == 1000 {
					wg.Go(func() { l.Close() })
				}
			}
		})
	}
	wg.Wait()
	again := open(t, dir)
	for _, i := range kept {
		holds(t, again, i, i+1, 100, "a")
	}
	if len(kept) < 1000 {
		t.Errorf("%d appends, want 1000 or more", len(kept))
	}
}
