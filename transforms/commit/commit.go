package commit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/schemas"
	"foray/transforms/store"
)

// Config says what a job's commit makes.
type Config struct {
	// Output is the URL of the output; Version names all versions written.
	Output, Stage, Version string
	// Tables are the manifests of the tables to make, less what the job
	// finds out. All become finished before any is published.
	Tables []schemas.Manifest
	// Publish moves the tables' CURRENT if the gates hold.
	Publish bool
	Gates   []Gate
	// Last says that the command has no further stage: the rejects become a
	// table, and old versions go.
	Last bool
	// Keep is the number of versions of a table that retention leaves.
	Keep int
}

// Commit makes finished versions of the entries, and says what it made as the
// one element of its output, the JSON of an Account.
//
//	[]PCollection<Entry> -> PCollection<string>
func Commit(s beam.Scope, cfg Config, entries ...beam.PCollection) beam.PCollection {
	s = s.Scope("Commit")
	all := beam.Flatten(s, entries...)
	// An entry that is always there: the job commits even if no row came.
	always := beam.ParDo(s, emptyTally, beam.Impulse(s))
	grouped := beam.GroupByKey(s, beam.AddFixedKey(s, beam.Flatten(s, all, always)))
	return beam.ParDo(s, &commitFn{Config: cfg}, grouped)
}

func emptyTally(_ []byte) Entry { return Entry{Tally: &Tally{}} }

// commitFn is the one place that finishes versions.
type commitFn struct {
	Config Config
}

func init() {
	register.Function1x1(emptyTally)
	register.DoFn4x1[context.Context, int, func(*Entry) bool, func(string), error](&commitFn{})
	register.Iter1[Entry]()
	register.Emitter1[string]()
}

func (f *commitFn) ProcessElement(ctx context.Context, _ int, entries func(*Entry) bool, emit func(string)) error {
	b, err := store.Open(ctx, f.Config.Output)
	if err != nil {
		return err
	}
	var all []Entry
	for e := new(Entry); entries(e); e = new(Entry) {
		all = append(all, *e)
	}
	account, err := Apply(ctx, b, f.Config, all)
	if err != nil {
		return err
	}
	emit(account.Stage + " " + account.Version)
	return nil
}

// Apply is Commit's work without Beam. Running it twice on the same entries is
// as good as once.
func Apply(ctx context.Context, b store.Bucket, cfg Config, entries []Entry) (Account, error) {
	a := Account{Stage: cfg.Stage, Version: cfg.Version, Tables: map[string]schemas.Manifest{}}
	receipts := map[string][]store.Receipt{}
	var rejects []schemas.Reject
	var failures []Failure
	for _, e := range entries {
		switch {
		case e.Receipt != nil:
			receipts[e.Receipt.Table] = append(receipts[e.Receipt.Table], *e.Receipt)
		case e.Tally != nil:
			a.Tally.Add(*e.Tally)
		case e.Reject != nil:
			rejects = append(rejects, *e.Reject)
		case e.Rejected != nil:
			a.Rejects += e.Rejected.Rows
			a.Faults = append(a.Faults, e.Rejected.Faults...)
			if e.Rejected.File != "" {
				a.RejectFiles = append(a.RejectFiles, e.Rejected.File)
			}
		case e.Failure != nil:
			failures = append(failures, *e.Failure)
		}
	}
	slices.Sort(a.RejectFiles)
	a.Faults = mergeFaults(a.Faults)
	for _, f := range a.Faults {
		a.Tally.Add(Tally{Counts: map[string]int64{f.reason(): f.Rows}})
	}
	a.Exit, a.Message = verdict(cfg.Gates, a.Tally, a.Faults, failures)
	if a.Exit == 0 || a.Exit == 3 {
		for _, m := range cfg.Tables {
			m, err := finish(ctx, b, cfg, a, m, receipts[m.Table])
			if err != nil {
				return a, err
			}
			a.Tables[m.Table] = m
		}
	} else {
		for _, m := range cfg.Tables {
			if err := store.RemoveAttempts(ctx, b, m.Table, cfg.Version); err != nil {
				return a, err
			}
		}
	}
	if a.Exit == 0 && cfg.Publish {
		for _, m := range cfg.Tables {
			if err := store.Point(ctx, b, m.Table, cfg.Version); err != nil {
				return a, err
			}
			a.Published = append(a.Published, m.Table)
		}
	}
	if err := WriteAccount(ctx, b, a, rejects); err != nil {
		return a, err
	}
	if cfg.Last {
		return a, Finish(ctx, b, cfg.Version, cfg.Keep)
	}
	return a, nil
}

// Finish ends a command: its rejects become a table and old versions go.
func Finish(ctx context.Context, b store.Bucket, version string, keep int) error {
	if err := WriteRejects(ctx, b, version); err != nil {
		return err
	}
	if keep <= 0 {
		return nil
	}
	_, err := store.Retain(ctx, b, store.Tables(), keep)
	return errors.Join(err, RetainRuns(ctx, b, max(keep, 20)))
}

// verdict gives exit code and reason: what failed, else the gates that refuse.
// Gates on the input come first, since bad input is why all else fails.
func verdict(gates []Gate, t Tally, faults []Fault, failures []Failure) (int, string) {
	exit, reasons := 0, []string(nil)
	add := func(code int, why string) {
		reasons = append(reasons, why)
		if exit == 0 || code < exit {
			exit = code
		}
	}
	refused := slices.DeleteFunc(slices.Clone(gates), func(g Gate) bool { return g.Check(t, faults) == "" })
	for _, g := range refused {
		if g.Exit == 1 {
			add(1, g.Check(t, faults))
		}
	}
	if len(failures) > 0 {
		sort.Slice(failures, func(i, j int) bool {
			if failures[i].Exit != failures[j].Exit {
				return failures[i].Exit < failures[j].Exit
			}
			return failures[i].Message < failures[j].Message
		})
		message := failures[0].Message
		if n := len(failures) - 1; n > 0 && failures[n].Message != message {
			message += fmt.Sprintf(" (and %d more)", n)
		}
		add(failures[0].Exit, message)
	}
	if exit == 0 {
		for _, g := range refused {
			add(g.Exit, g.Check(t, faults))
		}
	}
	return exit, strings.Join(reasons, "; ")
}

// finish commits one table, with what the job found out in its manifest.
func finish(ctx context.Context, b store.Bucket, cfg Config, a Account, m schemas.Manifest, receipts []store.Receipt) (schemas.Manifest, error) {
	m.Version = cfg.Version
	m.CreatedAt = time.Now().UTC()
	m.Counts = map[string]int64{}
	for name, n := range a.Tally.Counts {
		m.Counts[name] = n
	}
	for name, n := range a.Tally.Least {
		m.Counts[name] = n
	}
	for name, n := range a.Tally.Most {
		m.Counts[name] = n
	}
	m.Figures = a.Tally.Figures
	if len(a.Tally.Facts) > 0 && m.Facts == nil {
		m.Facts = a.Tally.Facts
	}
	if a.Exit != 0 {
		m.Refused = a.Message
	}
	return store.Commit(ctx, b, m, receipts)
}
