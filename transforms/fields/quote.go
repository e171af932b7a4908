package fields

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// quoteRunes is how many runes of a value a message shows.
const quoteRunes = 60

// Quote shows a value in a message: in quotes, cut at 60 runes, with all that
// is not printable escaped as in Go (\n, \x00, \u200b).
func Quote[T string | []byte](value T) string {
	head := string(value[:min(len(value), quoteRunes*utf8.UTFMax)])
	more := ""
	end := 0
	for range quoteRunes {
		if end == len(head) {
			break
		}
		_, n := utf8.DecodeRuneInString(head[end:])
		end += n
	}
	if end < len(value) {
		more = "…"
	}
	head = head[:end]
	if strings.Contains(head, `"`) && !strings.Contains(head, "\t") && strconv.CanBackquote(head) {
		return "`" + head + more + "`"
	}
	quoted := strconv.Quote(head)
	return quoted[:len(quoted)-1] + more + `"`
}
