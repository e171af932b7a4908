package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"foray/pipelines/job"
	"foray/schemas"
	"foray/transforms/evaluation"
	"foray/transforms/planning"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// recallBound is the least recall@1 that a value of --min_recall asks for, with
// so many clusters and clusters in a key; −1 if it is no such value. A random
// novel cluster is right in one of leaves − k cases, which is exact.
func recallBound(asked string, leaves, k int) float64 {
	multiple, isMultiple := strings.CutSuffix(asked, "x")
	v, err := strconv.ParseFloat(multiple, 64)
	switch {
	case err != nil || !(v >= 0) || !isMultiple && v > 1:
		return -1
	case isMultiple:
		return v / float64(leaves-k)
	}
	return v
}

// refusesRecall says why --min_recall keeps a version of lookup/ from being
// published, or "".
func (o *options) refusesRecall(ctx context.Context, c *job.Command, lookup schemas.Manifest) (string, error) {
	if o.minRecall == "" {
		return "", nil
	}
	metrics, err := metricsOf(ctx, c.Bucket, lookup.Version)
	if err != nil {
		return "", err
	}
	if metrics == nil {
		return fmt.Sprintf("--min_recall=%s: it was not judged: run foray evaluate --lookup %s first", o.minRecall, lookup.Version), nil
	}
	own := slices.IndexFunc(metrics, func(m schemas.Metric) bool {
		return m.Name == evaluation.Recall && m.K == 1 && m.Planner == lookup.Options["planner"]
	})
	if own < 0 {
		return fmt.Sprintf("--min_recall=%s: there was nothing to recall after --train_until", o.minRecall), nil
	}
	clusters, _, err := tables.Read[schemas.Cluster](ctx, c.Bucket, schemas.ClustersTable, lookup.Parents[schemas.ClustersTable])
	if err != nil {
		return "", err
	}
	k, err := strconv.Atoi(lookup.Options["history"])
	if err != nil {
		return "", fmt.Errorf("lookup %s does not say its --history: plan it again", lookup.Version)
	}
	if got, least := metrics[own].Value, recallBound(o.minRecall, len(planning.Leaves(clusters)), k); got < least {
		return fmt.Sprintf("recall@1 is %.4g of %d transitions, below --min_recall=%s (%.4g)", got, metrics[own].N, o.minRecall, least), nil
	}
	return "", nil
}

// metricsOf are the newest metrics of a version of lookup/, nil if it was not
// judged.
func metricsOf(ctx context.Context, b store.Bucket, lookup string) ([]schemas.Metric, error) {
	versions, err := store.Versions(ctx, b, schemas.MetricsTable)
	if err != nil {
		return nil, err
	}
	for _, v := range slices.Backward(versions) {
		m, err := store.ReadManifest(ctx, b, schemas.MetricsTable, v)
		if err != nil {
			return nil, err
		}
		if m.Parents[schemas.LookupTable] == lookup {
			rows, _, err := tables.Read[schemas.Metric](ctx, b, schemas.MetricsTable, v)
			return rows, err
		}
	}
	return nil, nil
}
