package clustering

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/schemas"
	"foray/transforms/balance"
	"foray/transforms/commit"
	"foray/transforms/describe"
	"foray/transforms/embed"
	"foray/transforms/kernel"
	"foray/transforms/partition"
	"foray/transforms/planning"
	"foray/transforms/progress"
	"foray/transforms/read"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// Config says how items are clustered.
type Config struct {
	Stage           string
	Output, Version string
	// Clusters is the number of leaves, 0 for the default by the number of
	// items; Levels those of the tree.
	Clusters, Levels int
	// Previous is the version of clusters/ to go on from; "" for none.
	Previous string
	// AssignOnly is the version of clusters/ that items are assigned to, in place
	// of a fit; "" for a fit.
	AssignOnly string
	// FitSample is the most items that a fit sees; 0 for all.
	FitSample int
	// Epsilon is how far above the mean a leaf's clipped load may be; 0 for the
	// default.
	Epsilon float64
	// Phrases is the most that a description has, 1 to describe.MaxPhrases.
	Phrases int
	Seed    uint64
	// Embeddings, if not nil, says who embeds the texts.
	Embeddings *Embeddings
	// Names, if not nil, is the model that names the clusters.
	Names *planning.Model
	// ItemIDColumn and EmbeddingColumn are what the user calls these columns.
	ItemIDColumn, EmbeddingColumn string
	Until                         read.Until
	Keep                          partition.Keep
}

// Fit clusters the catalogue and writes clusters/, item_clusters/ and
// cluster_model/.
//
//	items PCollection<read.ItemBlock>, baskets PCollection<[]byte> -> PCollection<commit.Entry>
func Fit(s beam.Scope, cfg Config, items, baskets beam.PCollection) beam.PCollection {
	s = s.Scope("Fit clusters")
	// An element that is always there: no items at all must be said, too.
	none := beam.ParDo(s, noItems, beam.Impulse(s))
	all := beam.Flatten(s, items, none)
	return beam.ParDo(s, &fitFn{Config: cfg}, beam.CoGroupByKey(s, beam.AddFixedKey(s, all), beam.AddFixedKey(s, baskets)))
}

func noItems(_ []byte) read.ItemBlock { return read.ItemBlock{} }

// fitFn sees the whole catalogue.
type fitFn struct {
	Config Config
}

func init() {
	register.Function1x1(noItems)
	register.DoFn5x1[context.Context, int, func(*read.ItemBlock) bool, func(*[]byte) bool, func(commit.Entry), error](&fitFn{})
	register.Iter1[read.ItemBlock]()
}

func (f *fitFn) ProcessElement(ctx context.Context, _ int, items func(*read.ItemBlock) bool, baskets func(*[]byte) bool, entry func(commit.Entry)) (err error) {
	rejects := commit.NewRejects(f.Config.Stage)
	l, err := f.Config.list(items, rejects)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	rejected, err := rejects.Close(ctx, f.Config.Output, f.Config.Version, "items")
	if err != nil {
		return err
	}
	entry(rejected)
	entry(commit.Count(map[string]int64{read.ItemRowsRejected: rejects.Len()}))
	e, err := engage(l.IDs, baskets)
	if err != nil {
		return err
	}
	entry(commit.Count(map[string]int64{"training_events_unknown_item": e.Unknown, "training_events_of_items": e.Known + e.Unknown}))
	if e.Known == 0 && e.Unknown > 0 {
		entry(commit.Fail(fmt.Errorf("none of the %d events before the cut is of an item in the catalogue: do --item_id_column and --event_item_id_column name the same ids?", e.Unknown)))
		return nil
	}
	b, err := store.Open(ctx, f.Config.Output)
	if err != nil {
		return err
	}
	work := f.Config.cluster
	if f.Config.AssignOnly != "" {
		work = f.Config.assign
	}
	made, err := work(ctx, b, l, e, entry)
	if err != nil {
		return failed(err, entry)
	}
	progress.Add(f.Config.Stage, int64(len(l.IDs)))
	return made.write(ctx, b, f.Config, entry)
}

// cluster makes a clustering, and words for it.
func (cfg Config) cluster(ctx context.Context, b store.Bucket, l *listing, e *engagement, entry func(commit.Entry)) (*fitted, error) {
	var p *previous
	if cfg.Previous != "" {
		var err error
		if p, err = readPrevious(ctx, b, cfg.Previous); err != nil {
			return nil, err
		}
		p.find(l.IDs)
	}
	f, err := cfg.group(ctx, l, e, p, entry)
	if err != nil {
		return nil, err
	}
	if err := f.describe(cfg); err != nil {
		return nil, failure("%v", err)
	}
	if cfg.Names != nil {
		if err := f.name(ctx, cfg, entry); err != nil {
			return nil, err
		}
	}
	f.sum()
	return f, f.judgeWords(cfg.Seed)
}

