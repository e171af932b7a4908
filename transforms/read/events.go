package read

import (
	"context"
	"errors"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/transforms/commit"
	"foray/transforms/fields"
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
	Pattern, Delimiter string
	NoHeader           bool
	User, Item, Time   string
	Engagement         string // "" for none
	MinEngagement      float64
}

// EventSource is an inspected input of events.
type EventSource struct {
	Source
	// Unit is the unit of time, told from the first rows.
	Unit fields.Unit
	// MinEngagement keeps events with at least that engagement, where the
	// column is there.
	MinEngagement float64
}

// timeSamples is how many rows of a file tell the unit of time.
const timeSamples = 1000

// InspectEvents finds the files of events and resolves their columns.
func InspectEvents(ctx context.Context, spec EventsSpec) (EventSource, error) {
	columns := make([]Column, eventColumns)
	columns[userColumn] = Column{Flag: "user_id_column", Name: spec.User}
	columns[eventItemColumn] = Column{Flag: "event_item_id_column", Name: spec.Item}
	columns[timeColumn] = Column{Flag: "timestamp_column", Name: spec.Time}
	if spec.Engagement != "" {
		columns[engagementColumn] = Column{Flag: "engagement_column", Name: spec.Engagement}
	} else {
		columns = columns[:engagementColumn]
	}
	var samples []string
	s, err := Inspect(ctx, Spec{Flag: "events", Pattern: spec.Pattern, Delimiter: spec.Delimiter, NoHeader: spec.NoHeader, Columns: columns}, func(row [][]byte) bool {
		samples = append(samples, string(row[timeColumn]))
		return len(samples)%timeSamples != 0
	})
	if err != nil {
		return EventSource{}, err
	}
	unit, err := fields.DetectTimeUnit(samples)
	if err != nil {
		return EventSource{}, optionError("%s: --timestamp_column=%s: %w", s.Files[0].Path, spec.Time, err)
	}
	return EventSource{Source: s, Unit: unit, MinEngagement: spec.MinEngagement}, nil
}

// EventsConfig says how events are read.
type EventsConfig struct {
	Stage  string
	Source EventSource
	Key    ItemKey
	// Output and ItemClusters are where the ItemMap is, unless Key is ItemHash.
	Output, ItemClusters string
	// Names asks for the users' ids, too.
	Names bool
}

// EventsResult is what ReadEvents gives.
type EventsResult struct {
	// Blocks are packed Events by partition of users: PCollection<KV<int,[]byte>>.
	Blocks beam.PCollection
	// Names are the ids of users, by partition: PCollection<KV<int,Names>>.
	Names beam.PCollection
	// Span is the span of all parsable events: a PCollection<Span> of one.
	Span beam.PCollection
	// Entries tell what was read and rejected: PCollection<commit.Entry>.
	Entries beam.PCollection
}

// ReadEvents reads events into packed blocks, a file at a time.
func ReadEvents(s beam.Scope, cfg EventsConfig) EventsResult {
	s = s.Scope("Read events")
	files := make([]int, len(cfg.Source.Files))
	for i := range files {
		files[i] = i
	}
	spread := beam.Reshuffle(s, beam.CreateList(s, files))
	blocks, names, spans, entries := beam.ParDo4(s, &eventsFn{Config: cfg}, spread)
	return EventsResult{Blocks: blocks, Names: names, Span: beam.Combine(s, Join, spans), Entries: entries}
}

// blockEvents is the number of events of a block: 256 kB at some ten bytes.
const blockEvents = 25_000

// eventsFn reads one file into blocks of each partition.
type eventsFn struct {
	Config EventsConfig
}

func init() {
	register.DoFn6x1[context.Context, int, func(int, []byte), func(int, Names), func(Span), func(commit.Entry), error](&eventsFn{})
	register.Emitter2[int, []byte]()
	register.Emitter2[int, Names]()
	register.Emitter1[Span]()
	register.Emitter1[commit.Entry]()
	register.Function2x1(Join)
}

