package evaluation

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"foray/schemas"
	"foray/transforms/clustering"
	"foray/transforms/commit"
	"foray/transforms/curation"
	"foray/transforms/partition"
	"foray/transforms/planner"
	"foray/transforms/planning"
	"foray/transforms/read"
	"foray/transforms/report"
	"foray/transforms/store"
	"foray/transforms/tables"
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
func (b *book) page(ctx context.Context, bucket store.Bucket, cfg Config, metrics []schemas.Metric, s *Score) (report.Data, error) {
	w, t := b.world, b.table
	d := report.Data{
		Planner: cfg.Names()[0], History: cfg.Planning.K, Leaves: len(w.Leaves), Listed: t.Listed(), Metrics: metrics, Definitions: Definitions,
		Links: []report.Link{
			{Name: "lookup", Path: "../lookup/" + cfg.Lookup + "/", Note: "every key and its planned clusters"},
			{Name: "clusters", Path: "../clusters/" + cfg.Planning.From.Clusters + "/", Note: "the interest clusters and their tree"},
			{Name: "metrics", Path: "../metrics/" + cfg.Version + "/", Note: "the figures of this page"},
			{Name: "rejects", Path: "../rejects/", Note: "what was not used, and why"},
		},
		Cost:     cost(t.Manifest),
		Dollars:  float64(t.Manifest.Counts[planning.CostMicroUSD]) / 1e6,
		Versions: []report.Version{{Table: schemas.LookupTable, Version: cfg.Lookup, Parents: parentsOf(t.Manifest)}},
	}
	for table, note := range map[string]string{
		schemas.TransitionsTable: "keys and what came next, before the cut", schemas.KeysTable: "users at each key", schemas.ItemClustersTable: "the cluster of every item",
	} {
		if v := t.Manifest.Parents[table]; v != "" {
			d.Links = append(d.Links, report.Link{Name: table, Path: "../" + table + "/" + v + "/", Note: note})
		}
	}
	if v := cfg.Report.Recommendations; v != "" {
		d.Links = append(d.Links, report.Link{Name: schemas.RecommendationsTable, Path: "../" + schemas.RecommendationsTable + "/" + v + "/", Note: "every user’s slate"})
	}
	slices.SortStableFunc(d.Links[4:], func(a, b report.Link) int { return cmp.Compare(a.Name, b.Name) })
	d.Read.TestUsers, d.Read.TestTransitions = s.Users, s.sum(sumCases)
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
	b.samples(&d, s.Missed, b.planners[slices.Index(cfg.Names(), planner.Successor)])
	if err := readPart(ctx, bucket, cfg, &d); err != nil {
		return d, err
	}
	return d, users(ctx, cfg, w, s.Keys, &d)
}

// cost tells what asking a model for the table took, by its manifest.
func cost(m schemas.Manifest) (counts []report.Count) {
	for _, c := range []struct{ count, name string }{
		{planning.AnswersGiven, "Keys answered"},
		{planning.AnswersRecorded, "of these by answers paid for earlier"},
		{planning.KeysFailed, "Keys without an answer"},
		{planning.CallsMade, "Calls"},
		{planning.PromptTokens, "Tokens of prompts"},
		{planning.CompletionTokens, "Tokens of answers"},
	} {
		if n := m.Counts[c.count]; n > 0 {
			counts = append(counts, report.Count{Name: c.name, N: n})
		}
	}
	return counts
}

func parentsOf(m schemas.Manifest) []string {
	var parents []string
	for table, v := range m.Parents {
		parents = append(parents, table+" "+v)
	}
	slices.Sort(parents)
	return parents
}

// samples fills in the plans of the keys with the most users, and the worst
// cases.
func (b *book) samples(d *report.Data, missed []missed, successor planner.Planner) {
	rows := b.table.Rows
	byTraffic := make([]int, len(rows))
	for i := range byTraffic {
		byTraffic[i] = i
	}
	slices.SortStableFunc(byTraffic, func(x, y int) int { return cmp.Compare(rows[y].Traffic, rows[x].Traffic) })
	for _, i := range byTraffic[:min(len(byTraffic), pageSamples)] {
		r := rows[i]
		plan := report.Plan{Key: b.world.Words(r.Key), Novel: r.NovelDescription, Status: r.Status, Traffic: r.Traffic}
		if r.Samples > 1 { // of a single answer there is nothing to tell
			plan.Votes, plan.Samples = r.Votes, r.Samples
		}
		d.Samples = append(d.Samples, plan)
	}
	index := planner.NewIndex(b.world.Transitions)
	b.worst(d, byTraffic, missed, func(key []int32) string {
		if best := successor.Plan(key, 1, nil); len(best) > 0 && len(index.After(key)) > 0 {
			return b.world.Describe(best[0].Cluster)
		}
		return ""
	})
}

