package gcs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"foray/transforms/store"
	"foray/transforms/store/gcs"
	"foray/transforms/store/gcs/gcstest"
	"foray/transforms/store/storetest"
)

func TestBucket(t *testing.T) {
	root := gcstest.Start(t)
	n := 0
	open := func(t *testing.T) store.Bucket {
		n++
		b, err := store.Open(t.Context(), fmt.Sprintf("%s/test %d/", root, n))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	storetest.TestBucket(t, open)
	storetest.TestConcurrent(t, open)
	t.Run("WholeBucket", func(t *testing.T) {
		b, err := store.Open(t.Context(), root)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Write(t.Context(), b, "top", []byte("x")); err != nil {
			t.Fatal(err)
		}
		if got := b.URL("top"); got != root+"/top" {
			t.Errorf("the URL is %s", got)
		}
		if infos, err := b.List(t.Context(), "to"); err != nil || len(infos) != 1 || infos[0].Name != "top" {
			t.Errorf("list gives %v, %v", infos, err)
		}
	})
	t.Run("TableLifeCycle", func(t *testing.T) { storetest.TestTable(t, open) })
	t.Run("NoBucket", func(t *testing.T) {
		b, err := store.Open(t.Context(), "gs://no-such-bucket/out")
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Write(t.Context(), b, "x", nil); err == nil || !strings.Contains(err.Error(), "gcloud storage buckets create gs://no-such-bucket") || !strings.Contains(err.Error(), "gs://no-such-bucket/out/x") {
			t.Errorf("writing into no bucket gives %v", err)
		}
		if _, err := b.List(t.Context(), "x"); err == nil || errors.Is(err, store.ErrNotExist) {
			t.Errorf("listing no bucket gives %v", err)
		}
	})
}

// A Put that is refused says so although it was cut short while its parts were
// on the way.
func TestPutRefusedHalfWay(t *testing.T) {
	b, err := store.Open(t.Context(), gcstest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Write(t.Context(), b, "x", []byte("there")); err != nil {
		t.Fatal(err)
	}
	err = b.Put(t.Context(), "x", store.IfAbsent, func(w io.Writer) error {
		_, err := w.Write(make([]byte, 12<<20))
		return err
	})
	if !errors.Is(err, store.ErrPrecondition) {
		t.Errorf("got %v, want ErrPrecondition", err)
	}
}

// An upload whose answer is lost is sent again, and then meets its own object.
func TestPutAnswerLost(t *testing.T) {
	root := gcstest.Start(t)
	server := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: os.Getenv("STORAGE_EMULATOR_HOST")})
	var lost atomic.Bool
	server.ModifyResponse = func(res *http.Response) error {
		if strings.HasPrefix(res.Request.URL.Path, "/upload/") && lost.CompareAndSwap(false, true) {
			return errors.New("lost")
		}
		return nil
	}
	server.ErrorLog = log.New(io.Discard, "", 0)
	proxy := httptest.NewServer(server)
	defer proxy.Close()
	t.Setenv("STORAGE_EMULATOR_HOST", proxy.Listener.Addr().String())
	b, err := store.Open(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	put := func() error {
		return b.Put(t.Context(), "x", store.IfAbsent, func(w io.Writer) error {
			_, err := io.WriteString(w, "content")
			return err
		})
	}
	if err := put(); err != nil {
		t.Errorf("the put gives %v", err)
	}
	if !lost.Load() {
		t.Error("no answer was lost")
	}
	if err := put(); !errors.Is(err, store.ErrPrecondition) {
		t.Errorf("another put of the same bytes gives %v, want ErrPrecondition", err)
	}
}

func TestOpenErrors(t *testing.T) {
	for _, url := range []string{"gs://", "gs:///folder", "s3://bucket", "bucket"} {
		if _, err := gcs.Open(t.Context(), url); err == nil || !strings.Contains(err.Error(), "gs://bucket") {
			t.Errorf("open %q gives %v", url, err)
		}
	}
}

func TestNoCredentials(t *testing.T) {
	t.Setenv("STORAGE_EMULATOR_HOST", "")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none.json"))
	_, err := store.Open(context.Background(), "gs://bucket/out")
	if err == nil {
		t.Fatal("a client was made without credentials")
	}
	for _, want := range []string{"gs://bucket/out", "gcloud auth application-default login", "GOOGLE_APPLICATION_CREDENTIALS"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: does not name %s", err, want)
		}
	}
}
