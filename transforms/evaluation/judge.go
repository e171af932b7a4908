package evaluation

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"reflect"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/schemas"
	"foray/transforms/bundle"
	"foray/transforms/commit"
	"foray/transforms/history"
	"foray/transforms/partition"
	"foray/transforms/planner"
	"foray/transforms/planning"
	"foray/transforms/read"
)

// Config says what is judged.
type Config struct {
	Stage           string
	Output, Version string
	ItemClusters    string
	// Lookup is the version judged; Planning is how it was made, which the
	// baselines are made like.
	Lookup   string
	Planning planning.Config
	// Until is where training ended.
	Until read.Until
	// Keep says which users and events count.
	Keep partition.Keep
	// Report says what the page tells beside the metrics.
	Report ReportConfig
}

// SetKeys says that the order of a key's clusters does not matter.
func (c Config) SetKeys() bool { return c.Planning.Order == "set" }

// Names are the planners judged: the one of the table, then the baselines.
func (c Config) Names() []string {
	names := []string{c.Planning.Planner}
	for _, b := range planner.Baselines {
		if b != c.Planning.Planner {
			names = append(names, b)
		}
	}
	return names
}

// Judge scores every planner on the transitions after the cut.
//
//	blocks PCollection<KV<int,[]byte>>, span PCollection<Span> ->
//	PCollection<Score>, PCollection<commit.Entry>
func Judge(s beam.Scope, cfg Config, blocks, span beam.PCollection) (scores, entries beam.PCollection) {
	s = s.Scope("Judge")
	return beam.ParDo2(s, &judgeFn{Config: cfg}, beam.GroupByKey(s, blocks), beam.SideInput{Input: span})
}

// judgeFn scores the users of partitions.
type judgeFn struct {
	Config Config

	work bundle.Work[func(judgeOut)]
}

// judgeOut are the outputs of judgeFn.
type judgeOut struct {
	scores func(Score)
	entry  func(commit.Entry)
}

func (out judgeOut) take(put func(judgeOut)) { put(out) }

func init() {
	beam.RegisterCoder(reflect.TypeFor[Score](), encodeScore, decodeScore)
	beam.RegisterType(reflect.TypeFor[Score]())
	register.DoFn6x1[context.Context, int, func(*[]byte) bool, read.Span, func(Score), func(commit.Entry), error](&judgeFn{})
	register.Iter1[[]byte]()
	register.Emitter1[Score]()
	register.Emitter1[commit.Entry]()
}

func encodeScore(s Score) ([]byte, error) {
	var buf bytes.Buffer
	err := gob.NewEncoder(&buf).Encode(s)
	return buf.Bytes(), err
}

func decodeScore(data []byte) (s Score, err error) {
	return s, gob.NewDecoder(bytes.NewReader(data)).Decode(&s)
}

// ProcessElement starts to score one partition.
func (f *judgeFn) ProcessElement(ctx context.Context, number int, blocks func(*[]byte) bool, span read.Span, scores func(Score), entry func(commit.Entry)) error {
	taken := partition.Take(blocks)
	return f.work.Go(ctx, func(ctx context.Context, give func(func(judgeOut))) error {
		return f.Config.judge(ctx, number, taken, span, give)
	}, judgeOut{scores, entry}.take)
}

// FinishBundle waits for all partitions. Its side input is the one that
// ProcessElement has.
func (f *judgeFn) FinishBundle(_ context.Context, _ read.Span, scores func(Score), entry func(commit.Entry)) error {
	return f.work.Wait(judgeOut{scores, entry}.take)
}

// judge scores one partition.
func (cfg Config) judge(ctx context.Context, number int, blocks partition.Blocks, span read.Span, give func(func(judgeOut))) error {
	plans, err := loadPlans(ctx, cfg)
	if err != nil {
		return err
	}
	shown, err := loadShown(ctx, cfg)
	if err != nil {
		return err
	}
	events, err := blocks.Load()
	if err != nil {
		return err
	}
	cut := cfg.Until.Cut(span)
	score := NewScore(len(plans))
	w := history.NewWalker(cfg.Planning.K)
	var room []schemas.Candidate
	hits := make([][len(Tops)]int64, len(plans))
	entries := events.EachKept(cfg.Stage, cfg.Keep, partition.Sight{Cut: cut, Last: span.Last, Beyond: true}, func(user int64, h []partition.Event) {
		w.Reset()
		clear(hits)
		cases := int64(0)
		for _, e := range h {
			key, ok := w.Step(int32(e.Item))
			if !ok || e.Time < cut {
				continue
			}
			cases++
			if cfg.SetKeys() {
				slices.Sort(key)
			}
			for p, plan := range plans {
				room = plan.Plan(key, planning.Candidates, room[:0])
				rank := rankOf(room, int32(e.Item))
				for t, top := range Tops {
					if rank >= 0 && rank < top {
						hits[p][t]++
					}
				}
			}
		}
		hash := partition.FullHash(number, user)
		score.Add(uint64(hash), cases, hits)
		if key, ok := w.Key(); ok && shown.hashes[hash] {
			score.keep(hash, key)
		}
	})
	give(func(out judgeOut) {
		out.scores(*score)
		for _, e := range entries {
			out.entry(e)
		}
	})
	return nil
}

// loadPlans gives the planners of Names: the first reads the table.
func loadPlans(ctx context.Context, cfg Config) ([]planner.Planner, error) {
	w, err := planning.LoadWorld(ctx, cfg.Planning)
	if err != nil {
		return nil, err
	}
	table, err := planning.LoadTable(ctx, cfg.Output, cfg.Lookup)
	if err != nil {
		return nil, err
	}
	plans := []planner.Planner{table}
	for _, name := range cfg.Names()[1:] {
		p, err := planning.LoadPlanner(name, w)
		if err != nil {
			return nil, fmt.Errorf("make the baseline %s: %w", name, err)
		}
		plans = append(plans, p)
	}
	return plans, nil
}

func scoreEntry(s *Score) commit.Entry {
	return commit.Count(map[string]int64{"test_users": s.Users, "test_transitions": s.Cases})
}
