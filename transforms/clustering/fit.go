package clustering

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

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
)

// Config says how items are clustered.
type Config struct {
	Stage           string
	Output, Version string
	// Spill is a folder that all workers see, if there is one.
	Spill string
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
	e, err := engage(l.IDs, baskets, f.Config.EmbeddingColumn == "" || f.Config.Embeddings != nil)
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
	progress.Add(f.Config.Stage, int64(len(l.IDs)-made.placed))
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
	var sure []int32
	if p != nil {
		sure = p.heaviest(e.Events)
	}
	if cfg.FitSample > 0 && cfg.FitSample < len(l.IDs) {
		k, cure := 0, "fit on more items"
		if p != nil {
			k = p.leaves
		} else {
			if k, err = clustersFor(len(l.IDs), cfg.Clusters); err != nil {
				return nil, failure("%v", err)
			}
			cfg.Clusters, cure = k, cure+", or give fewer --clusters"
		}
		if k > cfg.FitSample {
			return nil, failure("--fit_sample=%d items cannot fill %d clusters: %s", cfg.FitSample, k, cure)
		}
	}
	chosen, stands := sample(l.IDs, e.Events, cfg.FitSample, sure, cfg.Seed)
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
	c.Vectors = kernel.Matrix{} // have done their work
	if stands == nil {
		return f, nil
	}
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
	// placed counts the items that came after the fit.
	placed int
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
		f.Clustering, err = balance.Fit(x, weight, balance.Options{K: k, Levels: cfg.Levels, Epsilon: cfg.Epsilon, Seed: cfg.Seed, Overwrite: true})
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
