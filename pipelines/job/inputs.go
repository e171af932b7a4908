package job

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"foray/transforms/commit"
	"foray/transforms/once"
	"foray/transforms/partition"
	"foray/transforms/read"
)

// Inputs are the options that say where items and events are.
type Inputs struct {
	Items, Events string
	read.Layout
	ItemID              string
	Texts               []string
	Embedding           string
	UserID, EventItemID string
	Timestamp           string
	Engagement          string
	MinEngagement       float64
	TrainUntil          string
	// MaxBadRows and MaxUnknownItems are shares above which a job fails.
	MaxBadRows, MaxUnknownItems float64
	Keep                        partition.Keep
	// Inspected remembers what events were found, so that all stages of a
	// command read the same; nil looks anew each time.
	Inspected *once.Cache[read.EventsSpec, read.EventSource]
}

// ItemSource inspects the items.
func (in Inputs) ItemSource(ctx context.Context) (read.ItemSource, error) {
	if in.Items == "" {
		return read.ItemSource{}, UsageError("--items is missing: name the file of items, such as --items items.csv")
	}
	found, err := read.InspectItems(ctx, read.ItemsSpec{
		Pattern: in.Items, Layout: in.Layout,
		ID: in.ItemID, Texts: in.Texts, Embedding: in.Embedding,
	})
	return found, inputError(err)
}

// EventSource inspects the events.
func (in Inputs) EventSource(ctx context.Context) (read.EventSource, error) {
	if in.Events == "" {
		return read.EventSource{}, UsageError("--events is missing: name the file of events, such as --events events.csv")
	}
	spec := read.EventsSpec{
		Pattern: in.Events, Layout: in.Layout,
		User: in.UserID, Item: in.EventItemID, Time: in.Timestamp,
		Engagement: in.Engagement, MinEngagement: in.MinEngagement,
	}
	if spec.Item == "" {
		spec.Item = in.ItemID
	}
	inspect := func() (read.EventSource, error) { return read.InspectEvents(ctx, spec) }
	if in.Inspected != nil {
		found, err := in.Inspected.Get(spec, inspect)
		return found, inputError(err)
	}
	found, err := inspect()
	return found, inputError(err)
}

func inputError(err error) error {
	if err == nil {
		return nil
	}
	if o := (*read.OptionError)(nil); errors.As(err, &o) {
		return &Exit{Usage, err}
	}
	return &Exit{Failed, err}
}

// Until is --train_until.
func (in Inputs) Until() (read.Until, error) {
	u, err := read.ParseUntil(in.TrainUntil)
	if err != nil {
		return u, &Exit{Usage, err}
	}
	return u, nil
}

// ItemOptions are the options that reading items depends on, for a manifest.
func (in Inputs) ItemOptions() map[string]string {
	return map[string]string{
		"input_format": in.Format, "delimiter": in.Delimiter, "no_header": strconv.FormatBool(in.NoHeader),
		"item_id_column": in.ItemID, "text_columns": strings.Join(in.Texts, ","), "embedding_column": in.Embedding,
	}
}

// EventOptions are the options that reading events depends on, for a manifest.
func (in Inputs) EventOptions() map[string]string {
	o := map[string]string{
		"input_format": in.Format, "delimiter": in.Delimiter, "no_header": strconv.FormatBool(in.NoHeader),
		"user_id_column": in.UserID, "event_item_id_column": in.EventItemID, "timestamp_column": in.Timestamp,
		"train_until": in.TrainUntil,
	}
	if in.EventItemID == "" {
		o["event_item_id_column"] = in.ItemID
	}
	if in.Engagement != "" {
		o["engagement_column"] = in.Engagement
		o["min_engagement"] = strconv.FormatFloat(in.MinEngagement, 'g', -1, 64)
	}
	for name, n := range map[string]int64{
		"history_days": int64(in.Keep.HistoryDays), "min_events": in.Keep.MinEvents, "max_events_per_day": in.Keep.MaxEventsPerDay,
	} {
		if n > 0 {
			o[name] = strconv.FormatInt(n, 10)
		}
	}
	return o
}

