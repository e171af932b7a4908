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
	// What stands for an invalid byte is longer than it.
	return cut(strings.ToValidUTF8(cut(raw), "\uFFFD"))
}

func cut(raw string) string {
	if len(raw) <= rawBytes {
		return raw
	}
	n := rawBytes
	for n > rawBytes-utf8.UTFMax && !utf8.RuneStart(raw[n]) {
		n--
	}
	return raw[:n]
}
