package job

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/progress"
	"foray/transforms/store"
	"foray/transforms/tables"
)

func TestMain(m *testing.M) { ptest.Main(m) }

// stageFn writes one part of each table, or fails as it is told to.
type stageFn struct {
	Output, Version string
	Tables          []string
	Failure         *commit.Failure
	Error           string
}

func init() {
	register.DoFn3x1[context.Context, []byte, func(commit.Entry), error](&stageFn{})
	register.Emitter1[commit.Entry]()
}

func (f *stageFn) ProcessElement(ctx context.Context, _ []byte, emit func(commit.Entry)) error {
	if f.Error != "" {
		return errors.New(f.Error)
	}
	if f.Failure != nil {
		emit(commit.Entry{Failure: f.Failure})
	}
	b, err := store.Open(ctx, f.Output)
	if err != nil {
		return err
	}
	for _, table := range f.Tables {
		r, err := tables.WriteShard(ctx, b, table, f.Version, 0, 1, []schemas.ItemCluster{{ItemID: "a"}, {ItemID: "b"}})
		if err != nil {
			return err
		}
		emit(commit.Entry{Receipt: &r})
	}
	emit(commit.Count(map[string]int64{"event_rows": 10, "events_used": 6}))
	return nil
}

// commands makes commands that write into one output, one version after the
// other, and what they said.
type commands struct {
	output string
	said   []string
	made   int
}

func (c *commands) next(t *testing.T) *Command {
	t.Helper()
	c.made++
	display := progress.Start(io.Discard, false)
	t.Cleanup(display.Stop)
	return &Command{
		Output: c.output, Bucket: store.Local(c.output), Version: store.NewVersion(time.UnixMilli(int64(c.made))),
		Keep: 5, Stages: 1, Resume: true, Display: display,
		Say: func(format string, args ...any) { c.said = append(c.said, fmt.Sprintf(format, args...)) },
	}
}

// stage is a stage of the command whose work f does.
func stage(c *Command, f stageFn) Stage {
	f.Output, f.Version, f.Tables = c.Output, c.Version, []string{schemas.TransitionsTable, schemas.KeysTable}
	return Stage{
		Name: "curate", Unit: "events", Tables: f.Tables, Publish: true,
		Inputs:  []schemas.Input{{Path: "events.csv", Bytes: 7, Generation: "1"}},
		Options: map[string]string{"history": "2"},
		Parents: map[string]string{schemas.ClustersTable: "v=1"},
		Build: func(s beam.Scope, cfg commit.Config) {
			commit.Commit(s, cfg, beam.ParDo(s, &f, beam.Impulse(s)))
		},
	}
}

func (c *commands) current(t *testing.T, table string) string {
	t.Helper()
	v, err := store.Current(t.Context(), store.Local(c.output), table)
	if err != nil && !errors.Is(err, store.ErrNotExist) {
		t.Fatal(err)
	}
	return v
}

