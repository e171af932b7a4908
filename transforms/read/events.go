package read

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/mtime"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/cespare/xxhash/v2"

	"foray/schemas"
	"foray/transforms/bundle"
	"foray/transforms/commit"
	"foray/transforms/fields"
	"foray/transforms/partition"
	"foray/transforms/progress"
)

// The places of the columns in an events Source.
const (
	userColumn = iota
	eventItemColumn
	timeColumn
	engagementColumn
	eventColumns
)

// EventsSpec says where events are and what their columns are called.
type EventsSpec struct {
	Pattern string
	Layout
	User, Item, Time string
	Engagement       string // "" for none
	MinEngagement    float64
}

// EventSource is an inspected input of events.
type EventSource struct {
	Source
	// Unit is the unit of time, told from the first rows.
	Unit fields.Unit
	// MinEngagement keeps events with at least that engagement, where the
	// column is there.
	MinEngagement float64
	// Now is the launcher's time: times that lie too far ahead of it are
	// wrong, and all workers must think so.
	Now time.Time
}

// Inputs are the files, for a manifest.
func (e EventSource) Inputs() []schemas.Input {
	in := e.Source.Inputs()
	for i, f := range e.Files {
		if f.TypedTimes {
			in[i].Format += "; times of the type timestamp"
		} else {
			in[i].Format += "; times in " + e.Unit.String()
		}
	}
	return in
}

// timeSamples is how many rows of a file tell the unit of time.
const timeSamples = 1000

// InspectEvents finds the files of events and resolves their columns.
func InspectEvents(ctx context.Context, spec EventsSpec) (EventSource, error) {
	columns := make([]Column, eventColumns)
	columns[userColumn] = Column{Flag: "user_id_column", Name: spec.User}
	columns[eventItemColumn] = Column{Flag: "event_item_id_column", Name: spec.Item}
	columns[timeColumn] = Column{Flag: "timestamp_column", Name: spec.Time, use: asTime}
	if spec.Engagement != "" {
		columns[engagementColumn] = Column{Flag: "engagement_column", Name: spec.Engagement, use: asNumber}
	} else {
		columns = columns[:engagementColumn]
	}
	var samples []string
	s, err := Inspect(ctx, Spec{Flag: "events", Pattern: spec.Pattern, Layout: spec.Layout, Columns: columns}, func(row [][]byte) bool {
		samples = append(samples, string(row[timeColumn]))
		return len(samples)%timeSamples != 0
	})
	if err != nil {
		return EventSource{}, err
	}
	e := EventSource{Source: s, MinEngagement: spec.MinEngagement, Now: time.Now()}
	if !slices.ContainsFunc(s.Files, func(f File) bool { return !f.TypedTimes }) {
		return e, nil
	}
	if e.Unit, err = fields.DetectTimeUnit(samples); err != nil {
		return EventSource{}, optionError("%s: --timestamp_column=%s: %w", s.Files[0].Path, spec.Time, err)
	}
	return e, nil
}

// ItemKey says what an event's item becomes in a block.
type ItemKey int

const (
	// ItemHash is 63 bits of the item id's hash: the items are not known yet.
	ItemHash ItemKey = iota
	// ItemCluster is the item's leaf; events of unknown items are dropped.
	ItemCluster
	// ItemIndex is the item's place in the ItemMap; unknown items are dropped.
	ItemIndex
)

// HashItem is what ItemHash makes of an item id.
func HashItem(id string) int64 { return int64(xxhash.Sum64String(id) >> 1) }

// EventsConfig says how events are read.
type EventsConfig struct {
	Stage  string
	Source EventSource
	Key    ItemKey
	// Output is where tables are, Version the one that is written.
	Output, Version string
	// ItemClusters is the version of the ItemMap, unless Key is ItemHash.
	ItemClusters string
	// Uncounted says that the stage's progress counts something else.
	Uncounted bool
	// Names asks for the users' ids, too.
	Names bool
	// Spill is a folder that all workers see, for blocks to wait in; "" where
	// they go through the shuffle themselves.
	Spill string
}

// EventsResult is what ReadEvents gives.
type EventsResult struct {
	// Blocks are a partition's events, and the span of all parsable ones:
	// PCollection<KV<int,[]byte>>, for partition.Take.
	Blocks beam.PCollection
	// Entries tell what was read and rejected: PCollection<commit.Entry>.
	Entries beam.PCollection
}

// ReadEvents reads events into packed blocks by partition of users.
func ReadEvents(s beam.Scope, cfg EventsConfig) EventsResult {
	s = s.Scope("Read events")
	blocks, spans, entries := beam.ParDo3(s, &eventsFn{Config: cfg}, beam.Reshuffle(s, beam.CreateList(s, numbers(cfg.Source.Splits))))
	told := beam.ParDo(s, tellSpan, beam.Combine(s, partition.Join, spans))
	return EventsResult{Blocks: beam.Flatten(s, blocks, told), Entries: entries}
}

// tellSpan tells all partitions the span of all events.
func tellSpan(span partition.Span, emit func(int, []byte)) error {
	block, err := partition.Tell(span)
	if err != nil {
		return err
	}
	for number := range partition.Partitions {
		emit(number, block)
	}
	return nil
}

