package curation

import "math"

// mostLater bounds the later events of one user that count, so that nobody's
// binge speaks for all.
const mostLater = 9

// MostScore is the best score of an alignment example; the least is 0.
const MostScore = 10

// score says how well users of a transition came to like its next cluster, as
// in arXiv 2504.05522: their engagement, normalised and rounded. Engagement is
// the number of events that a user had with the cluster, at most 1 + mostLater;
// it is held against its mean over all transitions to this cluster, since some
// clusters are met once and others daily:
//
//	score = round(10 · e ÷ (e + mean))        5 is as usual for the cluster
func (s *sample) score(c candidate) int {
	label := s.label(c)
	engagement := 1 + float64(c.later)/float64(c.users)
	mean := 1 + float64(s.later[label])/float64(s.users[label])
	return int(math.Round(MostScore * engagement / (engagement + mean)))
}
