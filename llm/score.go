package llm

import (
	"fmt"
	"strings"
)

// AskScore asks how likely users with these interests, oldest first, are to
// enjoy a candidate, from 0 to 10 (arXiv 2504.05522, pointwise). The answer
// is to be the number alone. Curation writes examples of it, with what users
// did as the answer.
func AskScore(descriptions []string, candidate string) []Message {
	var user strings.Builder
	for i, d := range descriptions {
		fmt.Fprintf(&user, "Cluster %d: %s\n", i+1, d)
	}
	fmt.Fprintf(&user, "Candidate: %s", candidate)
	return []Message{{RoleSystem, scoreSystem}, {RoleUser, user.String()}}
}

const scoreSystem = `A recommender groups its items into interest clusters. Each cluster is described by a few keyword phrases.
You are given the clusters that a user consumed last, oldest first, and a candidate that is new to this user. Say how likely this user is to enjoy the candidate, as a whole number from 0 (never) to 10 (surely): 5 is as likely as other users.
Answer with the number, and with nothing else.`
