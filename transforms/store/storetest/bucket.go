// Package storetest holds every store.Bucket against the same promises, and
// breaks one on purpose for tests of what must outlive a crash.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"foray/transforms/store"
)

// TestBucket tests what all buckets promise to one caller at a time. open
// gives an empty bucket with each call.
func TestBucket(t *testing.T, open func(t *testing.T) store.Bucket) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, store.Bucket)
	}{
		{"Put", testPut},
		{"PutFailure", testPutFailure},
		{"Open", testOpen},
		{"Missing", testMissing},
		{"Generation", testGeneration},
		{"Precondition", testPrecondition},
		{"List", testList},
		{"Move", testMove},
		{"Remove", testRemove},
		{"Large", testLarge},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

var errInjected = errors.New("injected")

func put(t *testing.T, b store.Bucket, name, data string) {
	t.Helper()
	if err := store.Write(t.Context(), b, name, []byte(data)); err != nil {
		t.Fatalf("put %s: %v", name, err)
	}
}

func wantContent(t *testing.T, b store.Bucket, name, want string) {
	t.Helper()
	got, err := store.Read(t.Context(), b, name)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %.40q (%d bytes), %v; want %.40q (%d bytes)", name, got, len(got), err, want, len(want))
	}
}

func wantMissing(t *testing.T, b store.Bucket, name string) {
	t.Helper()
	if _, err := b.Stat(t.Context(), name); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("stat of %s gives %v, want ErrNotExist", name, err)
	}
	if data, err := store.Read(t.Context(), b, name); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("reading %s gives %q, %v, want ErrNotExist", name, data, err)
	}
}

func write(data string, err error) func(io.Writer) error {
	return func(w io.Writer) error {
		if _, err := io.WriteString(w, data); err != nil {
			return err
		}
		return err
	}
}

func testPut(t *testing.T, b store.Bucket) {
	for _, data := range []string{"one", "", "another"} {
		put(t, b, "a/b", data)
		wantContent(t, b, "a/b", data)
		info, err := b.Stat(t.Context(), "a/b")
		if err != nil || info.Name != "a/b" || info.Size != int64(len(data)) {
			t.Errorf("stat gives %+v, %v", info, err)
		}
	}
	if url := b.URL("a/b"); !strings.HasSuffix(url, "a/b") {
		t.Errorf("URL gives %s", url)
	}
}

