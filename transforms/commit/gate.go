package commit

import "fmt"

// Gate is a condition on a stage's tally: Part ÷ Whole, two counts, must not
// leave [Min, Max]. With a Whole of 0 there is nothing to judge, and it holds.
type Gate struct {
	// Flag is the option that sets the bound, and Measure what is measured,
	// in words: "match rate".
	Flag, Measure string
	Part, Whole   string
	Min, Max      float64
	// Says is the whole sentence in place of the figures, where they would
	// tell nothing.
	Says string
	// Exit is 3 where the version is to be kept unpublished, 1 where nothing
	// is to be written.
	Exit int
}

// Check gives the sentence that says why the gate does not hold, or "". Rows
// that were rejected and are part of what it measures are told as examples.
func (g Gate) Check(t Tally, faults []Fault) string {
	part, whole := t.Counts[g.Part], t.Counts[g.Whole]
	if whole == 0 {
		return ""
	}
	v := float64(part) / float64(whole)
	if v >= g.Min && v <= g.Max {
		return ""
	}
	if g.Says != "" {
		return g.Says
	}
	bound, word := g.Min, "below"
	if v > g.Max {
		bound, word = g.Max, "above"
	}
	why := fmt.Sprintf("the %s is %.4g (%d of %d), %s --%s=%g", g.Measure, v, part, whole, word, g.Flag, bound)
	for _, f := range faults {
		if f.Count == g.Part {
			return why + ": " + f.String() // the fault with most rows
		}
	}
	return why
}
