package once

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func TestCache(t *testing.T) {
	var c Cache[string, int]
	var loads atomic.Int64
	var done sync.WaitGroup
	for range 50 {
		done.Go(func() {
			v, err := c.Get("a", func() (int, error) { loads.Add(1); return 7, nil })
			if v != 7 || err != nil {
				t.Errorf("got %d, %v", v, err)
			}
		})
	}
	done.Wait()
	if loads.Load() != 1 {
		t.Errorf("loaded %d times", loads.Load())
	}
	if v, _ := c.Get("b", func() (int, error) { return 8, nil }); v != 8 {
		t.Errorf("another key gave %d", v)
	}
}

func TestErrorsAreNotKept(t *testing.T) {
	var c Cache[int, string]
	broken := errors.New("broken")
	if _, err := c.Get(1, func() (string, error) { return "", broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if v, err := c.Get(1, func() (string, error) { return "mended", nil }); v != "mended" || err != nil {
		t.Errorf("got %q, %v", v, err)
	}
}
