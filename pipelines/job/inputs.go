package job

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"foray/transforms/read"
)

// Inputs are the options that say where items and events are.
type Inputs struct {
	Items, Events       string
	Delimiter           string
	NoHeader            bool
	ItemID              string
	Texts               []string
	Embedding           string
	UserID, EventItemID string
	Timestamp           string
	Engagement          string
	MinEngagement       float64
	TrainUntil          string
}

// ItemSource inspects the items.
func (in Inputs) ItemSource(ctx context.Context) (read.ItemSource, error) {
	if in.Items == "" {
		return read.ItemSource{}, UsageError("--items is missing: name the file of items, such as --items items.csv")
	}
	s, err := read.InspectItems(ctx, read.ItemsSpec{
		Pattern: in.Items, Delimiter: in.Delimiter, NoHeader: in.NoHeader,
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
		Pattern: in.Events, Delimiter: in.Delimiter, NoHeader: in.NoHeader,
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
		"delimiter": in.Delimiter, "no_header": strconv.FormatBool(in.NoHeader),
		"item_id_column": in.ItemID, "text_columns": strings.Join(in.Texts, ","), "embedding_column": in.Embedding,
	}
}

// EventOptions are the options that reading events depends on, for a manifest.
func (in Inputs) EventOptions() map[string]string {
	o := map[string]string{
		"delimiter": in.Delimiter, "no_header": strconv.FormatBool(in.NoHeader),
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
	return o
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
