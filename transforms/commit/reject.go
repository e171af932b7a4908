package commit

import (
	"strings"
	"unicode/utf8"
)

// rawBytes is how much of what was rejected is kept.
const rawBytes = 1024

// Cut makes raw text fit for a reject: valid UTF-8 of at most 1 KiB, cut
// between runes.
func Cut(raw string) string {
	if len(raw) > rawBytes {
		n := rawBytes
		for n > rawBytes-utf8.UTFMax && !utf8.RuneStart(raw[n]) {
			n--
		}
		raw = raw[:n]
	}
	return strings.ToValidUTF8(raw, "\uFFFD")
}
