// Package policy is the item policy, the low-level half of the hierarchy:
// the planner says which clusters a user may like next, the item policy says
// which items. A slate is 80 % the policy's best items anywhere (exploit) and
// 20 % its best items inside the planned clusters (explore), after Wang et
// al., arXiv 2405.16363, section 3.
//
// The first policy is a Markov chain over items (Markov, counted by Counter).
// On MovieTweetings (100,000 events) it ranks as well as a transformer of two
// blocks and is counted in a fraction of a second, so that the exploration can
// be judged without a GPU. Another model needs one method, see Policy;
// Recommender does the rest.
//
// Items are numbered 0 … n−1 by the caller. Number them in the order of their
// sorted ids: the last tie is broken by number, so by id.
package policy

// Scored is an item with a policy's score for it.
type Scored struct {
	Item int32
	// Score is larger for a better item, above 0, comparable within one
	// history only.
	Score float64
}

// Policy scores items for one user. An implementation is safe for use by
// several goroutines and answers the same history with the same scores.
//
// Scores are sparse because a slate needs the best few tens of items, while
// a dense row per user of a large catalogue costs more than all else.
type Policy interface {
	// Scores appends to into what the policy has evidence for and returns
	// it: each item at most once, in any order, seen ones included (the
	// caller masks them). history holds item numbers, oldest first; numbers
	// that the policy does not know are passed over. An item left out counts
	// as worse than every item scored, and Recommender ranks those by
	// popularity.
	Scores(history []int32, into []Scored) []Scored
}
