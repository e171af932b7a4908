package evaluation

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/report"
	"foray/transforms/store"
	"foray/transforms/tables"
	"foray/transforms/tree"
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
	total := Score{}
	for s := (Score{}); scores(&s); s = (Score{}) {
		total.Merge(&s)
	}
	total.resample()
	bucket, err := store.Open(ctx, cfg.Output)
	if err != nil {
		return err
	}
	b, err := loadBook(ctx, cfg)
	if err != nil {
		return err
	}
	var sheets []*sheet
	if !cfg.RecallOnly {
		if sheets, err = b.sheets(ctx, bucket, cfg); err != nil {
			return err
		}
	}
	metrics := b.metrics(cfg, sheets, &total)
	receipt, err := tables.WriteShard(ctx, bucket, schemas.MetricsTable, cfg.Version, 0, 1, metrics)
	if err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	if !cfg.RecallOnly {
		if err := b.report(ctx, bucket, cfg, metrics, &total); err != nil {
			return err
		}
	}
	entry(commit.Entry{Receipt: &receipt})
	entry(scoreEntry(&total))
	return nil
}

// report writes the page.
func (b *book) report(ctx context.Context, bucket store.Bucket, cfg Config, metrics []schemas.Metric, total *Score) error {
	data, err := b.page(ctx, bucket, cfg, metrics, total)
	if err != nil {
		return fmt.Errorf("gather the report: %w", err)
	}
	err = bucket.Put(ctx, ReportName, store.Always, func(out io.Writer) error { return report.Render(out, data) })
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// sheets adds up what all planners plan for the table's keys.
func (b *book) sheets(ctx context.Context, bucket store.Bucket, cfg Config) ([]*sheet, error) {
	clusters, _, err := tables.Read[schemas.Cluster](ctx, bucket, schemas.ClustersTable, cfg.Planning.From.Clusters)
	if err != nil {
		return nil, err
	}
	t, err := tree.New(clusters)
	if err != nil {
		return nil, err
	}
	numbers, users, err := b.standing(ctx, cfg)
	if err != nil {
		return nil, err
	}
	others, err := generations(ctx, cfg, b)
	if err != nil {
		return nil, err
	}
	return tabulate(ctx, b, t, numbers, users, others)
}
