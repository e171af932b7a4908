package job

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"foray/transforms/commit"
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
}

// ItemSource inspects the items.
func (in Inputs) ItemSource(ctx context.Context) (read.ItemSource, error) {
	if in.Items == "" {
		return read.ItemSource{}, UsageError("--items is missing: name the file of items, such as --items items.csv")
	}
	s, err := read.InspectItems(ctx, read.ItemsSpec{
		Pattern: in.Items, Layout: in.Layout,
		ID: in.ItemID, Texts: in.Texts, Embedding: in.Embedding,
	})
	if err != nil {
		return s, inputError(err)
	}
	return s, nil
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
	s, err := read.InspectEvents(ctx, spec)
	if err != nil {
		return s, inputError(err)
	}
	return s, nil
}

func inputError(err error) error {
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
		Names: in.Keep.NeedsNames(), Spill: c.scratch(stage),
	}
}

// EventGates are the gates on what was read of events. A stage that hashes
// items learns later which are unknown.
func (in Inputs) EventGates() []commit.Gate {
	return []commit.Gate{
		{Flag: "max_bad_rows", Measure: "share of malformed rows among the events", Part: read.EventRowsRejected, Whole: read.EventRows, Max: in.MaxBadRows, Exit: Failed},
		{Flag: "max_unknown_items", Measure: "share of events with items that are not in the catalogue", Part: read.EventsUnknownItem, Whole: read.EventsOfItems, Max: in.MaxUnknownItems, Exit: Failed},
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
