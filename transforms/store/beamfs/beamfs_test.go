package beamfs_test

import (
	"fmt"
	"strings"
	"testing"

	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/memfs"

	"foray/transforms/store"
	_ "foray/transforms/store/beamfs"
	"foray/transforms/store/storetest"
)

func TestBucket(t *testing.T) {
	n := 0
	open := func(t *testing.T) store.Bucket {
		n++
		b, err := store.Open(t.Context(), fmt.Sprintf("memfs://%s/%d/", t.Name(), n))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	storetest.TestBucket(t, open)
	t.Run("TableLifeCycle", func(t *testing.T) { storetest.TestTable(t, open) })
}

func TestUnknownScheme(t *testing.T) {
	if _, err := store.Open(t.Context(), "nowhere://x"); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v, want an error that names the scheme", err)
	}
}
