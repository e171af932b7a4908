package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"foray/pipelines/job"
	"foray/schemas"
	"foray/transforms/store"
)

func inspectCommand() *cobra.Command {
	o := &options{}
	rows, format := 10, textFormat
	cmd := &cobra.Command{
		Use: "inspect TABLE", Short: "Print what a table holds: schema, counts, coverage, best and worst plans, versions", GroupID: "look",
		Long:    "TABLE is a folder such as out/lookup, or one version of it such as out/lookup/v=20260102T030405.000Z.",
		Args:    cobra.ExactArgs(1),
		Example: "  foray inspect out/lookup\n  foray inspect out/metrics --rows 0 --format json",
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkFormat(format); err != nil {
			return err
		}
		b, table, version, err := openTable(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		found, err := inspect(cmd.Context(), b, table, version, max(rows, 0))
		if err == nil && format == jsonFormat {
			err = printJSON(cmd.OutOrStdout(), found)
		} else if err == nil {
			err = found.print(cmd.OutOrStdout())
		}
		if err != nil {
			return &job.Exit{Code: job.Failed, Err: err}
		}
		return nil
	}
	return withFlags(cmd, o, group{"Output", func(_ *options, f *pflag.FlagSet) {
		f.IntVar(&rows, "rows", 10, "sample rows to print (metrics: all, as text)")
		formatFlag(f, &format)
	}})
}

// The values of --format.
const (
	textFormat = "text"
	jsonFormat = "json"
)

func formatFlag(f *pflag.FlagSet, format *string) {
	f.StringVar(format, "format", textFormat, "text for people, json for scripts")
}

func checkFormat(format string) error {
	if format != textFormat && format != jsonFormat {
		return job.UsageError("--format=%s: want %s or %s", format, textFormat, jsonFormat)
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// openTable opens what an argument names; without a version, the published
// one, else the newest finished one.
func openTable(ctx context.Context, arg string) (b store.Bucket, table, version string, err error) {
	root, table, version := splitTable(arg)
	if b, err = store.Open(ctx, root); err != nil {
		return nil, "", "", &job.Exit{Code: job.Failed, Err: err}
	}
	if version == "" {
		version, err = shownVersion(ctx, b, table)
	}
	return b, table, version, err
}

// splitTable parts out/lookup/v=… into output, table and version.
func splitTable(arg string) (root, table, version string) {
	if base := path.Base(arg); !strings.Contains(arg, "://") && (base == "." || base == ".." || !strings.Contains(arg, "/")) {
		// The names are those of the folders that it stands for.
		if abs, err := filepath.Abs(arg); err == nil {
			arg = abs
		}
	}
	arg = strings.TrimRight(arg, "/")
	dir, last := path.Split(arg)
	if strings.HasPrefix(last, "v=") {
		version = last
		dir, last = path.Split(strings.TrimRight(dir, "/"))
	}
	if root = strings.TrimRight(dir, "/"); root == "" && !strings.HasPrefix(arg, "/") {
		root = "."
	}
	return root, last, version
}

// shownVersion is the published version, else the newest finished one.
func shownVersion(ctx context.Context, b store.Bucket, table string) (string, error) {
	v, err := store.Current(ctx, b, table)
	if err == nil {
		return v, nil
	}
	if !errors.Is(err, store.ErrNotExist) {
		return "", &job.Exit{Code: job.Failed, Err: err}
	}
	versions, listErr := store.Versions(ctx, b, table)
	if listErr != nil {
		return "", &job.Exit{Code: job.Failed, Err: listErr}
	}
	if len(versions) == 0 {
		return "", job.UsageError("%s is no table of Foray: name a folder such as out/lookup", b.URL(table))
	}
	return versions[len(versions)-1], nil
}

// inspection is what inspect prints, of any table.
type inspection struct {
	Table     string            `json:"table"`
	URL       string            `json:"url"`
	Version   string            `json:"version"`
	Published bool              `json:"published"`
	Refused   string            `json:"refused,omitempty"`
	Created   string            `json:"created"`
	Rows      int64             `json:"rows"`
	Parts     int               `json:"parts"`
	Bytes     int64             `json:"bytes"`
	Model     string            `json:"model,omitempty"`
	Columns   []column          `json:"columns"`
	Parents   []parent          `json:"parents"`
	Versions  []versionInfo     `json:"versions"`
	Options   map[string]string `json:"options,omitempty"`
	Counts    map[string]int64  `json:"counts,omitempty"`
	// Lookup is set for the lookup table, Sample for the others.
	Lookup *lookupFigures `json:"lookup,omitempty"`
	Sample []any          `json:"sample,omitempty"`
	// metrics is set for metrics: text shows all of them, JSON the sample.
	metrics *metricFigures
}

// parent is a version that a table was made from; Gone if it cannot be read.
// Published is the version that is published now, where that is another.
type parent struct {
	Table     string `json:"table"`
	Version   string `json:"version"`
	Gone      bool   `json:"gone,omitempty"`
	Published string `json:"published,omitempty"`
}

// versionInfo is one finished version of a table.
type versionInfo struct {
	Version   string `json:"version"`
	Created   string `json:"created"`
	Rows      int64  `json:"rows"`
	Model     string `json:"model,omitempty"`
	Published bool   `json:"published,omitempty"`
	Refused   string `json:"refused,omitempty"`
}

const createdLayout = "2006-01-02 15:04:05 MST"

func inspect(ctx context.Context, b store.Bucket, table, version string, rows int) (*inspection, error) {
	m, err := store.ReadManifest(ctx, b, table, version)
	if err != nil {
		return nil, err
	}
	found := &inspection{
		Table: table, URL: b.URL(table), Version: version, Refused: m.Refused, Created: m.CreatedAt.Format(createdLayout),
		Rows: m.Rows(), Parts: len(m.Parts), Model: m.Model, Options: m.Options, Counts: m.Counts, Columns: []column{}, Parents: []parent{},
	}
	for _, p := range m.Parts {
		found.Bytes += p.Bytes
	}
	for _, name := range sortedKeys(m.Parents) {
		p := parent{Table: name, Version: m.Parents[name]}
		if _, err := store.ReadManifest(ctx, b, name, p.Version); errors.Is(err, store.ErrNotExist) {
			p.Gone = true
		} else if err != nil {
			return nil, err
		}
		current, err := store.Current(ctx, b, name)
		if err != nil && !errors.Is(err, store.ErrNotExist) {
			return nil, err
		}
		if current != p.Version {
			p.Published = current
		}
		found.Parents = append(found.Parents, p)
	}
	if err := found.versions(ctx, b); err != nil {
		return nil, err
	}
	if found.Columns, found.Sample, err = sample(ctx, b, m, rows); err != nil {
		return nil, err
	}
	if table == schemas.LookupTable {
		found.Sample = nil // plans in words say more
		found.Lookup, err = inspectLookup(ctx, b, m, found.there, rows)
	}
	if table == schemas.MetricsTable {
		found.metrics, err = inspectMetrics(ctx, b, m)
	}
	return found, err
}

// versions lists all finished versions, newest first.
func (i *inspection) versions(ctx context.Context, b store.Bucket) error {
	current, err := store.Current(ctx, b, i.Table)
	if err != nil && !errors.Is(err, store.ErrNotExist) {
		return err
	}
	all, err := store.Versions(ctx, b, i.Table)
	if err != nil {
		return err
	}
	for _, v := range slices.Backward(all) {
		m, err := store.ReadManifest(ctx, b, i.Table, v)
		if err != nil {
			return err
		}
		i.Versions = append(i.Versions, versionInfo{v, m.CreatedAt.Format(createdLayout), m.Rows(), m.Model, v == current, m.Refused})
	}
	i.Published = i.Version == current
	return nil
}

// there is the version of a parent that can be read still.
func (i *inspection) there(table string) (version string, ok bool) {
	for _, p := range i.Parents {
		if p.Table == table && !p.Gone {
			return p.Version, true
		}
	}
	return "", false
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
