package llm

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// scripted answers, one after the other, and keeps what it was asked.
type scripted struct {
	answers []any // string or error
	asked   []Request
}

func (s *scripted) Ask(_ context.Context, r Request) (Answer, error) {
	s.asked = append(s.asked, r)
	next := s.answers[min(len(s.asked), len(s.answers))-1]
	if err, ok := next.(error); ok {
		return Answer{}, err
	}
	return Answer{Text: next.(string)}, nil
}

func TestReasking(t *testing.T) {
	v := vocabulary(t)
	jazz, shoes, failed := someDescriptions[0], someDescriptions[1], &CallError{Status: 500}
	judge := NovelJudge(v.Match, func(cluster int32) bool { return cluster == 20 })
	for name, test := range map[string]struct {
		answers []any
		calls   int
		last    string
		reasons []string
	}{
		"at once":         {[]any{jazz}, 1, jazz, nil},
		"unknown, old":    {[]any{"Gardening", shoes, jazz}, 3, jazz, []string{reasonUnknown, reasonOld}},
		"blocked":         {[]any{someDescriptions[2], jazz}, 2, jazz, []string{reasonUnknown}},
		"never":           {[]any{"Gardening"}, 3, "Gardening", []string{reasonUnknown, reasonUnknown}},
		"a failed re-ask": {[]any{"Gardening", failed}, 2, "Gardening", []string{reasonUnknown}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scripted{answers: test.answers}
			r := someRequestOf([]int32{10})
			before := slices.Clone(r.Messages)
			answer, err := Reasking(s, 2, judge).Ask(t.Context(), r)
			if err != nil || answer.Text != test.last || len(s.asked) != test.calls {
				t.Errorf("%q, %v in %d calls, want %q in %d", answer.Text, err, len(s.asked), test.last, test.calls)
			}
			if !slices.Equal(r.Messages, before) {
				t.Error("the caller's messages changed")
			}
			seen := map[ID]bool{}
			for _, r := range s.asked {
				seen[r.ID()] = true
			}
			if len(seen) != test.calls {
				t.Errorf("%d requests have %d identities", test.calls, len(seen))
			}
			last := s.asked[len(s.asked)-1].Messages[len(before):]
			for i, reason := range test.reasons {
				if 2*i+1 >= len(last) || last[2*i].Role != RoleAssistant || last[2*i].Content != test.answers[min(i, len(test.answers)-1)] || last[2*i+1].Content != reason {
					t.Errorf("the conversation is %q, want reason %q at %d", last, reason, i)
				}
			}
		})
	}
}

func TestReaskingStopsAtTheFirstError(t *testing.T) {
	stop := &TerminalError{SpentQuota, "add credit", errors.New("no credit")}
	for _, answers := range [][]any{{stop}, {"Gardening", stop}, {&CallError{Status: 400}}} {
		s := &scripted{answers: answers}
		_, err := Reasking(s, 2, NovelJudge(vocabulary(t).Match, nil)).Ask(t.Context(), someRequest())
		if err == nil || len(s.asked) != len(answers) {
			t.Errorf("%v: %v after %d calls", answers, err, len(s.asked))
		}
	}
}

// What is repeated of an answer is never empty, too long, or broken text.
func TestSaid(t *testing.T) {
	for _, answer := range []string{"", " \n", "<think>long", strings.Repeat("é", 600), "\xff\xfe", "a\xffb"} {
		got := said(answer)
		if got == "" || len(got) > mostSaid || strings.ToValidUTF8(got, "?") != got {
			t.Errorf("%.20q is repeated as %.40q", answer, got)
		}
	}
}