// readPart fills in what was read, from the manifests of what it became.
func readPart(ctx context.Context, b store.Bucket, cfg Config, d *report.Data) error {
	clusters, err := store.ReadManifest(ctx, b, schemas.ClustersTable, cfg.Planning.From.Clusters)
	if err != nil {
		return err
	}
	d.Read.Items = clusters.Counts["items"]
	d.Since = clusters.Facts["previous"]
	d.Changes = changesOf(clusters)
	rows, _, err := tables.Read[schemas.Cluster](ctx, b, schemas.ClustersTable, clusters.Version)
	if err != nil {
		return err
	}
	d.Tree = nodesOf(rows)
	m := clusters
	if v := cfg.Planning.From.Transitions; v != "" {
		if m, err = store.ReadManifest(ctx, b, schemas.TransitionsTable, v); err != nil {
			return err
		}
		d.Training = trainingPart(m)
	}
	d.Read.Rows, d.Read.Users = m.Counts[read.EventRows], m.Counts[partition.UsersRead]
	d.Read.From, d.Read.To = moment(m.Counts[read.FirstEvent]), moment(m.Counts[read.LastEvent])
	if cut, ok := m.Counts[curation.CutMicros]; ok && cut != math.MaxInt64 {
		d.Read.TrainUntil = moment(cut)
	}
	for _, in := range clusters.Inputs {
		formats := &d.Read.ItemFormats
		if in.Of == "events" {
			formats = &d.Read.EventFormats
		}
		if !slices.Contains(*formats, in.Format) {
			*formats = append(*formats, in.Format)
		}
	}
	d.Read.Rejects = slices.Concat(leftOut(m.Counts), rejected("events", read.EventRowsRejected, m.Counts), rejected("items", read.ItemRowsRejected, clusters.Counts))
	return nil
}

// changesOf tells what a clustering that goes on from another changed.
func changesOf(m schemas.Manifest) (counts []report.Count) {
	for _, c := range []struct{ count, name string }{
		{clustering.ItemsCame, "Items that came"},
		{clustering.ItemsGone, "Items that went"},
		{clustering.ItemsMoved, "Items that moved"},
		{clustering.ClustersBorn, "Clusters born"},
		{clustering.ClustersSplit, "Clusters split"},
		{clustering.ClustersDied, "Clusters that died"},
		{clustering.DescriptionsChanged, "Descriptions changed"},
	} {
		if n, ok := m.Counts[c.count]; ok {
			counts = append(counts, report.Count{Name: c.name, N: n})
		}
	}
	return counts
}

// nodesOf hangs the rows of clusters/ in their tree, those with the most
// traffic first.
func nodesOf(rows []schemas.Cluster) []report.Node {
	const top = -1
	children := map[int32][]schemas.Cluster{}
	for _, r := range rows {
		parent := int32(top)
		if r.ParentID != nil {
			parent = *r.ParentID
		}
		children[parent] = append(children[parent], r)
	}
	var below func(parent int32) []report.Node
	below = func(parent int32) (nodes []report.Node) {
		slices.SortStableFunc(children[parent], func(a, b schemas.Cluster) int { return cmp.Compare(b.Traffic, a.Traffic) })
		for _, r := range children[parent] {
			nodes = append(nodes, report.Node{Description: r.Description, Traffic: r.Traffic, Children: below(r.ClusterID)})
		}
		return nodes
	}
	return below(top)
}

// trainingPart tells of the examples that the same command chose, in the
// manifest of its transitions.
func trainingPart(m schemas.Manifest) (t report.Training) {
	t.Way, t.Tokens, t.Dollars = m.Options["curation"], m.Counts[schemas.TrainingTable+"_tokens"], m.Figures[curation.Dollars]
	for _, way := range curation.Curations {
		if n := m.Counts[curation.ExamplesOf+way]; n > 0 {
			t.Ways = append(t.Ways, report.Curation{
				Way: way, Examples: n, Labels: m.Counts[curation.LabelsOf+way],
				EntropyBits: m.Figures[curation.EntropyOf+way], Gini: m.Figures[curation.GiniOf+way],
			})
		}
	}
	return t
}

// leftOut tells which events were not used though they can be read.
func leftOut(counts map[string]int64) (reasons []report.Count) {
	for _, c := range []struct{ name, reason string }{
		{read.EventsUnknownItem, "events of items that are not in the catalogue"},
		{read.EventsLowEngagement, "events below --min_engagement"},
		{partition.OldEvents, "events older than --history_days"},
		{partition.FewUsersEvents, "events of users below --min_events"},
		{partition.BotEvents, "events of users above --max_events_per_day"},
	} {
		if n := counts[c.name]; n > 0 {
			reasons = append(reasons, report.Count{Name: c.reason, N: n})
		}
	}
	return reasons
}

// rejected tells which rows cannot be read, by what is wrong with them.
func rejected(what, count string, counts map[string]int64) (reasons []report.Count) {
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if column, ok := strings.CutPrefix(name, count+commit.RejectedColumn); ok {
			reasons = append(reasons, report.Count{Name: "rows of " + what + " with a bad " + column, N: counts[name]})
		}
		if name == count+commit.MalformedRow {
			reasons = append(reasons, report.Count{Name: "rows of " + what + " that are malformed", N: counts[name]})
		}
	}
	return reasons
}

func moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