func TestDoneStagesAreSkipped(t *testing.T) {
	cs := &commands{output: t.TempDir()}
	first := ""
	for _, tc := range []struct {
		name    string
		change  func(*Command, *Stage)
		skipped bool
	}{
		{"the first time", func(*Command, *Stage) {}, false},
		{"again", func(*Command, *Stage) {}, true},
		{"another option", func(_ *Command, st *Stage) { st.Options = map[string]string{"history": "3"} }, false},
		{"the first options again", func(*Command, *Stage) {}, true},
		{"a changed file", func(_ *Command, st *Stage) {
			st.Inputs = []schemas.Input{{Path: "events.csv", Bytes: 7, Generation: "2"}}
		}, false},
		{"another parent", func(_ *Command, st *Stage) { st.Parents = map[string]string{schemas.ClustersTable: "v=2"} }, false},
		{"another stage", func(_ *Command, st *Stage) { st.Name = "other" }, false},
		{"no resuming", func(c *Command, _ *Stage) { c.Resume = false }, false},
		{"a file beside that is not there", func(_ *Command, st *Stage) { st.Beside = "page.html" }, false},
		{"a table more", func(_ *Command, st *Stage) { st.Tables = append(st.Tables, schemas.TrainingTable) }, false},
	} {
		c := cs.next(t)
		st := stage(c, stageFn{})
		tc.change(c, &st)
		if len(st.Tables) == 3 { // only whether it is skipped can be asked
			if _, ok, err := c.finished(t.Context(), st); ok || err != nil {
				t.Errorf("%s: done %v, %v", tc.name, ok, err)
			}
			continue
		}
		r, err := c.Run(t.Context(), st)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if first == "" {
			first = c.Version
		}
		want := c.Version
		if tc.skipped {
			want = first
		}
		if r.Skipped != tc.skipped || r.Versions[schemas.KeysTable] != want || r.Versions[schemas.TransitionsTable] != want || r.Tables[schemas.KeysTable].Rows() != 2 {
			t.Errorf("%s: got %+v", tc.name, r)
		}
		if got := cs.current(t, schemas.TransitionsTable); got != want {
			t.Errorf("%s: CURRENT is %s, want %s", tc.name, got, want)
		}
		if tc.skipped {
			if said := cs.said[len(cs.said)-1]; !strings.Contains(said, "curate: done before") || !strings.Contains(said, first) {
				t.Errorf("%s: said %q", tc.name, said)
			}
			continue
		}
		if want := []progress.StageRow{{Stage: st.Name, RowsIn: 10, RowsOut: 4, Took: c.Rows[0].Took}}; !slices.Equal(c.Rows, want) {
			t.Errorf("%s: the closing table is %+v, want %+v", tc.name, c.Rows, want)
		}
	}
}

func TestBesideOnlyThePublishedIsDone(t *testing.T) {
	cs := &commands{output: t.TempDir()}
	run := func(option string) Result {
		c := cs.next(t)
		st := stage(c, stageFn{})
		st.Beside, st.Options = "page.html", map[string]string{"history": option}
		r, err := c.Run(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Write(t.Context(), c.Bucket, st.Beside, []byte("page of "+option)); err != nil {
			t.Fatal(err)
		}
		return r
	}
	for i, tc := range []struct {
		option  string
		skipped bool
	}{{"2", false}, {"2", true}, {"3", false}, {"2", false}} {
		if r := run(tc.option); r.Skipped != tc.skipped {
			t.Errorf("run %d: skipped %v, want %v", i, r.Skipped, tc.skipped)
		}
	}
}

func TestStagesThatDoNotEndWell(t *testing.T) {
	gate := commit.Gate{Flag: "min_share", Measure: "share", Part: "events_used", Whole: "event_rows", Min: .7, Max: 1, Exit: Refused}
	for _, tc := range []struct {
		name     string
		fn       stageFn
		gates    []commit.Gate
		code     int
		message  string
		finished bool
	}{
		{"a gate", stageFn{}, []commit.Gate{gate}, Refused, "curate: the share is 0.6 (6 of 10), below --min_share=0.7", true},
		{"a failure", stageFn{Failure: &commit.Failure{Exit: Failed, Message: "bad file"}}, nil, Failed, "curate: bad file", false},
		{"a spent quota", stageFn{Failure: &commit.Failure{Exit: Stopped, Message: "no money"}}, nil, Stopped, "curate: no money", false},
		{"an error", stageFn{Error: "disk full"}, nil, Failed, "curate: disk full", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cs := &commands{output: t.TempDir()}
			c := cs.next(t)
			st := stage(c, tc.fn)
			st.Gates = tc.gates
			_, err := c.Run(t.Context(), st)
			exit := (*Exit)(nil)
			if !errors.As(err, &exit) || exit.Code != tc.code || err.Error() != tc.message {
				t.Errorf("got %v, want %q with exit code %d", err, tc.message, tc.code)
			}
			if v := cs.current(t, schemas.KeysTable); v != "" {
				t.Errorf("%s was published", v)
			}
			versions, err := store.Versions(t.Context(), c.Bucket, schemas.KeysTable)
			if err != nil || len(versions) > 0 != tc.finished {
				t.Errorf("finished versions: %v, %v", versions, err)
			}
			// It is done the next time, and not taken as done.
			c = cs.next(t)
			if r, err := c.Run(t.Context(), stage(c, stageFn{})); err != nil || r.Skipped || cs.current(t, schemas.KeysTable) != c.Version {
				t.Errorf("the next run: %+v, %v", r, err)
			}
		})
	}
}

