package evaluation

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/planning"
	"foray/transforms/report"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// ReportName is the page, replaced as a whole by each evaluation.
const ReportName = "report/index.html"

// Conclude adds the scores up, writes metrics/ and the report.
//
//	scores PCollection<Score> -> PCollection<commit.Entry>
func Conclude(s beam.Scope, cfg Config, scores beam.PCollection) beam.PCollection {
	s = s.Scope("Conclude")
	return beam.ParDo(s, &concludeFn{Config: cfg}, beam.GroupByKey(s, beam.AddFixedKey(s, scores)))
}

// concludeFn sees all scores.
type concludeFn struct {
	Config Config
}

func init() {
	register.DoFn4x1[context.Context, int, func(*Score) bool, func(commit.Entry), error](&concludeFn{})
	register.Iter1[Score]()
	register.Emitter1[commit.Entry]()
}

func (f *concludeFn) ProcessElement(ctx context.Context, _ int, scores func(*Score) bool, entry func(commit.Entry)) error {
	cfg := f.Config
	plans, err := loadPlans(ctx, cfg)
	if err != nil {
		return err
	}
	total := NewScore(len(plans))
	for s := (Score{}); scores(&s); s = (Score{}) {
		total.Merge(&s)
	}
	w, err := planning.LoadWorld(ctx, cfg.Planning)
	if err != nil {
		return err
	}
	table, err := planning.LoadTable(ctx, cfg.Output, cfg.Lookup)
	if err != nil {
		return err
	}
	b, err := store.Open(ctx, cfg.Output)
	if err != nil {
		return err
	}
	metrics := Metrics(cfg, w, table, plans, total)
	receipt, err := tables.WriteShard(ctx, b, schemas.MetricsTable, cfg.Version, 0, 1, metrics)
	if err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	data, err := page(ctx, b, cfg, w, table, plans, metrics, total.Keys)
	if err != nil {
		return fmt.Errorf("gather the report: %w", err)
	}
	err = b.Put(ctx, ReportName, store.Always, func(out io.Writer) error { return report.Render(out, data) })
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	entry(commit.Entry{Receipt: &receipt})
	entry(scoreEntry(total))
	return nil
}
