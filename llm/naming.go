package llm

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A name of a cluster is at most so long.
const (
	longestName   = 60 // characters
	mostNameWords = 6
)

// NameMark is what stands in front of a name.
const NameMark = "Name:"

const nameSystem = `A recommender groups its items into interest clusters, by what the same users like.
You are given a cluster's keyword phrases and the titles of its most used items. Name the interest: what do these items have in common, and what sets them apart from others? In the language of the titles, in one to six words, without commas.
Answer in one line, and with nothing else:
` + NameMark + ` words`

// NameTaken is what to say of a name that another cluster has.
const NameTaken = "Another cluster has that name. Answer again, with a name that says what sets this one apart, in the form asked for."

// AskName asks for the name of a cluster with these phrases, and these titles of
// its most used items.
func AskName(phrases, titles []string) []Message {
	var user strings.Builder
	fmt.Fprintf(&user, "Phrases: %s\nTitles:\n", strings.Join(phrases, ", "))
	for _, title := range titles {
		fmt.Fprintf(&user, "- %s\n", title)
	}
	return []Message{{RoleSystem, nameSystem}, {RoleUser, user.String()}}
}

// ReadName reads an answer to AskName. fault is what is wrong with the name, in
// words for the model, or "".
func ReadName(answer string) (name, fault string) {
	text := strings.ToValidUTF8(afterThought(answer), "")
	if i := strings.LastIndex(strings.ToLower(text), strings.ToLower(NameMark)); i >= 0 && len(strings.ToLower(text)) == len(text) {
		text = text[i+len(NameMark):]
	}
	name = strings.Join(strings.FieldsFunc(firstLine(text), func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	name = strings.Trim(name, " \"'“”„«»‘’`*_.#")
	switch {
	case !strings.ContainsFunc(name, unicode.IsLetter):
		return name, "That is no name. Answer again, in the form asked for."
	case strings.ContainsFunc(name, isPhraseEnd):
		return name, "A name has no commas. Answer again, with one name, in the form asked for."
	case utf8.RuneCountInString(name) > longestName || len(strings.Fields(name)) > mostNameWords:
		return name, fmt.Sprintf("That is too long. Answer again, with one to six words and at most %d characters, in the form asked for.", longestName)
	}
	return name, ""
}