func (f *eventsFn) ProcessElement(ctx context.Context, file int, block func(int, []byte), name func(int, Names), span func(Span), entry func(commit.Entry)) error {
	var items *ItemMap
	if f.Config.Key != ItemHash {
		var err error
		if items, err = LoadItemMap(ctx, f.Config.Output, f.Config.ItemClusters); err != nil {
			return err
		}
	}
	p := &partitioner{items: items, key: f.Config.Key, minEngagement: f.Config.Source.MinEngagement, unit: f.Config.Source.Unit, emit: block, span: NoSpan}
	if f.Config.Names {
		p.names = map[int]map[int64]string{}
	}
	rows, err := eachRow(ctx, f.Config.Stage, f.Config.Source.Files[file], entry, func(r *rowReader) error {
		if r.Read%4096 == 0 {
			progress.Add(f.Config.Stage, 4096)
		}
		return p.add(r.Row)
	})
	if err != nil {
		if rows == nil || ctx.Err() != nil {
			return err
		}
		// The file itself is damaged: reading it again would not help.
		entry(commit.Fail(err))
	}
	progress.Add(f.Config.Stage, rows.Read%4096)
	p.flush()
	for partition := range Partitions {
		if users := p.names[partition]; len(users) > 0 {
			name(partition, namesOf(users))
		}
	}
	span(p.span)
	entry(commit.Count(map[string]int64{
		"event_rows":            rows.Read,
		"event_rows_rejected":   rows.Rejected,
		"events_used":           p.used,
		"events_unknown_item":   p.unknown,
		"events_low_engagement": p.low,
		"event_files":           1,
		"event_bytes_shuffled":  p.bytes,
	}))
	if p.span.Last >= p.span.First {
		entry(commit.Entry{Tally: &commit.Tally{
			Least: map[string]int64{"first_event_micros": p.span.First},
			Most:  map[string]int64{"last_event_micros": p.span.Last},
		}})
	}
	return nil
}

// partitioner hashes events to partitions and packs them.
type partitioner struct {
	items         *ItemMap
	key           ItemKey
	unit          fields.Unit
	minEngagement float64
	parts         [Partitions]Events
	names         map[int]map[int64]string
	emit          func(int, []byte)
	span          Span

	used, unknown, low, bytes int64
}

var errNoUser = errors.New("the user id is empty: name a user in every row")

// add takes one row; an error says why it is none.
func (p *partitioner) add(row [][]byte) error {
	micros, err := fields.ParseTime(row[timeColumn], p.unit)
	if err != nil {
		return err
	}
	user := row[userColumn]
	if len(user) == 0 {
		return errNoUser
	}
	if err := fields.CheckUTF8(user); err != nil {
		return err
	}
	var engagement float64
	if len(row) > engagementColumn {
		if engagement, err = fields.Float(row[engagementColumn]); err != nil {
			return err
		}
	}
	p.span = Join(p.span, Span{First: micros, Last: micros})
	if len(row) > engagementColumn && engagement < p.minEngagement {
		p.low++
		return nil
	}
	var item int64
	switch p.key {
	case ItemHash:
		item = HashItem(string(row[eventItemColumn]))
	default:
		i, ok := p.items.Index(row[eventItemColumn])
		if !ok {
			p.unknown++
			return nil
		}
		item = int64(i)
		if p.key == ItemCluster {
			item = int64(p.items.Clusters[i])
		}
	}
	partition, rest := userHash(user)
	if p.names != nil {
		if p.names[partition] == nil {
			p.names[partition] = map[int64]string{}
		}
		if _, ok := p.names[partition][rest]; !ok {
			p.names[partition][rest] = string(user)
		}
	}
	e := &p.parts[partition]
	e.Users = append(e.Users, rest)
	e.Times = append(e.Times, micros)
	e.Items = append(e.Items, item)
	p.used++
	if e.Len() == blockEvents {
		p.send(partition)
	}
	return nil
}

func (p *partitioner) send(partition int) {
	if p.parts[partition].Len() == 0 {
		return
	}
	data := p.parts[partition].pack()
	p.bytes += int64(len(data))
	p.emit(partition, data)
	p.parts[partition].reset()
}

func (p *partitioner) flush() {
	for i := range p.parts {
		p.send(i)
	}
}
