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
	// aligned says that votes carry scores.
	aligned bool
}

// fault is what is wrong with an answer that plans nothing, "" if it plans.
func fault(match llm.Match, key []int32, blocked func(int32) bool) string {
	switch {
	case match.How == llm.None:
		return "the answer names no cluster of the vocabulary"
	case slices.Contains(key, match.Cluster):
		return "the answer names a cluster of its own key"
	case blocked(match.Cluster):
		return "the answer names a cluster of --block_clusters"
	}
	return ""
}

// cast counts one answer, and says why it plans nothing, or "".
func (b *ballot) cast(match llm.Match, key []int32, blocked func(int32) bool) (why string) {
	status := ""
	if why = fault(match, key, blocked); why == "" {
		at := slices.IndexFunc(b.votes, func(c schemas.Candidate) bool { return c.Cluster == match.Cluster })
		if at < 0 {
			at = len(b.votes)
			b.votes = append(b.votes, schemas.Candidate{Cluster: match.Cluster})
		}
		b.votes[at].Votes++
	} else if status = schemas.StatusNoMatch; slices.Contains(key, match.Cluster) {
		status = schemas.StatusNotNovel
	}
	if b.answers++; b.answers == 1 {
		b.first = status
	}
	return why
}

// fill makes a row of the votes: most votes first, of equals the one that was
// named first; a candidate's score is its share of the answers. Candidates that
// were aligned stand by their score, from 0 to 10, first. Without a vote the
// row says what the first answer came to.
func (b *ballot) fill(row *schemas.Lookup, w *World) {
	if len(b.votes) == 0 {
		row.Status = b.first
		return
	}
	if !b.aligned {
		for i := range b.votes {
			b.votes[i].Score = float64(b.votes[i].Votes) / float64(b.answers)
		}
	}
	slices.SortStableFunc(b.votes, func(x, y schemas.Candidate) int {
		if b.aligned {
			return cmp.Or(cmp.Compare(y.Score, x.Score), cmp.Compare(y.Votes, x.Votes))
		}
		return cmp.Compare(y.Votes, x.Votes)
	})
	row.Candidates = b.votes
	FillRow(row, w)
}
