package report

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// maxText is how many characters of a description, an answer or a name are
// shown: enough for any sensible one, little enough to keep a page readable
// when a model would not stop.
const maxText = 240

// maxName is the same for a name in the middle of a sentence.
const maxName = 40

// plain makes text fit to be shown; see cut.
func plain(text string) string {
	shown, left := cut(text, maxText)
	if left > 0 {
		shown += "… (" + some(int64(left), "more character") + ")"
	}
	return shown
}

// name is plain for a name in a sentence.
func name(text string, most int) string {
	shown, left := cut(text, most)
	if left > 0 {
		shown += "…"
	}
	return shown
}

// cut returns at most most characters of text, and how many it has left out.
// White space becomes single spaces, control characters and broken UTF-8
// become �, and marks that turn the direction of the text around them are
// removed. Escaping is the template's.
func cut(text string, most int) (shown string, left int) {
	var b strings.Builder
	n, space := 0, false
	for i, r := range text {
		switch {
		case unicode.IsSpace(r):
			space = n > 0
			continue
		case turnsDirection(r):
			continue
		case unicode.IsControl(r):
			r = utf8.RuneError
		}
		if space {
			b.WriteByte(' ')
			n++
			space = false
		}
		if n >= most {
			return strings.TrimSpace(b.String()), utf8.RuneCountInString(text[i:])
		}
		b.WriteRune(r)
		n++
	}
	return b.String(), 0
}

// turnsDirection tells the bidirectional controls of Unicode, annex 9.
func turnsDirection(r rune) bool {
	return r == '\u061c' || r == '\u200e' || r == '\u200f' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

func plainAll(texts []string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = plain(t)
	}
	return out
}

// thousands writes 578360 as 578,360.
func thousands(n int64) string { return message.NewPrinter(language.English).Sprintf("%d", n) }

// percent writes a share, with the decimals that it needs: 0.13 %, 7.4 %,
// 99.96 %. Shares that are not all are never rounded to 100 %, and shares
// that are not nothing never to 0.
func percent(share float64) string {
	switch {
	case !finite(share):
		return "–"
	case share == 0:
		return "0 %"
	case share > 0 && share < 0.00005:
		return "< 0.01 %"
	case share > 0.9999 && share < 1:
		return "> 99.99 %"
	}
	return fmt.Sprintf("%.*f %%", decimals(share), 100*share)
}

// interval writes two shares as 6.9–8.1 %.
func interval(low, high float64) string {
	d := max(decimals(low), decimals(high))
	return fmt.Sprintf("%.*f–%.*f %%", d, 100*low, d, 100*high)
}

func decimals(share float64) int {
	switch a := math.Abs(share); {
	case a == 0 || a == 1:
		return 0
	case a < 0.00995 || a >= 0.995 && a < 1:
		return 2
	}
	return 1
}

// times writes a ratio: 7.4, 0.86, 120.
func times(ratio float64) string {
	switch {
	case ratio < 0.995:
		return fmt.Sprintf("%.2f", ratio)
	case ratio < 99.5:
		return fmt.Sprintf("%.1f", ratio)
	}
	return thousands(int64(math.Round(min(ratio, 1e15))))
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// day writes a time to the minute; seconds matter to nobody here.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// list joins names as "a", "a and b", "a, b and c", the last two by the word.
func list(names []string, word string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " " + word + " " + names[last]
}

// some is a number with its noun: 1 user, 2 users.
func some(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}
