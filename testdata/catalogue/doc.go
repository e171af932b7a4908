// Package catalogue makes seeded demo worlds: items that read like a real
// catalogue, a log of events, and the hidden truth behind both, so that what a
// planner finds can be held against what was there to find.
//
// Items belong to interests (espresso brewing, bouldering, film photography,
// …) and interests to broad themes. Users drift: they stay with the interests
// they have for a while, then meet a new one, drawn from
//
//	P(next | last two distinct interests)
//
// restricted to the interests that this user has not met. The distribution is
// a sparse hidden graph of successors (some in the theme, some far away), with
// successors that only a certain pair of interests has, over a background by
// popularity. It does not change over time, so what is learnt before a cut
// predicts what comes after. Every transition of K = 2, as the package
// transforms/history defines it with interests in the role of clusters, is
// such a draw; nothing else is.
//
// A world depends on its Options alone: the same options give the same bytes
// on any number of cores.
package catalogue
