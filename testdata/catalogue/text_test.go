package catalogue

import (
	"strings"
	"testing"
	"unicode"
)

func TestLexiconIsComplete(t *testing.T) {
	names, brands := map[string]bool{}, map[string]bool{}
	for _, th := range themes {
		for _, b := range th.brands {
			if brands[b] {
				t.Errorf("the brand %s is in two themes", b)
			}
			brands[b] = true
		}
		for _, l := range th.interests {
			if names[l.name] {
				t.Errorf("%s is there twice", l.name)
			}
			names[l.name] = true
			for kind, words := range map[string][]string{"gear": l.gear, "topics": l.topics, "doings": l.doings, "adjectives": l.adjectives} {
				seen := map[string]bool{}
				for _, w := range words {
					if w == "" || w != strings.TrimSpace(w) || strings.ContainsAny(w, "{},\n") || seen[w] {
						t.Errorf("%s: %q among the %s", l.name, w, kind)
					}
					seen[w] = true
				}
				if len(words) < 5 {
					t.Errorf("%s has %d %s, want 5 or more", l.name, len(words), kind)
				}
			}
			for _, d := range l.doings {
				if !strings.Contains(d, "ing") {
					t.Errorf("%s: %q does not begin with a gerund", l.name, d)
				}
			}
		}
	}
	if n := len(names); n < 120 || n > len(bitset{})*64 {
		t.Errorf("%d interests", n)
	}
}

func TestTemplatesHaveKnownSlots(t *testing.T) {
	v := newVoice(&themes[0].interests[0], &themes[0], stream(1, 1))
	for _, f := range forms {
		for _, list := range [][]string{f.titles, f.leads, f.more} {
			for _, template := range list {
				rest := template
				for {
					_, after, found := strings.Cut(rest, "{")
					if !found {
						break
					}
					slot, next, closed := strings.Cut(after, "}")
					for name := range strings.SplitSeq(strings.TrimPrefix(slot, "a "), " ") {
						if v[name] == "" {
							t.Errorf("%q: no words for %q", template, name)
						}
					}
					if !closed {
						t.Errorf("%q: a brace is open", template)
					}
					rest = next
				}
			}
		}
	}
}

func TestSay(t *testing.T) {
	v := voice{"gear": "ice axe", "adjective": "heavy", "gear2": "USB crate", "who": "yogi"}
	for template, want := range map[string]string{
		"no slots":                   "no slots",
		"{a gear} or {a gear2}":      "an ice axe or a USB crate",
		"{a adjective gear}, {gear}": "a heavy ice axe, ice axe",
		"the {who}'s":                "the yogi's",
	} {
		if got := v.say(template); got != want {
			t.Errorf("%q: %q, want %q", template, got, want)
		}
	}
}

func TestArticle(t *testing.T) {
	for phrase, want := range map[string]string{
		"tamper": "a", "anvil": "an", "ukulele strap": "a", "urban sketcher": "an", "one-person tent": "a", "open board": "an",
		"FPV drone": "an", "LED hood": "an", "UPS": "a", "NAS enclosure": "a", "épée": "an", "8×42 scope": "an", "48-volt throttle": "a", "e-bike builder": "an",
	} {
		if got := article(phrase); got != want {
			t.Errorf("%s %s, want %s", got, phrase, want)
		}
	}
}

func TestTitleCase(t *testing.T) {
	for in, want := range map[string]string{
		"the art of steaming milk":             "The Art of Steaming Milk",
		"pH meter or crock? where to begin":    "pH Meter or Crock? Where to Begin",
		"workshop: a day out":                  "Workshop: A Day Out",
		"tested: trans-European épée, for all": "Tested: Trans-European Épée, for All",
	} {
		if got := titleCase(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestTextsAreReadableAndDiffer(t *testing.T) {
	big := DefaultOptions()
	big.Items = 20_000
	for _, o := range []Options{DefaultOptions(), withSeed(2), big} {
		w := generate(t, o)
		titles := map[string]bool{}
		bare, wrong, missing, numbered, own := 0, 0, 0, 0, 0
		for i, item := range w.Items {
			in := w.Truth.Interests[w.Truth.ItemInterest[i]]
			if titles[item.Title] {
				t.Errorf("two items are called %q", item.Title)
			}
			titles[item.Title] = true
			if strings.Contains(item.Title, ", No. ") {
				numbered++
			}
			for _, text := range []string{item.Title, item.Description} {
				if strings.ContainsAny(text, "{}") || strings.Contains(text, "  ") {
					t.Errorf("%s: %q", item.ID, text)
				}
			}
			if n := len(strings.Fields(item.Title)); n < 2 || n > 14 || unicode.IsSpace(rune(item.Title[0])) {
				t.Errorf("%s: %q", item.ID, item.Title)
			}
			if item.Description == "" {
				bare++
			} else if !strings.HasSuffix(item.Description, ".") && !strings.HasSuffix(item.Description, "\"") {
				t.Errorf("%s: %q has no end", item.ID, item.Description)
			}
			switch item.Category {
			case in.Theme:
			case "":
				missing++
			default:
				wrong++
			}
			if speaksOf(strings.ToLower(item.Title+" "+item.Description), in.words) {
				own++
			}
		}
		n := len(w.Items)
		for what, count := range map[string]int{"no description": bare, "no category": missing, "a wrong category": wrong} {
			if count == 0 || count > n/10 {
				t.Errorf("%+v: %d items have %s, want a few", o, count, what)
			}
		}
		if numbered > n/50 {
			t.Errorf("%+v: %d titles needed a number", o, numbered)
		}
		if own != n {
			t.Errorf("%+v: only %d items speak of their interest", o, own)
		}
	}
}

// speaksOf tells whether a text has a phrase of the interest.
func speaksOf(text string, l *lexicon) bool {
	for _, words := range [][]string{{l.name, l.who}, l.gear, l.topics, l.doings} {
		for _, w := range words {
			if strings.Contains(text, strings.ToLower(w)) {
				return true
			}
		}
	}
	return false
}