// numbers counts splits from 0.
func numbers(splits []Split) []int {
	all := make([]int, len(splits))
	for i := range all {
		all[i] = i
	}
	return all
}

// eventsFn reads splits, several of a bundle at once.
type eventsFn struct {
	Config EventsConfig

	work bundle.Work[func(eventsOut)]
}

// eventsOut are the outputs of eventsFn.
type eventsOut struct {
	block func(beam.EventTime, int, []byte)
	span  func(beam.EventTime, partition.Span)
	entry func(beam.EventTime, commit.Entry)
}

// anytime is the time of all that is emitted, which is that of what goes in.
// FinishBundle would give it another, 1970, and the in-process runner takes a
// time that has come that far as a sign that the span, a side input of later
// steps, is there.
const anytime = mtime.MinTimestamp

func (out eventsOut) take(put func(eventsOut)) { put(out) }

func init() {
	beam.RegisterType(reflect.TypeFor[partition.Span]())
	register.DoFn5x1[context.Context, int, func(beam.EventTime, int, []byte), func(beam.EventTime, partition.Span), func(beam.EventTime, commit.Entry), error](&eventsFn{})
	register.Emitter3[beam.EventTime, int, []byte]()
	register.Emitter2[beam.EventTime, partition.Span]()
	register.Emitter2[beam.EventTime, commit.Entry]()
	register.Function2x1(partition.Join)
	register.Function2x1(tellSpan)
	register.Emitter2[int, []byte]()
}

// ProcessElement starts to read one split.
func (f *eventsFn) ProcessElement(ctx context.Context, split int, block func(beam.EventTime, int, []byte), span func(beam.EventTime, partition.Span), entry func(beam.EventTime, commit.Entry)) error {
	return f.work.Go(ctx, func(ctx context.Context, give func(func(eventsOut))) error {
		return f.Config.read(ctx, split, give)
	}, eventsOut{block, span, entry}.take)
}

// FinishBundle waits until all splits are read.
func (f *eventsFn) FinishBundle(_ context.Context, block func(beam.EventTime, int, []byte), span func(beam.EventTime, partition.Span), entry func(beam.EventTime, commit.Entry)) error {
	return f.work.Wait(eventsOut{block, span, entry}.take)
}

// The names of what reading events counts.
const (
	EventRows         = "event_rows"
	EventRowsRejected = "event_rows_rejected"
	EventsUsed        = "events_used"
	EventsUnknownItem = "events_unknown_item"
	// EventsOfItems are those used and those of unknown items.
	EventsOfItems       = "events_of_items"
	EventsLowEngagement = "events_low_engagement"
	EventBytesShuffled  = "event_bytes_shuffled"
	FirstEvent          = "first_event_micros"
	LastEvent           = "last_event_micros"
)

// read reads one split.
func (cfg EventsConfig) read(ctx context.Context, split int, give func(func(eventsOut))) error {
	var items *ItemMap
	if cfg.Key != ItemHash {
		var err error
		if items, err = LoadItemMap(ctx, cfg.Output, cfg.ItemClusters); err != nil {
			return err
		}
	}
	p := &parser{items: items, key: cfg.Key, source: cfg.Source, span: partition.NoSpan, latest: fields.Latest(cfg.Source.Now)}
	p.out = partition.NewWriter(cfg.Spill, cfg.Names, func(partition int, block []byte) {
		give(func(out eventsOut) { out.block(anytime, partition, block) })
	})
	rejects := commit.NewRejects(cfg.Stage)
	at := cfg.Source.Splits[split]
	each := p.text
	if cfg.Source.Files[at.File].Format == Parquet {
		each = p.parquet
	}
	progressed := func(rows int64) {
		if !cfg.Uncounted {
			progress.Add(cfg.Stage, rows)
		}
	}
	rows, rejected, err := each(ctx, at, rejects, progressed)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// The file itself is damaged: reading it again would not help.
		failure := commit.Fail(err)
		give(func(out eventsOut) { out.entry(anytime, failure) })
	}
	if err := p.out.Close(); err != nil {
		return err
	}
	kept, err := rejects.Close(ctx, cfg.Output, cfg.Version, fmt.Sprintf("events-%06d", split))
	if err != nil {
		return err
	}
	counted := commit.Entry{Tally: &commit.Tally{Counts: map[string]int64{
		EventRows:           rows,
		EventRowsRejected:   rejected,
		EventsUsed:          p.out.Count,
		EventsLowEngagement: p.low,
		EventBytesShuffled:  p.out.Bytes,
	}}}
	if cfg.Key != ItemHash { // else nobody knows yet
		counted.Tally.Counts[EventsUnknownItem] = p.unknown
		counted.Tally.Counts[EventsOfItems] = p.out.Count + p.unknown
	}
	if p.span.Last >= p.span.First {
		counted.Tally.Least = map[string]int64{FirstEvent: p.span.First}
		counted.Tally.Most = map[string]int64{LastEvent: p.span.Last}
	}
	give(func(out eventsOut) {
		out.span(anytime, p.span)
		out.entry(anytime, kept)
		out.entry(anytime, counted)
	})
	return nil
}
