package planning

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/paidlog"
	"foray/transforms/progress"
)

// ask lets the model fill a shard's rows: all its keys at once, as far as the
// session's limit lets them, then written in order.
func (f *planFn) ask(ctx context.Context, w *World, shard int, keys keys, write func(*schemas.Lookup) error) (entries []commit.Entry, err error) {
	s, err := openSession(ctx, f.Config)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeSession()) }()
	if !f.held.Swap(true) {
		holdSession()
	}
	spend, err := s.allowance(shard, f.Config.Shards)
	if err != nil {
		return nil, err
	}
	tally := map[string]int64{}
	v := &voter{session: s, spend: spend, asker: s.asker(spend)}
	if s.model.Align != nil {
		if v.aligner, err = s.aligner(spend); err != nil {
			return nil, err
		}
	}
	if err := f.fill(ctx, w, v, keys, func(p *planned) error {
		p.count(tally)
		for _, r := range p.rejects {
			r.Stage, r.Source = f.Config.Stage, keyText(p.row.Key)
			entries = append(entries, commit.Entry{Reject: &r})
		}
		return write(&p.row)
	}); err != nil {
		return nil, err
	}
	for _, damage := range s.damage() {
		entries = append(entries, commit.Entry{Reject: &schemas.Reject{Stage: f.Config.Stage, Source: paidlog.Root, Reason: damage}})
	}
	if failure := v.stopped(); failure != nil {
		return append(entries, commit.Count(spend.tell())), failure
	}
	if shard == 0 {
		entries = append(entries, commit.Count(f.Config.Before))
	}
	return append(entries, commit.Count(tally), commit.Count(spend.tell())), nil
}

// ahead is how many keys may be done before one that is not: so long may a
// call hang without holding up the others.
const ahead = 16 << 10

// fill plans keys, as many at once as the session lets a shard have under way,
// and takes them in their order. It ends early, without an error, when the
// session stops. Keys are planned by goroutines that stay, since calls need
// deep stacks, and growing one for each key costs as much as the call.
func (f *planFn) fill(ctx context.Context, w *World, v *voter, keys keys, take func(*planned) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(v.end, cancel)()
	outer := ctx
	group, ctx := errgroup.WithContext(ctx)
	started := make(chan *planned, ahead) // in order
	waiting := make(chan *planned)        // for somebody to ask
	for range v.underway {
		group.Go(func() error {
			for p := range waiting {
				if err := v.plan(ctx, w, p); err != nil {
					return err
				}
				if p.given() || p.decided {
					progress.Add(f.Config.Stage, 1)
				}
				close(p.done)
			}
			return nil
		})
	}
	group.Go(func() error {
		defer close(started)
		defer close(waiting)
		decided := f.Config.decider(w)
		for key := range keys.each {
			p := &planned{row: schemas.Lookup{Key: slices.Clone(key)}, done: make(chan struct{})}
			if decided(&p.row) {
				p.decided = true
				progress.Add(f.Config.Stage, 1)
				close(p.done)
			} else {
				select {
				case waiting <- p:
				case <-ctx.Done():
					return nil
				}
			}
			select {
			case started <- p:
			case <-ctx.Done():
				return nil
			}
		}
		return nil
	})
	group.Go(func() error {
		for p := range started {
			select {
			case <-p.done:
			case <-ctx.Done():
				return nil
			}
			if v.stopped() != nil {
				cancel()
				return nil
			}
			if err := take(p); err != nil {
				return err
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if v.stopped() == nil {
		return context.Cause(outer)
	}
	return nil
}

// keyText writes a key as `foray lookup` takes it.
func keyText(key []int32) string {
	parts := make([]string, len(key))
	for i, c := range key {
		parts[i] = strconv.Itoa(int(c))
	}
	return strings.Join(parts, ",")
}
