package evaluation

import (
	"bytes"
	"context"
	"encoding/gob"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/transforms/bundle"
	"foray/transforms/commit"
	"foray/transforms/once"
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
	// Against is an earlier version of lookup/ that was made in the same way,
	// to tell how much of it stayed; "" for none.
	Against string
	// RecallOnly leaves out all but what the table recalls: baselines, the plans
	// themselves, stability, and the report.
	RecallOnly bool
	// Until is where training ended.
	Until read.Until
	// Keep says which users and events count.
	Keep partition.Keep
	// Report says what the page tells beside the metrics.
	Report ReportConfig
	// Spill is a folder that all workers see, if there is one.
	Spill string
}

// SetKeys says that the order of a key's clusters does not matter.
func (c Config) SetKeys() bool { return c.Planning.Order == "set" }

// Names are the planners judged: the one of the table, then the baselines.
func (c Config) Names() []string {
	names := []string{c.Planning.Planner}
	if c.RecallOnly {
		return names
	}
	for _, b := range planner.Baselines {
		if b != c.Planning.Planner {
			names = append(names, b)
		}
	}
	return names
}

// Judge scores every planner on the transitions after the cut, in two steps:
// users' cases are held against the plans, partition by partition; and when it
// is known how many cases each key has, they are added up.
//
//	blocks PCollection<KV<int,[]byte>> ->
//	PCollection<Score>, PCollection<commit.Entry>
func Judge(s beam.Scope, cfg Config, blocks beam.PCollection) (scores, entries beam.PCollection) {
	s = s.Scope("Judge")
	cases, counts, shown, entries := beam.ParDo4(s, &witnessFn{Config: cfg}, beam.GroupByKey(s, blocks))
	// Without any user there is a key table, and a score, too.
	counts = beam.Flatten(s, counts, beam.Create(s, packCounted(nil)))
	keys, missed := beam.ParDo2(s, &weighFn{Config: cfg}, beam.GroupByKey(s, beam.AddFixedKey(s, counts)))
	added := beam.ParDo(s, &addFn{Config: cfg}, cases, beam.SideInput{Input: keys})
	return beam.Flatten(s, added, shown, missed), entries
}

// witnessFn writes down the cases of the users of partitions.
type witnessFn struct {
	Config Config

	work bundle.Work[func(witnessOut)]
}

// witnessOut are the outputs of witnessFn.
type witnessOut struct {
	cases, counts func([]byte)
	shown         func(Score)
	entry         func(commit.Entry)
}

func (out witnessOut) take(put func(witnessOut)) { put(out) }

// weighFn makes the key table, and a score of the keys that were missed.
type weighFn struct {
	Config Config
}

// addFn adds cases up to one score a bundle.
type addFn struct {
	Config Config

	work  bundle.Work[*Score]
	total Score
}

