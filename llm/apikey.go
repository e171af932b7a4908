package llm

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
)

const redacted = "[API key]"

// APIKey holds a secret in memory. However it is printed, logged or encoded,
// the secret does not show. The zero value is no key, for local servers.
type APIKey struct {
	// A pointer, since fmt reads the unexported fields of the structs that
	// hold an APIKey without asking String.
	secret *string
}

// Names of variables may be printed, but a key given in place of a name may
// not: what does not look like the usual name is never shown.
var usualName = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,63}$`)

// KeyFromEnv reads the key from the environment variable of that name; an
// empty name is no key.
func KeyFromEnv(name string) (APIKey, error) {
	if name == "" {
		return APIKey{}, nil
	}
	secret, ok := os.LookupEnv(name)
	if !ok || strings.TrimSpace(secret) == "" {
		if !usualName.MatchString(name) {
			return APIKey{}, errors.New("read the API key: no environment variable has the name given (it is not shown, for it may be a key); give the name of a variable, not the key")
		}
		return APIKey{}, fmt.Errorf("read the API key: the environment variable %s is not set", name)
	}
	key, err := newKey(secret)
	if err != nil {
		return APIKey{}, fmt.Errorf("read the API key from the environment variable %s: %w", name, err)
	}
	return key, nil
}

// KeyFromFile reads the key from a file that holds nothing else.
func KeyFromFile(path string) (APIKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return APIKey{}, fmt.Errorf("read the API key: %w", err)
	}
	key, err := newKey(string(data))
	if err != nil {
		return APIKey{}, fmt.Errorf("read the API key from %s: %w", path, err)
	}
	return key, nil
}

func newKey(secret string) (APIKey, error) {
	secret = strings.TrimSpace(secret)
	if secret == "" {
		return APIKey{}, errors.New("it is empty")
	}
	for _, r := range secret {
		if r <= ' ' || r > '~' {
			return APIKey{}, errors.New("it holds a space, a line break or a character that is not ASCII, as no key does")
		}
	}
	return APIKey{&secret}, nil
}

// reveal is for the request's header alone.
func (k APIKey) reveal() string {
	if k.secret == nil {
		return ""
	}
	return *k.secret
}

// scrub takes the secret out of a text that came from outside.
func (k APIKey) scrub(text string) string {
	if k.secret == nil {
		return text
	}
	return strings.ReplaceAll(text, *k.secret, redacted)
}

// String tells whether there is a key.
func (k APIKey) String() string {
	if k.secret == nil {
		return "[no API key]"
	}
	return redacted
}

// GoString implements fmt.GoStringer.
func (k APIKey) GoString() string { return k.String() }

// LogValue implements slog.LogValuer.
func (k APIKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalJSON implements json.Marshaler.
func (k APIKey) MarshalJSON() ([]byte, error) { return json.Marshal(k.String()) }
