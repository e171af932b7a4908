package plan

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"foray/schemas"
	"foray/transforms/planning"
)

// told says what came of asking, as the lines of a table.
func told(n map[string]int64) []string {
	share := func(part, whole int64) string {
		if whole == 0 {
			return "none"
		}
		return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t"+format+"\n", append([]any{name}, args...)...)
	}
	given := n[planning.AnswersGiven]
	row("plan", "%d keys answered, %d of them by earlier runs; %d failed, %d not planned", given, n[planning.AnswersRecorded], n[planning.KeysFailed], n["keys_"+schemas.StatusNotPlanned])
	row("match", "%s of first answers name a cluster (%d to the letter, %d but for form); %d were asked again", share(n[planning.AnswersMatched], given), n[planning.AnswersExact], n[planning.AnswersNormalised], n[planning.AnswersReasked])
	if samples := n[planning.SamplesGiven]; samples > given {
		row("agreement", "%s of %d answers agree with the plan", share(n[planning.VotesBest], samples), samples)
	}
	if scored := n[planning.AlignScores]; scored+n[planning.AlignUnscored] > 0 {
		row("align", "%d candidates scored, %d without a score", scored, n[planning.AlignUnscored])
	}
	row("calls", "%d, %d of them retries; %d got HTTP status 429; %d without an answer may have been paid for", n[planning.CallsMade], n[planning.CallsRepeated], n[planning.CallsLimited], n[planning.CallsMaybePaid])
	tokens := fmt.Sprintf("%d of prompts, %d of answers", n[planning.PromptTokens], n[planning.CompletionTokens])
	if cost := n[planning.CostMicroUSD]; cost > 0 {
		tokens += fmt.Sprintf(": $%.4f", float64(cost)/1e6)
	}
	row("tokens", "%s", tokens)
	w.Flush()
	return strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
}