// group clusters all items, or a sample of them where they are many, which the
// others then join.
func (cfg Config) group(ctx context.Context, l *listing, e *engagement, p *previous, entry func(commit.Entry)) (f *fitted, err error) {
	chosen, stands := sample(l.IDs, e.Events, cfg.FitSample, cfg.Seed)
	if stands != nil && p == nil {
		k, err := clustersFor(len(l.IDs), cfg.Clusters)
		if err != nil {
			return nil, failure("%v", err)
		}
		if cfg.Clusters = k; k > cfg.FitSample {
			return nil, failure("--fit_sample=%d items cannot fill %d clusters: fit on more items, or give fewer --clusters", cfg.FitSample, k)
		}
	}
	c, err := l.load(chosen, heads|vectors)
	if err != nil {
		return nil, err
	}
	c.stands = stands
	var asked *embedder
	if cfg.Embeddings != nil {
		if asked, err = cfg.openEmbedder(ctx, entry); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, asked.close()) }()
		if err := asked.embed(ctx, c); err != nil {
			return nil, err
		}
		if c.Vectors.Cols == 0 {
			return nil, failure("no item has a text to embed: name the columns that say what an item is with --text_columns")
		}
	}
	if f, err = cfg.fit(c, e.of(c.items), p); err != nil {
		return nil, failure("%v", err)
	}
	if stands == nil {
		return f, nil
	}
	c.Vectors = kernel.Matrix{} // have done their work
	return f, f.extend(ctx, cfg, l, e, chosen, asked)
}

// failed makes an entry of a failure that running again at once cannot cure.
func failed(err error, entry func(commit.Entry)) error {
	var failure *commit.Failure
	if errors.As(err, &failure) {
		entry(commit.Entry{Failure: failure})
		return nil
	}
	return err
}

// fitted is a clustering with its words.
type fitted struct {
	*balance.Clustering
	// IDs and weight are those of all items, weight their events.
	IDs    []string
	weight []float64
	// catalogue and engagement are those of the fitted items, leaf their leaves.
	catalogue    *catalogue
	engagement   *engagement
	leaf         []int32
	model        *embed.Model           // nil where embeddings were given
	descriptions []describe.Description // by node
	traffic      []float64              // by node, a share
	items        []int64                // by node
	ids          []int32                // by node
	previous     *previous              // nil for none
	changes      *changes               // of it
	assigned     *assigned              // nil for a fit
	// shared is what describe.SharedWords tells of the leaves.
	shared float64
}

// fit clusters a catalogue.
func (cfg Config) fit(c *catalogue, e *engagement, p *previous) (*fitted, error) {
	f := &fitted{IDs: c.IDs, weight: e.Events, catalogue: c, engagement: e, previous: p}
	weight := e.Events
	if c.stands != nil {
		weight = c.stands
	}
	k := 0
	if p == nil {
		var err error
		if k, err = clustersFor(len(c.IDs), cfg.Clusters); err != nil {
			return nil, err
		}
	}
	model, x, err := cfg.vectors(c, e)
	if err != nil {
		return nil, err
	}
	f.model = model
	if p != nil {
		if f.Clustering, f.changes, err = p.refit(cfg, c, x, weight); err != nil {
			return nil, err
		}
		f.ids = p.born(f.changes)
	} else {
		f.Clustering, err = balance.Fit(x, weight, balance.Options{K: k, Levels: cfg.Levels, Epsilon: cfg.Epsilon, Seed: cfg.Seed})
		if err != nil {
			return nil, fmt.Errorf("cluster the items: %w", err)
		}
		for node := range f.Tree.Level {
			f.ids = append(f.ids, int32(node))
		}
	}
	f.leaf = f.Assign
	return f, nil
}

// sum adds items and traffic up, from the leaves to the top. Without events
// every item counts the same.
func (f *fitted) sum() {
	nodes, total := len(f.Tree.Level), 0.0
	for _, w := range f.weight {
		total += w
	}
	f.traffic, f.items = make([]float64, nodes), make([]int64, nodes)
	for i, leaf := range f.Assign {
		share := 1 / float64(len(f.Assign))
		if total > 0 {
			share = f.weight[i] / total
		}
		for node := leaf; node >= 0; node = f.Tree.Parent[node] {
			f.items[node]++
			f.traffic[node] += share
		}
	}
}

