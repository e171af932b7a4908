package planning

import "testing"

func TestHumanTokens(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 tokens", 999: "999 tokens", 1000: "1 k tokens", 22_740: "22.7 k tokens", 999_499: "999 k tokens",
		999_500: "1 M tokens", 43_123_456: "43.1 M tokens",
	} {
		if got := humanTokens(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