func init() {
	beam.RegisterCoder(reflect.TypeFor[Score](), encodeScore, decodeScore)
	beam.RegisterType(reflect.TypeFor[Score]())
	register.DoFn7x1[context.Context, int, func(*[]byte) bool, func([]byte), func([]byte), func(Score), func(commit.Entry), error](&witnessFn{})
	register.DoFn5x1[context.Context, int, func(*[]byte) bool, func([]byte), func(Score), error](&weighFn{})
	register.DoFn4x1[context.Context, []byte, []byte, func(Score), error](&addFn{})
	register.Iter1[[]byte]()
	register.Emitter1[[]byte]()
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

// ProcessElement starts to write down the cases of one partition.
func (f *witnessFn) ProcessElement(ctx context.Context, number int, blocks func(*[]byte) bool, cases, counts func([]byte), shown func(Score), entry func(commit.Entry)) error {
	taken := partition.Take(blocks)
	return f.work.Go(ctx, func(ctx context.Context, give func(func(witnessOut))) error {
		return f.Config.witness(ctx, number, taken, give)
	}, witnessOut{cases, counts, shown, entry}.take)
}

// FinishBundle waits for all partitions.
func (f *witnessFn) FinishBundle(_ context.Context, cases, counts func([]byte), shown func(Score), entry func(commit.Entry)) error {
	return f.work.Wait(witnessOut{cases, counts, shown, entry}.take)
}

// witness writes down the cases of one partition.
func (cfg Config) witness(ctx context.Context, number int, blocks partition.Blocks, give func(func(witnessOut))) error {
	b, err := loadBook(ctx, cfg)
	if err != nil {
		return err
	}
	page, err := loadShown(ctx, cfg)
	if err != nil {
		return err
	}
	events, err := blocks.Load()
	if err != nil {
		return err
	}
	cut := cfg.Until.Cut(events.Span)
	w, keys, trouble := newWitness(b), map[int64][]int32{}, error(nil)
	entries := events.EachKept(cfg.Stage, cfg.Keep, partition.Sight{Cut: cut, Last: events.Span.Last, Beyond: true}, func(user int64, h []partition.Event) {
		if trouble != nil {
			return
		}
		hash := partition.FullHash(number, user)
		key, ok, err := w.user(hash, h, cut)
		if trouble = err; ok && page.hashes[hash] {
			keys[hash] = append([]int32(nil), key...)
		}
	})
	if trouble != nil {
		return trouble
	}
	element, err := w.cases.put(cfg.Spill)
	if err != nil {
		return err
	}
	counts := w.count()
	give(func(out witnessOut) {
		out.cases(element)
		out.counts(counts)
		if len(keys) > 0 {
			out.shown(Score{Keys: keys})
		}
		for _, e := range entries {
			out.entry(e)
		}
	})
	return nil
}

// ProcessElement sees the counts of all partitions.
func (f *weighFn) ProcessElement(ctx context.Context, _ int, counts func(*[]byte) bool, keys func([]byte), scores func(Score)) error {
	b, err := loadBook(ctx, f.Config)
	if err != nil {
		return err
	}
	numbers, users, err := b.standing(ctx, f.Config)
	if err != nil {
		return err
	}
	var rows []counted
	for block := []byte(nil); counts(&block); {
		if rows, err = appendCounted(rows, block); err != nil {
			return err
		}
	}
	rows = sumCounted(rows)
	keys(weigh(b, rows, decilesOf(numbers, users)).encode())
	if !f.Config.RecallOnly {
		scores(Score{Missed: b.missing(rows)})
	}
	return nil
}

var keyTables once.Cache[[2]string, *keyTable] // by output and version

// ProcessElement starts to add up the cases of one partition.
func (f *addFn) ProcessElement(ctx context.Context, element []byte, keys []byte, _ func(Score)) error {
	return f.work.Go(ctx, func(_ context.Context, give func(*Score)) error {
		t, err := keyTables.Get([2]string{f.Config.Output, f.Config.Version}, func() (*keyTable, error) { return decodeKeyTable(keys) })
		if err != nil {
			return err
		}
		c, err := takeCases(element)
		if err != nil {
			return err
		}
		planners := len(f.Config.Names())
		s, sums := &Score{}, make([]int64, measures(planners))
		for i := 0; i < len(c.users); {
			j := i
			for j < len(c.users) && c.users[j] == c.users[i] {
				j++
			}
			t.user(s, sums, planners, cases{c.users[i:j], c.keys[i:j], c.outcomes[i:j]})
			i = j
		}
		give(s)
		return nil
	}, f.total.Merge)
}

// FinishBundle waits for all partitions, and emits the score of all.
func (f *addFn) FinishBundle(_ context.Context, _ []byte, scores func(Score)) error {
	if err := f.work.Wait(f.total.Merge); err != nil {
		return err
	}
	scores(f.total)
	f.total = Score{}
	return nil
}

func scoreEntry(s *Score) commit.Entry {
	return commit.Count(map[string]int64{"test_users": s.Users, "test_transitions": s.sum(sumCases)})
}
