package planning

import (
	"sync"

	"foray/transforms/once"
	"foray/transforms/progress"
)

// command is what the sessions of one command share in this process: a shard
// that comes when all others have left opens a session of its own, and must
// neither spend the budget anew nor doubt the endpoint again.
type command struct {
	// whole is what all shards together may spend, if they are all here.
	whole *allowance
	// canary proves, before the first call, that decoding is constrained.
	canary canary
}

// canary is what came of proving.
type canary struct {
	once sync.Once
	err  error
}

var commands once.Cache[string, *command]

func commandOf(cfg Config) (*command, error) {
	return commands.Get(cfg.Version+" "+cfg.Model.Purpose, func() (*command, error) {
		whole, err := newAllowance(cfg.Model, 1, 0)
		if err == nil && !cfg.Model.Split {
			progress.Tell(cfg.Stage, whole.text)
		}
		return &command{whole: whole}, err
	})
}
