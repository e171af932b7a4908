package evaluation

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"foray/schemas"
	"foray/transforms/curation"
	"foray/transforms/planner"
	"foray/transforms/planning"
	"foray/transforms/read"
	"foray/transforms/report"
	"foray/transforms/store"
)

// ReportConfig says what the page shows beside the metrics.
type ReportConfig struct {
	// Recommendations is the version to show users of; empty shows none.
	Recommendations string
	// Items gives items their titles; without files ids are shown.
	Items read.ItemSource
}

// How many examples the page shows.
const (
	pageSamples = 200
	pageWorst   = 30
)

// page gathers what the report shows.
func page(ctx context.Context, b store.Bucket, cfg Config, w *planning.World, t *planning.Table, plans []planner.Planner, metrics []schemas.Metric, keys map[int64][]int32) (report.Data, error) {
	d := report.Data{
		Planner: cfg.Names()[0], History: cfg.Planning.K, Leaves: len(w.Leaves), Metrics: metrics,
		Links: []report.Link{
			{Name: "lookup", Path: "../lookup/" + cfg.Lookup + "/", Note: "every key and its planned clusters"},
			{Name: "clusters", Path: "../clusters/" + cfg.Planning.From.Clusters + "/", Note: "the interest clusters and their tree"},
			{Name: "metrics", Path: "../metrics/" + cfg.Version + "/", Note: "the figures of this page"},
			{Name: "rejects", Path: "../rejects/", Note: "what was not used, and why"},
		},
		Versions: []report.Version{{Table: schemas.LookupTable, Version: cfg.Lookup, Parents: parentsOf(t.Manifest)}},
	}
	counts := map[int32]int64{}
	statuses := map[string]int64{}
	for _, r := range t.Rows {
		statuses[r.Status]++
		if r.NovelCluster != nil {
			counts[*r.NovelCluster]++
		}
	}
	for _, s := range []string{schemas.StatusOK, schemas.StatusNoMatch, schemas.StatusNotNovel, schemas.StatusFailed, schemas.StatusNotPlanned} {
		if statuses[s] > 0 {
			d.Statuses = append(d.Statuses, report.Count{Name: s, N: statuses[s]})
		}
	}
	for _, c := range w.Leaves {
		d.Plans = append(d.Plans, counts[c.ClusterID])
		d.Traffic = append(d.Traffic, c.Traffic)
	}
	samples(&d, w, t, successorOf(cfg, plans))
	if err := readPart(ctx, b, cfg, &d); err != nil {
		return d, err
	}
	return d, users(ctx, cfg, w, keys, &d)
}

func parentsOf(m schemas.Manifest) []string {
	var parents []string
	for table, v := range m.Parents {
		parents = append(parents, table+" "+v)
	}
	slices.Sort(parents)
	return parents
}

// successorOf is the successor among the planners.
func successorOf(cfg Config, plans []planner.Planner) planner.Planner {
	return plans[slices.Index(cfg.Names(), planner.Successor)]
}

// samples fills in the plans of the keys with the most users, and the worst
// cases: no plan, or another one than most users' next cluster.
func samples(d *report.Data, w *planning.World, t *planning.Table, successor planner.Planner) {
	byTraffic := make([]int, len(t.Rows))
	for i := range byTraffic {
		byTraffic[i] = i
	}
	slices.SortStableFunc(byTraffic, func(a, b int) int { return cmp.Compare(t.Rows[b].Traffic, t.Rows[a].Traffic) })
	index := planner.NewIndex(w.Transitions)
	for n, i := range byTraffic {
		r := t.Rows[i]
		key := w.Words(r.Key)
		if n < pageSamples {
			plan := report.Plan{Key: key, Novel: r.NovelDescription, Status: r.Status, Traffic: r.Traffic}
			if r.Samples > 1 { // of a single answer there is nothing to tell
				plan.Votes, plan.Samples = r.Votes, r.Samples
			}
			d.Samples = append(d.Samples, plan)
		}
		if len(d.Worst) == pageWorst {
			continue
		}
		seen := index.After(r.Key)
		next := ""
		if best := successor.Plan(r.Key, 1, nil); len(seen) > 0 && len(best) > 0 {
			next = w.Describe(best[0].Cluster)
			if r.Status == schemas.StatusOK && *r.NovelCluster != best[0].Cluster {
				d.Worst = append(d.Worst, report.Case{Why: "disagrees", Key: key, Answer: r.NovelDescription, Successor: next, Traffic: r.Traffic})
			}
		}
		if r.Status != schemas.StatusOK {
			d.Worst = append(d.Worst, report.Case{Why: r.Status, Key: key, Successor: next, Traffic: r.Traffic})
		}
	}
}

// readPart fills in what was read, from the manifests of what it became.
func readPart(ctx context.Context, b store.Bucket, cfg Config, d *report.Data) error {
	clusters, err := store.ReadManifest(ctx, b, schemas.ClustersTable, cfg.Planning.From.Clusters)
	if err != nil {
		return err
	}
	d.Read.Items = clusters.Counts["items"]
	m := clusters
	if v := cfg.Planning.From.Transitions; v != "" {
		if m, err = store.ReadManifest(ctx, b, schemas.TransitionsTable, v); err != nil {
			return err
		}
	}
	d.Read.Rows, d.Read.Users = m.Counts["event_rows"], m.Counts["training_users"]
	d.Read.From, d.Read.To = moment(m.Counts["first_event_micros"]), moment(m.Counts["last_event_micros"])
	if cut, ok := m.Counts[curation.CutMicros]; ok && cut != math.MaxInt64 {
		d.Read.TrainUntil = moment(cut)
	}
	for _, c := range []struct{ name, reason string }{
		{"event_rows_rejected", "event rows that cannot be read"},
		{"events_unknown_item", "events of items that are not in the catalogue"},
		{"events_low_engagement", "events below --min_engagement"},
	} {
		if n := m.Counts[c.name]; n > 0 {
			d.Read.Rejects = append(d.Read.Rejects, report.Count{Name: c.reason, N: n})
		}
	}
	if n := clusters.Counts["item_rows_rejected"]; n > 0 {
		d.Read.Rejects = append(d.Read.Rejects, report.Count{Name: "item rows that cannot be read", N: n})
	}
	return nil
}

func moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