func TestASignalStops(t *testing.T) {
	cs := &commands{output: t.TempDir()}
	c := cs.next(t)
	ctx, cancel := context.WithCancel(t.Context())
	st := stage(c, stageFn{Error: "interrupted"})
	build := st.Build
	st.Build = func(s beam.Scope, cfg commit.Config) {
		build(s, cfg)
		cancel()
	}
	_, err := c.Run(ctx, st)
	exit := (*Exit)(nil)
	if !errors.As(err, &exit) || exit.Code != Stopped || !strings.Contains(err.Error(), "run the same command again") {
		t.Errorf("got %v", err)
	}
}

func TestDetached(t *testing.T) {
	if Detached() {
		t.Fatal("detached without a flag")
	}
	for _, name := range []string{dryRun, async, template} {
		f := flag.Lookup(name)
		if f == nil {
			t.Fatalf("Beam has no flag --%s", name)
		}
		value := "true"
		if name == template {
			value = "gs://bucket/template"
		}
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
		if !Detached() {
			t.Errorf("--%s does not detach", name)
		}
		cs := &commands{}
		cs.next(t).sayDetached(Stage{Name: "plan"})
		if len(cs.said) != 1 || !strings.HasPrefix(cs.said[0], "plan: ") {
			t.Errorf("--%s says %q", name, cs.said)
		}
		if err := flag.Set(name, f.DefValue); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCurrentAndParents(t *testing.T) {
	cs := &commands{output: t.TempDir()}
	c := cs.next(t)
	for table, command := range map[string]string{
		schemas.ClustersTable: "cluster", schemas.ItemClustersTable: "cluster", schemas.KeysTable: "curate",
		schemas.LookupTable: "plan", schemas.ItemPolicyTable: "train", schemas.MetricsTable: "run",
	} {
		_, err := c.Current(t.Context(), table)
		exit := (*Exit)(nil)
		if !errors.As(err, &exit) || exit.Code != Usage || !strings.HasSuffix(err.Error(), "run foray "+command+" first") {
			t.Errorf("%s: %v", table, err)
		}
	}
	st := stage(c, stageFn{})
	st.Parents = nil
	r, err := c.Run(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	keys := r.Versions[schemas.KeysTable]
	if v, err := c.Current(t.Context(), schemas.KeysTable); v != keys || err != nil {
		t.Errorf("the current version is %q, %v", v, err)
	}
	child := cs.next(t)
	st = stage(child, stageFn{})
	st.Parents = map[string]string{schemas.KeysTable: keys}
	if _, err := child.Run(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	parents, m, err := child.Parents(t.Context(), schemas.TransitionsTable, child.Version)
	if err != nil || parents[schemas.KeysTable] != keys || m.Version != child.Version || m.Options["history"] != "2" {
		t.Errorf("parents %v, %v", parents, err)
	}
	if err := child.Bucket.Remove(t.Context(), schemas.KeysTable+"/"+keys+"/_manifest.json"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := child.Parents(t.Context(), schemas.TransitionsTable, child.Version); err == nil || !strings.Contains(err.Error(), "keys "+keys) {
		t.Errorf("a parent that is gone: %v", err)
	}
}
