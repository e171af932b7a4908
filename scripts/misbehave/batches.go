package main

import (
	"fmt"
	"strings"

	"foray/llm/batch/batchtest"
	"foray/llm/llmtest"
)

// courses are what can become of a batch, by name. Of one that ends before its
// time half is answered.
var courses = map[string]func(requests int) batchtest.Course{
	"completed": func(int) batchtest.Course { return batchtest.Complete() },
	"expired":   endsEarly("expired", false),
	"cancelled": endsEarly("cancelled", false),
	"silent":    endsEarly("expired", true),
	"failed":    endsEarly("failed", true),
	"refused": func(int) batchtest.Course {
		return batchtest.Course{Statuses: []string{"validating", "failed"}, Errors: []batchtest.Error{{Code: "invalid_request", Message: "This model takes no batches."}}}
	},
}

func endsEarly(status string, silent bool) func(int) batchtest.Course {
	return func(requests int) batchtest.Course {
		return batchtest.Course{Statuses: []string{"validating", "in_progress", status}, Finished: requests / 2, Silent: silent}
	}
}

// batches serves the Batch API with reply's answers. The named courses come
// one after the other, and then over again.
func batches(names string, reply func(llmtest.Call) llmtest.Reply) (*batchtest.Server, error) {
	var planned []func(int) batchtest.Course
	for name := range strings.SplitSeq(names, ",") {
		course, ok := courses[strings.TrimSpace(name)]
		if !ok {
			return nil, fmt.Errorf("--batches: no course %q: there are completed, expired, cancelled, silent, failed, refused", name)
		}
		planned = append(planned, course)
	}
	return batchtest.New(batchtest.Config{
		Answer: func(r batchtest.Request) llmtest.Reply {
			return reply(llmtest.Call{Model: r.Model, Prompt: r.Prompt, Body: []byte(r.Body), Of: r.Asked})
		},
		Course: func(number, requests int) batchtest.Course { return planned[(number-1)%len(planned)](requests) },
	}), nil
}
