package finetune

import (
	"regexp"
	"slices"
	"strconv"
)

// mostEvents is the most that OpenAI lists at once. go-openai hides the ids
// that earlier ones could be asked for by: a watcher that comes late may miss
// checkpoints, and never the model.
const mostEvents = 100

var (
	stepEvent       = regexp.MustCompile(`^Step (\d+)(?:/(\d+))?: training loss=([0-9.eE+-]+)`)
	checkpointEvent = regexp.MustCompile(`^Checkpoint created at step (\d+).*?((?:ft:)?[\w.:-]+)$`)
)

// hear takes an event's message into account; false if it is none that it
// knows.
func (j *Job) hear(message string) bool {
	if m := stepEvent.FindStringSubmatch(message); m != nil {
		step, steps, loss := number(m[1]), number(m[2]), 0.0
		if v, err := strconv.ParseFloat(m[3], 64); err == nil {
			loss = v
		}
		if step >= j.Step {
			j.Step, j.Steps, j.Loss = step, max(steps, j.Steps), loss
		}
		return true
	}
	if m := checkpointEvent.FindStringSubmatch(message); m != nil {
		j.checkpoint(number(m[1]), m[2])
		return true
	}
	return false
}

// number is what digits say, 0 for too many.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

// checkpoint notes a checkpoint, once.
func (j *Job) checkpoint(step int, model string) {
	if !slices.ContainsFunc(j.Checkpoints, func(c *Checkpoint) bool { return c.Model == model }) {
		j.Checkpoints = append(j.Checkpoints, &Checkpoint{Step: step, Model: model})
	}
}