func testPutFailure(t *testing.T, b store.Bucket) {
	put(t, b, "old", "old")
	for _, name := range []string{"old", "new"} {
		if err := b.Put(t.Context(), name, store.Always, write("half", errInjected)); !errors.Is(err, errInjected) {
			t.Errorf("put of a failing write gives %v, want its error", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err := b.Put(ctx, name, store.Always, func(w io.Writer) error {
			_, err := io.WriteString(w, "half")
			cancel()
			return err
		})
		if err == nil {
			t.Error("a put cancelled half way gives no error")
		}
		// More than goes to a store at once: something was sent already.
		if err := b.Put(t.Context(), name, store.Always, write(strings.Repeat("half", 3<<20), errInjected)); !errors.Is(err, errInjected) {
			t.Errorf("put of a failing large write gives %v, want its error", err)
		}
	}
	wantContent(t, b, "old", "old")
	wantMissing(t, b, "new")
	infos, err := b.List(t.Context(), "")
	if err != nil || len(infos) != 1 {
		t.Errorf("after failed puts the bucket holds %v, %v", infos, err)
	}
}

func testOpen(t *testing.T, b store.Bucket) {
	const data = "0123456789"
	put(t, b, "x", data)
	for _, c := range []struct {
		offset, length int64
		want           string
	}{
		{0, -1, data}, {0, 10, data}, {0, 3, "012"}, {4, 3, "456"}, {4, -1, "456789"}, {8, 5, "89"},
		{0, 0, ""}, {5, 0, ""}, {10, -1, ""}, {10, 2, ""}, {99, -1, ""}, {99, 1, ""}, {0, 99, data},
	} {
		r, err := b.Open(t.Context(), "x", c.offset, c.length)
		if err != nil {
			t.Errorf("open from %d, %d bytes: %v", c.offset, c.length, err)
			continue
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != c.want {
			t.Errorf("from %d, %d bytes: got %q, %v; want %q", c.offset, c.length, got, err, c.want)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func testMissing(t *testing.T, b store.Bucket) {
	put(t, b, "folder/file", "x")
	for _, name := range []string{"nothing", "no/where", "folder", "folder/file/below", "folder/fil"} {
		wantMissing(t, b, name)
		if _, err := b.Open(t.Context(), name, 0, 0); !errors.Is(err, store.ErrNotExist) {
			t.Errorf("open of no bytes of %s gives %v, want ErrNotExist", name, err)
		}
	}
}

func testGeneration(t *testing.T, b store.Bucket) {
	seen := map[string]bool{}
	generation := store.IfAbsent
	for range 20 {
		if err := b.Put(t.Context(), "x", generation, write("same size", nil)); err != nil {
			t.Fatal(err)
		}
		info, err := b.Stat(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		if info.Generation == "" || seen[info.Generation] {
			t.Fatalf("generation %q comes a second time", info.Generation)
		}
		seen[info.Generation] = true
		generation = store.IfGeneration(info.Generation)
		infos, err := b.List(t.Context(), "x")
		if err != nil || len(infos) != 1 || infos[0] != info {
			t.Fatalf("stat gives %+v, list gives %+v, %v", info, infos, err)
		}
	}
}

func testPrecondition(t *testing.T, b store.Bucket) {
	refused := func(when store.Precondition, what string) {
		t.Helper()
		if err := b.Put(t.Context(), "x", when, write("intruder", nil)); !errors.Is(err, store.ErrPrecondition) {
			t.Errorf("put %s gives %v, want ErrPrecondition", what, err)
		}
	}
	refused(store.IfGeneration("1"), "of a generation where nothing is")
	refused(store.IfGeneration("no-number"), "of an odd generation where nothing is")
	wantMissing(t, b, "x")
	if err := b.Put(t.Context(), "x", store.IfAbsent, write("first", nil)); err != nil {
		t.Fatal(err)
	}
	refused(store.IfAbsent, "if absent where something is")
	old, err := b.Stat(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Put(t.Context(), "x", store.IfGeneration(old.Generation), write("the second", nil)); err != nil {
		t.Fatalf("put over the generation that is there: %v", err)
	}
	refused(store.IfGeneration(old.Generation), "over an old generation")
	wantContent(t, b, "x", "the second")
	put(t, b, "x", "third")
	wantContent(t, b, "x", "third")
}

func testList(t *testing.T, b store.Bucket) {
	names := []string{"a", "a.b/c", "a/b", "a/b/c d#é", "a/b/v=1/part+50%", "a/bc", "b/a/b/c/d/e", "ä", "Z", "[x]*", "[x]y"}
	for i, name := range names {
		if name == "a" || name == "a/b" {
			continue // a name that is a folder too is more than a disk offers
		}
		put(t, b, name, strings.Repeat("x", i))
	}
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/b/", "a/b/c", "a/b/v=1/p", "b/", "nothing", "no/thing/", "[x]", "ä", "a/b/c d#é"} {
		var want []string
		for _, name := range names {
			if name != "a" && name != "a/b" && strings.HasPrefix(name, prefix) {
				want = append(want, name)
			}
		}
		slices.Sort(want)
		infos, err := b.List(t.Context(), prefix)
		if err != nil {
			t.Errorf("list %q: %v", prefix, err)
		}
		var got []string
		for _, info := range infos {
			got = append(got, info.Name)
			if i := slices.Index(names, info.Name); int64(i) != info.Size {
				t.Errorf("list %q gives %s a size of %d, want %d", prefix, info.Name, info.Size, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("list %q gives %q, want %q", prefix, got, want)
		}
	}
}

func testMove(t *testing.T, b store.Bucket) {
	put(t, b, "from/here", "first")
	if err := b.Move(t.Context(), "from/here", "to/there"); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b, "to/there", "first")
	wantMissing(t, b, "from/here")
	if err := b.Move(t.Context(), "from/here", "to/there"); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("moving what is not there gives %v, want ErrNotExist", err)
	}
	wantContent(t, b, "to/there", "first")
	put(t, b, "from/again", "second")
	if err := b.Move(t.Context(), "from/again", "to/there"); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b, "to/there", "second")
}

func testRemove(t *testing.T, b store.Bucket) {
	put(t, b, "a/b", "x")
	put(t, b, "a/c", "y")
	for range 2 {
		if err := b.Remove(t.Context(), "a/b"); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Remove(t.Context(), "a/c/d"); err != nil {
		t.Errorf("removing below a file: %v", err)
	}
	wantMissing(t, b, "a/b")
	wantContent(t, b, "a/c", "y")
	put(t, b, "a/b", "again")
	wantContent(t, b, "a/b", "again")
}

func testLarge(t *testing.T, b store.Bucket) {
	random := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 10<<20+17)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	if err := b.Put(t.Context(), "large", store.IfAbsent, func(w io.Writer) error {
		_, err := io.Copy(w, struct{ io.Reader }{bytes.NewReader(data)})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	got, err := store.Read(t.Context(), b, "large")
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("read %d bytes, %v; want the %d written", len(got), err, len(data))
	}
	r, err := b.Open(t.Context(), "large", 9<<20, 1000)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data[9<<20:9<<20+1000]) {
		t.Errorf("a range in the midst: %d bytes, %v", len(got), err)
	}
}

// TestConcurrent tests that preconditions hold between callers at once, which
// not every bucket promises. open gives an empty bucket with each call.
func TestConcurrent(t *testing.T, open func(t *testing.T) store.Bucket) {
	const callers, rounds = 8, 5
	together := func(do func(caller int)) {
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() { do(i) })
		}
		wg.Wait()
	}
	t.Run("IfAbsent", func(t *testing.T) {
		b := open(t)
		won := make([]bool, callers)
		together(func(i int) {
			err := b.Put(t.Context(), "x", store.IfAbsent, write(fmt.Sprint("caller ", i), nil))
			if won[i] = err == nil; err != nil && !errors.Is(err, store.ErrPrecondition) {
				t.Error(err)
			}
		})
		winner := slices.Index(won, true)
		if winner < 0 || slices.Contains(won[winner+1:], true) {
			t.Fatalf("these callers found nothing and put: %v; want one", won)
		}
		wantContent(t, b, "x", fmt.Sprint("caller ", winner))
	})
	t.Run("IfGeneration", func(t *testing.T) {
		b := open(t)
		put(t, b, "count", "1000")
		increment := func() error {
			for {
				info, err := b.Stat(t.Context(), "count")
				if err != nil {
					return err
				}
				data, err := store.Read(t.Context(), b, "count")
				if err != nil {
					return err
				}
				n, err := strconv.Atoi(string(data))
				if err != nil {
					return err
				}
				err = b.Put(t.Context(), "count", store.IfGeneration(info.Generation), write(strconv.Itoa(n+1), nil))
				if !errors.Is(err, store.ErrPrecondition) {
					return err
				}
			}
		}
		together(func(int) {
			for range rounds {
				if err := increment(); err != nil {
					t.Error(err)
					return
				}
			}
		})
		wantContent(t, b, "count", strconv.Itoa(1000+callers*rounds))
	})
	t.Run("Folders", func(t *testing.T) {
		// Folders come and go with their files: no call may stumble over it.
		b := open(t)
		together(func(i int) {
			name := fmt.Sprintf("a/b/%d", i)
			for range rounds {
				if err := store.Write(t.Context(), b, name, []byte("x")); err != nil {
					t.Error(err)
				}
				if err := b.Move(t.Context(), name, "c/d/"+name); err != nil {
					t.Error(err)
				}
				if err := b.Remove(t.Context(), "c/d/"+name); err != nil {
					t.Error(err)
				}
			}
		})
	})
}