// write stores the three tables' parts.
func (f *fitted) write(ctx context.Context, b store.Bucket, cfg Config, entry func(commit.Entry)) error {
	var clusters []schemas.Cluster
	for node, level := range f.Tree.Level {
		row := schemas.Cluster{
			ClusterID: f.ids[node], Level: level, Description: f.descriptions[node].Text, Phrases: f.descriptions[node].Phrases,
			Items: f.items[node], Traffic: f.traffic[node], Centroid: slices.Clone(f.Tree.Centroids.Row(node)),
		}
		if p := f.Tree.Parent[node]; p >= 0 {
			row.ParentID = &f.ids[p]
		}
		clusters = append(clusters, row)
	}
	slices.SortFunc(clusters, func(a, b schemas.Cluster) int { return cmp.Compare(a.ClusterID, b.ClusterID) })
	for _, write := range []func() (store.Receipt, error){
		func() (store.Receipt, error) {
			return tables.WriteShard(ctx, b, schemas.ClustersTable, cfg.Version, 0, 1, clusters)
		},
		func() (store.Receipt, error) {
			return store.WriteAttempt(ctx, b, schemas.ItemClustersTable, cfg.Version, 0, 1, tables.Ext, f.writeItems)
		},
		func() (store.Receipt, error) {
			return tables.WriteShard(ctx, b, schemas.ClusterModelTable, cfg.Version, 0, 1, f.modelRows())
		},
	} {
		receipt, err := write()
		if err != nil {
			return fmt.Errorf("write the clusters: %w", err)
		}
		entry(commit.Entry{Receipt: &receipt})
	}
	tally := commit.Tally{
		Counts:  map[string]int64{"items": int64(len(f.IDs)), "clusters": int64(f.Centroids.Rows)},
		Figures: f.figures(),
		Facts:   map[string]string{"clusters": strconv.Itoa(f.Centroids.Rows)},
	}
	if f.assigned == nil {
		tally.Counts[ItemsFitted] = int64(len(f.leaf))
	}
	if f.previous != nil {
		maps.Copy(tally.Counts, f.changes.counts())
		tally.Facts["previous"] = f.previous.version
	}
	if f.assigned != nil {
		maps.Copy(tally.Counts, f.assigned.counts(f))
		tally.Facts["assigned_to"] = f.assigned.from
	}
	entry(commit.Entry{Tally: &tally})
	return nil
}

// writeItems writes item_clusters/, some rows at a time.
func (f *fitted) writeItems(w io.Writer) (int64, error) {
	out := tables.NewWriter[schemas.ItemCluster](w)
	rows := make([]schemas.ItemCluster, 0, 4096)
	for i, id := range f.IDs {
		rows = append(rows, schemas.ItemCluster{ItemID: id, ClusterID: f.ids[f.Assign[i]], Similarity: f.Similarity[i]})
		if len(rows) == cap(rows) || i == len(f.IDs)-1 {
			if err := out.Write(rows); err != nil {
				return 0, err
			}
			rows = rows[:0]
		}
	}
	return int64(len(f.IDs)), out.Close()
}

// ItemsFitted counts the items that a clustering was made from.
const ItemsFitted = "items_fitted"

// SharedWords is the figure that tells how often titles of a cluster share a
// word with its description.
const SharedWords = "titles_sharing_a_word"

// figures say how balanced the leaves are: the heaviest load ÷ the mean, as it
// is and with items clipped at half a mean load; and how well they are
// described.
func (f *fitted) figures() map[string]float64 {
	ratio := func(load []float64) float64 {
		sum := 0.0
		for _, l := range load {
			sum += l
		}
		if sum == 0 {
			return 1
		}
		return slices.Max(load) * float64(len(load)) / sum
	}
	figures := map[string]float64{
		"heaviest_cluster_raw":     ratio(f.RawLoad),
		"heaviest_cluster_clipped": ratio(f.ClippedLoad),
		"reached_epsilon":          f.ReachedEpsilon,
	}
	if f.assigned == nil {
		figures[SharedWords] = f.shared
	}
	return figures
}

// The kinds of a model's rows.
const (
	centroidKind = "centroid"
	termKind     = "term"
)

// modelRows are cluster_model/: what places items that come later.
func (f *fitted) modelRows() []schemas.ModelEntry {
	var rows []schemas.ModelEntry
	for i := range f.Centroids.Rows {
		rows = append(rows, schemas.ModelEntry{Kind: centroidKind, Index: f.ids[i], Value: f.Prices[i], Vector: f.Centroids.Row(i)})
	}
	slices.SortFunc(rows, func(a, b schemas.ModelEntry) int { return cmp.Compare(a.Index, b.Index) })
	if f.model == nil {
		return rows
	}
	for i, term := range f.model.Terms {
		rows = append(rows, schemas.ModelEntry{Kind: termKind, Index: int32(i), Name: term, Value: f.model.IDF[i], Vector: f.model.Basis.Row(i)})
	}
	return rows
}
