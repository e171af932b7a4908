package llm

import (
	"fmt"
	"strings"
)

// AskScore asks how likely a user with these interests, oldest first, is to
// enjoy one that is new to them, from 0 to 10 (arXiv 2504.05522, pointwise).
// The answer is to be the number alone. Planning asks it of candidates, and
// curation writes examples of it, with what users did as the answer.
func AskScore(descriptions []string, candidate string) []Message {
	var user strings.Builder
	for i, d := range descriptions {
		fmt.Fprintf(&user, "Cluster %d: %s\n", i+1, d)
	}
	fmt.Fprintf(&user, "New cluster: %s", candidate)
	return []Message{{RoleSystem, scoreSystem}, {RoleUser, user.String()}}
}

const scoreSystem = `A recommender groups its items into interest clusters. Each cluster is described by a few keyword phrases.
You are given the clusters that a user consumed last, oldest first, and one that is new to this user. Say how likely this user is to enjoy the new one: 0 is not at all, 10 is certainly.
Answer with one number from 0 to 10, and with nothing else.`
