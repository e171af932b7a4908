package catalogue

import "strings"

// theme is a broad field of interests: what the category column names, and
// what a coarse level of a cluster tree should find again.
type theme struct {
	name string
	// brands are invented makers, shared by the interests of the theme.
	brands []string
	// settings end a sentence: where or when one does such things.
	settings  []string
	interests []lexicon
}

// lexicon is one interest and the words of its items. All phrases are lower
// case but for proper names.
type lexicon struct {
	name string
	// who does it: singular, without article.
	who string
	// gear are things one can own: singular, without article.
	gear []string
	// topics are noun phrases that need no article: "Notes on …".
	topics []string
	// doings begin with a gerund: "Practise …".
	doings []string
	// adjectives go with every piece of gear.
	adjectives []string
}

// interest makes a lexicon of comma-separated lists, the form in which the
// themes are written down.
func interest(name, who, gear, topics, doings, adjectives string) lexicon {
	return lexicon{name: name, who: who, gear: list(gear), topics: list(topics), doings: list(doings), adjectives: list(adjectives)}
}

func list(s string) []string { return strings.Split(s, ", ") }

// themes are all fields that a world selects its interests from.
var themes = []theme{kitchen, outdoors, music, making, games, art, nature, sport, technology, culture}
