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
	v := &voter{session: s, spend: spend, asker: s.asker(spend)}
	if s.model.Align != nil {
		if v.aligner, err = s.aligner(spend); err != nil {
			return nil, err
		}
	}
	rows := make([]schemas.Lookup, keys.len)
	notes := make([]note, keys.len)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.over, cancel)()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.waiting * f.Config.Model.Concurrency)
	decided := f.Config.decider(w)
	i := 0
	for key := range keys.each {
		if ctx.Err() != nil || v.stopped() != nil {
			break
		}
		at, key := i, slices.Clone(key)
		i++
		rows[at].Key = key
		if decided(&rows[at]) {
			notes[at].decided = true
			progress.Add(f.Config.Stage, 1)
			continue
		}
		group.Go(func() (err error) {
			rows[at], notes[at], err = v.plan(ctx, w, key)
			if n := notes[at]; n.given() || n.decided {
				progress.Add(f.Config.Stage, 1)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	tally := spend.tell()
	for _, damage := range s.damage() {
		entries = append(entries, commit.Entry{Reject: &schemas.Reject{Stage: f.Config.Stage, Source: paidlog.Root, Reason: damage}})
	}
	if failure := v.stopped(); failure != nil {
		return append(entries, commit.Count(tally)), failure
	}
	for i := range rows {
		notes[i].count(tally)
		for _, r := range notes[i].rejects {
			r.Stage, r.Source = f.Config.Stage, keyText(rows[i].Key)
			entries = append(entries, commit.Entry{Reject: &r})
		}
		if err := write(&rows[i]); err != nil {
			return nil, err
		}
	}
	return append(entries, commit.Count(tally)), nil
}

// keyText writes a key as `foray lookup` takes it.
func keyText(key []int32) string {
	parts := make([]string, len(key))
	for i, c := range key {
		parts[i] = strconv.Itoa(int(c))
	}
	return strings.Join(parts, ",")
}
