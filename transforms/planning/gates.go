package planning

import (
	"foray/schemas"
	"foray/transforms/commit"
)

// The names under which a lookup table's manifest counts answers.
const (
	AnswersGiven      = "answers_given"      // keys with a first answer
	AnswersMatched    = "answers_matched"    // of these, first answers that name a cluster
	AnswersExact      = "answers_exact"      // of these, to the letter
	AnswersNormalised = "answers_normalised" // of these, but for case, spaces, punctuation and order
	AnswersRecorded   = "answers_recorded"   // keys whose answer was paid for by an earlier run
	KeysFailed        = "calls_failed"       // keys that no answer could be had for
	// KeysPlanned are the keys within the coverage asked for.
	KeysPlanned = "keys_planned"
	// VotesBest ÷ SamplesGiven is the agreement of a key's answers: 1 where
	// all name the cluster that is planned.
	VotesBest    = "votes_of_plans"
	SamplesGiven = "samples"
)

// refused is the exit code of a gate that keeps a version unpublished.
const refused = 3

// FailedGate bounds the share of keys that no answer could be had for.
func FailedGate(most float64) commit.Gate {
	return commit.Gate{Flag: "max_failed", Measure: "share of keys that failed", Part: "keys_" + schemas.StatusFailed, Whole: KeysPlanned, Max: most, Exit: refused}
}

// MatchGate bounds the match rate from below.
func MatchGate(least float64) commit.Gate {
	return commit.Gate{Flag: "min_match_rate", Measure: "match rate", Part: AnswersMatched, Whole: AnswersGiven, Min: least, Max: 1, Exit: refused}
}
