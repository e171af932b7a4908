package llm

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"foray/llm/llmtest"
)

// marked is a key that no message may show.
const marked = "sk-MARKED-0123456789"

func markedKey(t testing.TB) APIKey {
	t.Helper()
	t.Setenv("FORAY_TEST_KEY", marked)
	key, err := KeyFromEnv("FORAY_TEST_KEY")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeyNeverShows(t *testing.T) {
	key := markedKey(t)
	// An endpoint that repeats what it was sent.
	s := llmtest.Start(t, func(c llmtest.Call) llmtest.Reply {
		auth := c.Header.Get("Authorization")
		switch c.Number {
		case 1:
			return llmtest.Failure(401, "invalid_api_key", "Incorrect API key provided: "+auth)
		case 2:
			return llmtest.Reply{Status: 500, Body: auth}
		case 3:
			return llmtest.HiddenError("x", auth)
		case 4:
			return llmtest.Reply{Status: 307, Header: map[string]string{"Location": "http://x.example/?" + auth}}
		case 5: // the key where a message is cut
			return llmtest.Reply{Status: 500, Body: strings.Repeat("x", 395) + marked}
		}
		return llmtest.Reply{Body: "not JSON: " + auth}
	})
	cfg := ClientConfig{Endpoint: s.URL, Key: key}
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	var shown []string
	show := func(v any) {
		shown = append(shown, fmt.Sprint(v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%q", v), fmt.Sprintf("%x", v))
		if b, err := json.Marshal(v); err == nil {
			shown = append(shown, string(b))
		}
		logger.Info("shown", "value", v)
	}
	for range 6 {
		_, err := c.Ask(t.Context(), someRequest())
		if err == nil {
			t.Fatal("no error")
		}
		show(err)
		for e := errors.Unwrap(err); e != nil; e = errors.Unwrap(e) {
			show(e)
		}
	}
	show(key)
	show(&key)
	show(cfg)
	show(c)
	show(*c)
	show(Retrying(c, Retries{}))
	for _, s := range append(shown, log.String()) {
		if strings.Contains(s, "MARKED") || strings.Contains(s, fmt.Sprintf("%x", "MARKED")) || strings.Contains(s, "sk-M") {
			t.Errorf("the key shows in %s", s)
		}
	}
}

func TestKeySources(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(marked+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := KeyFromFile(file)
	if err != nil || key.reveal() != marked {
		t.Errorf("key of the file: %v", err)
	}
	if key, err := KeyFromEnv(""); err != nil || key.reveal() != "" {
		t.Errorf("no name: %v", err)
	}
	t.Setenv("FORAY_BAD_KEY", marked+" "+marked)
	for _, name := range []string{marked, "gsk_" + "MARKED", "FORAY_BAD_KEY", "FORAY_UNSET_KEY"} {
		_, err := KeyFromEnv(name)
		if err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), "MARKED") {
			t.Errorf("the error shows the key: %v", err)
		}
	}
	if _, err := KeyFromEnv("FORAY_UNSET_KEY"); !strings.Contains(err.Error(), "FORAY_UNSET_KEY is not set") {
		t.Errorf("the error does not name the variable: %v", err)
	}
	if _, err := KeyFromFile(file + "-none"); err == nil {
		t.Error("no file, no error")
	}
}
