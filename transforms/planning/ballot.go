package planning

import (
	"cmp"
	"slices"

	"foray/llm"
	"foray/schemas"
)

// ballot counts the answers to one key.
type ballot struct {
	votes []schemas.Candidate // by the first vote
	// first is what the first answer came to, if it planned nothing.
	first   string
	answers int
}

// cast counts one answer, and says why it plans nothing, or "".
func (b *ballot) cast(match llm.Match, key []int32, blocked func(int32) bool) (why string) {
	status := ""
	switch {
	case match.How == llm.None:
		status, why = schemas.StatusNoMatch, "the answer names no cluster of the vocabulary"
	case slices.Contains(key, match.Cluster):
		status, why = schemas.StatusNotNovel, "the answer names a cluster of its own key"
	case blocked(match.Cluster):
		status, why = schemas.StatusNoMatch, "the answer names a cluster of --block_clusters"
	default:
		at := slices.IndexFunc(b.votes, func(c schemas.Candidate) bool { return c.Cluster == match.Cluster })
		if at < 0 {
			at = len(b.votes)
			b.votes = append(b.votes, schemas.Candidate{Cluster: match.Cluster})
		}
		b.votes[at].Votes++
	}
	if b.answers++; b.answers == 1 {
		b.first = status
	}
	return why
}

// fill makes a row of the votes: most votes first, of equals the one that was
// named first; a candidate's score is its share of the answers. Without a vote
// the row says what the first answer came to.
func (b *ballot) fill(row *schemas.Lookup, w *World) {
	if len(b.votes) == 0 {
		row.Status = b.first
		return
	}
	slices.SortStableFunc(b.votes, func(x, y schemas.Candidate) int { return cmp.Compare(y.Votes, x.Votes) })
	for i := range b.votes {
		b.votes[i].Score = float64(b.votes[i].Votes) / float64(b.answers)
	}
	row.Candidates = b.votes
	FillRow(row, w)
}
