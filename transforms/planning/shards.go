// Package planning makes the lookup table: every key's planned clusters.
//
// The job's elements are shards, ranges of key numbers. A shard enumerates
// its keys, plans them, writes its own sorted part and gives a receipt; no row
// is ever an element. Shards of a bundle overlap, so that one's last calls do
// not leave the planner idle.
package planning

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/schemas"
	"foray/transforms/bundle"
	"foray/transforms/commit"
	"foray/transforms/keyspace"
	"foray/transforms/once"
	"foray/transforms/planner"
	"foray/transforms/progress"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// Config says what is planned.
type Config struct {
	Stage           string
	Output, Version string
	From            Versions
	// Planner is one of planner's names.
	Planner string
	K       int
	Order   keyspace.Order
	// Observed plans the observed keys only.
	Observed bool
	Shards   int
	Seed     uint64
	// Model is set for planner.OpenAI.
	Model Model
	Decisions
	// Before are counts of what was done in front of the job, for its manifest.
	Before map[string]int64
}

// Candidates is how many clusters of a baseline a row keeps.
const Candidates = 10

// Plan writes lookup/, a part a shard.
//
//	-> PCollection<commit.Entry>
func Plan(s beam.Scope, cfg Config) beam.PCollection {
	s = s.Scope("Plan")
	shards := make([]int, cfg.Shards)
	for i := range shards {
		shards[i] = i
	}
	// Reshuffled, so that shards spread over workers.
	return beam.ParDo(s, &planFn{Config: cfg}, beam.Reshuffle(s, beam.CreateList(s, shards)))
}

// planFn plans shards, several of a bundle at once.
type planFn struct {
	Config Config

	work bundle.Work[commit.Entry]
	// held says that the bundle holds the session, so that it stays between
	// two shards.
	held atomic.Bool
}

func init() {
	register.DoFn3x1[context.Context, int, func(commit.Entry), error](&planFn{})
	register.Emitter1[commit.Entry]()
}

// ProcessElement starts to plan one shard.
func (f *planFn) ProcessElement(ctx context.Context, shard int, entry func(commit.Entry)) error {
	return f.work.Go(ctx, func(ctx context.Context, give func(commit.Entry)) error {
		entries, err := f.shard(ctx, shard)
		for _, e := range entries {
			give(e)
		}
		return err
	}, entry)
}

// FinishBundle waits for all shards.
func (f *planFn) FinishBundle(_ context.Context, entry func(commit.Entry)) error {
	err := f.work.Wait(entry)
	if f.held.Swap(false) {
		err = errors.Join(err, releaseSession())
	}
	return err
}

// shard plans one shard and writes its part.
func (f *planFn) shard(ctx context.Context, shard int) ([]commit.Entry, error) {
	w, err := LoadWorld(ctx, f.Config)
	if err != nil {
		return nil, err
	}
	keys := f.keys(w, shard)
	f.expect(w)
	b, err := store.Open(ctx, f.Config.Output)
	if err != nil {
		return nil, err
	}
	var entries []commit.Entry
	tally := map[string]int64{}
	receipt, err := store.WriteAttempt(ctx, b, schemas.LookupTable, f.Config.Version, shard, f.Config.Shards, tables.Ext, func(out io.Writer) (int64, error) {
		kw := tables.NewKeyedWriter[schemas.Lookup](out, f.Config.K)
		write := func(row *schemas.Lookup) error {
			row.Traffic = w.Traffic(row.Key)
			tally["keys"]++
			tally["keys_"+row.Status]++
			if row.Status != schemas.StatusNotPlanned {
				tally[KeysPlanned]++
			}
			tally[VotesBest] += int64(row.Votes)
			tally[SamplesGiven] += int64(row.Samples)
			if row.Model == OverrideModel {
				tally["keys_overridden"]++
			}
			return kw.Write(row)
		}
		if f.Config.Planner == planner.OpenAI {
			entries, err = f.ask(ctx, w, shard, keys, write)
		} else {
			err = f.plan(ctx, w, keys, write)
		}
		if err != nil {
			return 0, err
		}
		return kw.Close()
	})
	var failure *commit.Failure
	if errors.As(err, &failure) {
		return append(entries, commit.Entry{Failure: failure}), nil
	}
	if err != nil {
		return nil, fmt.Errorf("plan shard %d of %d: %w", shard, f.Config.Shards, err)
	}
	return append(entries, commit.Entry{Receipt: &receipt}, commit.Count(tally)), nil
}

// keys is one shard's keys in order.
type keys struct {
	each func(yield func([]int32) bool)
	len  int
}

func (f *planFn) keys(w *World, shard int) keys {
	if !f.Config.Observed {
		from, to := w.Space.Range(shard, f.Config.Shards)
		return keys{w.Space.Keys(from, to), int(to - from)}
	}
	all := w.Observed()
	own := all[shard*len(all)/f.Config.Shards : (shard+1)*len(all)/f.Config.Shards]
	return keys{func(yield func([]int32) bool) {
		for _, k := range own {
			if !yield(k) {
				return
			}
		}
	}, len(own)}
}

// plannerID is a planner of a world.
type plannerID struct {
	world *World
	name  string
}

var planners once.Cache[plannerID, planner.Planner]

// LoadPlanner makes a planner of a world, once a process.
func LoadPlanner(name string, w *World) (planner.Planner, error) {
	return planners.Get(plannerID{w, name}, func() (planner.Planner, error) { return planner.New(name, &w.World) })
}

// plan lets a planner that needs no model fill the rows.
func (f *planFn) plan(ctx context.Context, w *World, keys keys, write func(*schemas.Lookup) error) error {
	p, err := LoadPlanner(f.Config.Planner, w)
	if err != nil {
		return &commit.Failure{Exit: 2, Message: err.Error()}
	}
	var row schemas.Lookup
	decided := f.Config.decider(w)
	n := 0
	for key := range keys.each {
		row.Key = key
		if !decided(&row) {
			row.Samples, row.Model = 1, f.Config.Planner
			row.Candidates = f.Config.allowed(p.Plan(key, Candidates+len(f.Config.Blocked), row.Candidates[:0]), Candidates)
			FillRow(&row, w)
		}
		if err := write(&row); err != nil {
			return err
		}
		if n++; n%1024 == 0 {
			progress.Add(f.Config.Stage, 1024)
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	progress.Add(f.Config.Stage, int64(n%1024))
	return nil
}

// FillRow makes the first candidate the plan of a row.
func FillRow(row *schemas.Lookup, w *World) {
	if len(row.Candidates) == 0 {
		row.Status, row.NovelCluster, row.NovelDescription, row.Votes = schemas.StatusFailed, nil, "", 0
		return
	}
	best := &row.Candidates[0]
	best.Votes = max(best.Votes, 1)
	row.Status, row.NovelCluster, row.Votes = schemas.StatusOK, &best.Cluster, best.Votes
	row.NovelDescription = w.Describe(best.Cluster)
}

// expected are the commands, by version, whose keys progress knows of.
var expected sync.Map

// expect tells progress of all keys of the command when the first shard
// starts: a total that grows would promise too early an end.
func (f *planFn) expect(w *World) {
	if _, told := expected.LoadOrStore(f.Config.Version, true); told {
		return
	}
	for shard := range f.Config.Shards {
		progress.Expect(f.Config.Stage, int64(f.keys(w, shard).len))
	}
}