// ReadEvents says how a stage reads events. The item map is that of the
// version of item_clusters/, if the events are not to be hashed.
func (c *Command) ReadEvents(stage string, in Inputs, source read.EventSource, key read.ItemKey, itemClusters string) read.EventsConfig {
	return read.EventsConfig{
		Stage: stage, Source: source, Key: key, Output: c.Output, Version: c.Version, ItemClusters: itemClusters,
		Names: in.Keep.NeedsNames(), Spill: c.Scratch(stage),
	}
}

// EventGates are the gates on what was read of events.
func (in Inputs) EventGates() []commit.Gate {
	return []commit.Gate{
		{Flag: "max_bad_rows", Measure: "share of malformed rows among the events", Part: read.EventRowsRejected, Whole: read.EventRows, Max: in.MaxBadRows, Exit: Failed},
		{Flag: unknownFlag, Measure: "share of events with items that are not in the catalogue", Part: read.EventsUnknownItem, Whole: read.EventsOfItems, Max: in.MaxUnknownItems, Exit: Failed},
	}
}

// unknownShown is how many events of unknown items a message names.
const unknownShown = 3

// Explain adds to the error of a stage which dates there are, where none is
// before the cut, and examples, where too many events are of unknown items.
// known tells which items are in the catalogue.
func (in Inputs) Explain(ctx context.Context, r Result, err error, events read.EventSource, known func() (func(id []byte) bool, error)) error {
	exit := (*Exit)(nil)
	if !errors.As(err, &exit) || exit.Code != Failed {
		return err
	}
	if first, ok := r.Tally.Least[read.FirstEvent]; ok && strings.Contains(exit.Err.Error(), in.CutGate().Says) {
		return &Exit{exit.Code, fmt.Errorf("%w; events are from %s to %s", exit.Err, read.Time(first), read.Time(r.Tally.Most[read.LastEvent]))}
	}
	tooMany := false
	for _, g := range append(in.EventGates(), in.TrainingGate()) {
		tooMany = tooMany || g.Flag == unknownFlag && g.Check(r.Tally, nil) != ""
	}
	if !tooMany {
		return err
	}
	isKnown, e := known()
	if e != nil {
		return err // the examples would have helped, no more
	}
	if found, _ := read.UnknownItems(ctx, events, isKnown, unknownShown); len(found) > 0 {
		return &Exit{exit.Code, fmt.Errorf("%w; %s", exit.Err, strings.Join(found, ", "))}
	}
	return err
}

// KnownItems tells which items are in a version of item_clusters/.
func (c *Command) KnownItems(ctx context.Context, itemClusters string) func() (func(id []byte) bool, error) {
	return func() (func([]byte) bool, error) {
		m, err := read.LoadItemMap(ctx, c.Output, itemClusters)
		if err != nil {
			return nil, err
		}
		return func(id []byte) bool { _, ok := m.Index(id); return ok }, nil
	}
}

// TrainingGate is the gate on unknown items of a stage that hashes items: it
// learns which are unknown when it joins events with the catalogue.
func (in Inputs) TrainingGate() commit.Gate {
	return commit.Gate{
		Flag: unknownFlag, Measure: "share of training events with items that are not in the catalogue",
		Part: "training_events_unknown_item", Whole: "training_events_of_items", Max: in.MaxUnknownItems, Exit: Failed,
	}
}

const unknownFlag = "max_unknown_items"

// CutGate refuses a cut that leaves nothing to train on.
func (in Inputs) CutGate() commit.Gate {
	return commit.Gate{
		Part: "training_events", Whole: read.EventsUsed, Min: 1e-12, Max: 1, Exit: Failed,
		Says: fmt.Sprintf("no event that counts lies before --train_until=%s: give a later time, or a share of the time span such as 0.8", in.TrainUntil),
	}
}

// ItemGates are the gates on what was read of items.
func (in Inputs) ItemGates() []commit.Gate {
	return []commit.Gate{
		{Flag: "max_bad_rows", Measure: "share of malformed rows among the items", Part: read.ItemRowsRejected, Whole: read.ItemRows, Max: in.MaxBadRows, Exit: Failed},
	}
}

// Options joins options of several kinds.
func Options(all ...map[string]string) map[string]string {
	joined := map[string]string{}
	for _, o := range all {
		for name, v := range o {
			joined[name] = v
		}
	}
	return joined
}
