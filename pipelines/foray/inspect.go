package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/parquet-go/parquet-go"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"foray/pipelines/job"
	"foray/schemas"
	"foray/transforms/planning"
	"foray/transforms/store"
	"foray/transforms/tables"
)

func inspectCommand() *cobra.Command {
	o := &options{}
	rows := 10
	cmd := &cobra.Command{
		Use: "inspect TABLE", Short: "Print what a table holds: versions, counts, coverage, sample rows", GroupID: "look",
		Long:    "TABLE is a folder such as out/lookup, or one version of it such as out/lookup/v=20260102T030405.000Z.",
		Args:    cobra.ExactArgs(1),
		Example: "  foray inspect out/lookup",
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		root, table, version := splitTable(args[0])
		b, err := store.Open(ctx, root)
		if err != nil {
			return &job.Exit{Code: job.Failed, Err: err}
		}
		if version == "" {
			if version, err = shownVersion(ctx, b, table); err != nil {
				return err
			}
		}
		if err := inspect(ctx, cmd.OutOrStdout(), b, table, version, rows); err != nil {
			return &job.Exit{Code: job.Failed, Err: err}
		}
		return nil
	}
	return withFlags(cmd, o, group{"Output", func(_ *options, f *pflag.FlagSet) {
		f.IntVar(&rows, "rows", 10, "sample rows to print")
	}})
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

func inspect(ctx context.Context, w io.Writer, b store.Bucket, table, version string, rows int) error {
	m, err := store.ReadManifest(ctx, b, table, version)
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "table\t%s\n", b.URL(table))
	fmt.Fprintf(out, "version\t%s\n", versionLine(ctx, b, m))
	fmt.Fprintf(out, "created\t%s\n", m.CreatedAt.Format("2006-01-02 15:04:05 MST"))
	var size int64
	for _, p := range m.Parts {
		size += p.Bytes
	}
	fmt.Fprintf(out, "rows\t%d in %d parts, %.1f MB\n", m.Rows(), len(m.Parts), float64(size)/1e6)
	if m.Model != "" {
		fmt.Fprintf(out, "planner\t%s\n", m.Model)
	}
	for _, parent := range sortedKeys(m.Parents) {
		fmt.Fprintf(out, "made from\t%s %s\n", parent, m.Parents[parent])
	}
	versions, err := store.Versions(ctx, b, table)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "versions\t%s\n", strings.Join(versions, " "))
	if err := out.Flush(); err != nil {
		return err
	}
	if table == schemas.LookupTable {
		return inspectLookup(ctx, w, b, version, m, rows)
	}
	return printSample(ctx, w, b, table, version, m, rows)
}

func versionLine(ctx context.Context, b store.Bucket, m schemas.Manifest) string {
	line := m.Version
	if current, err := store.Current(ctx, b, m.Table); err == nil && current == m.Version {
		line += " (published)"
	} else {
		line += " (not published)"
	}
	if m.Refused != "" {
		line += ": " + m.Refused
	}
	return line
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// inspectLookup prints counts by status, coverage, and the plans of the keys
// with the most users in words.
func inspectLookup(ctx context.Context, w io.Writer, b store.Bucket, version string, m schemas.Manifest, rows int) error {
	plans, _, err := tables.ReadKeyed[schemas.Lookup](ctx, b, schemas.LookupTable, version)
	if err != nil {
		return err
	}
	clusters, _, err := tables.Read[schemas.Cluster](ctx, b, schemas.ClustersTable, m.Parents[schemas.ClustersTable])
	if err != nil {
		return fmt.Errorf("read the clusters that the table was made from: %w", err)
	}
	words := map[int32]string{}
	leaves := planning.Leaves(clusters)
	for _, c := range leaves {
		words[c.ClusterID] = c.Description
	}
	statuses, planned := map[string]int{}, map[int32]bool{}
	var covered, traffic float64
	for _, r := range plans {
		statuses[r.Status]++
		traffic += r.Traffic
		if r.NovelCluster != nil {
			planned[*r.NovelCluster] = true
			covered += r.Traffic
		}
	}
	fmt.Fprintln(w)
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, s := range sortedKeys(statuses) {
		fmt.Fprintf(out, "%s\t%d keys\t%.1f %%\t\n", s, statuses[s], 100*float64(statuses[s])/float64(max(len(plans), 1)))
	}
	if err := out.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d of %d clusters are planned for some key", len(planned), len(leaves))
	if traffic > 0 {
		fmt.Fprintf(w, "; %.1f %% of users stand at a key with a plan", 100*covered/traffic)
	}
	fmt.Fprintln(w, "\n\nPlans of the keys with the most users:")
	slices.SortStableFunc(plans, func(a, b schemas.Lookup) int { return cmp.Compare(b.Traffic, a.Traffic) })
	for _, r := range plans[:min(rows, len(plans))] {
		fmt.Fprintf(w, "\n%.3f %% of users · %s\n", 100*r.Traffic, keyLine(r.Key))
		for _, c := range r.Key {
			fmt.Fprintf(w, "    %s\n", printable(words[c]))
		}
		if r.NovelCluster != nil {
			fmt.Fprintf(w, "  → %s (%d)\n", printable(r.NovelDescription), *r.NovelCluster)
		} else {
			fmt.Fprintf(w, "  → %s\n", r.Status)
		}
	}
	return nil
}

func keyLine(key []int32) string {
	parts := make([]string, len(key))
	for i, c := range key {
		parts[i] = strconv.Itoa(int(c))
	}
	return strings.Join(parts, ",")
}

// printable takes control characters out, and those that turn the direction of
// text or are not seen: descriptions are data, and a terminal obeys escapes.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// printSample prints the first rows of any table, of Parquet a column a line.
func printSample(ctx context.Context, w io.Writer, b store.Bucket, table, version string, m schemas.Manifest, rows int) error {
	for _, p := range m.Parts {
		if rows <= 0 {
			break
		}
		data, err := store.ReadPart(ctx, b, table, version, p)
		if err != nil {
			return err
		}
		if path.Ext(p.Name) != tables.Ext {
			rows -= printLines(w, data, rows)
			continue
		}
		f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return fmt.Errorf("%s: %w", b.URL(path.Join(table, version, p.Name)), err)
		}
		n, err := printRows(w, f, rows)
		if err != nil {
			return err
		}
		rows -= n
	}
	return nil
}

// printLines prints the first lines of a table of JSON lines.
func printLines(w io.Writer, data []byte, rows int) int {
	n := 0
	for line := range bytes.Lines(data) {
		if n == rows {
			break
		}
		fmt.Fprintf(w, "\n  %s\n", printable(strings.TrimSuffix(string(line), "\n")))
		n++
	}
	return n
}

func printRows(w io.Writer, f *parquet.File, rows int) (int, error) {
	r := parquet.NewReader(f)
	defer r.Close()
	buf := make([]parquet.Row, 1)
	columns := f.Schema().Columns()
	for n := 0; ; n++ {
		if n == rows {
			return n, nil
		}
		k, err := r.ReadRows(buf)
		if k == 0 {
			if err == io.EOF {
				err = nil
			}
			return n, err
		}
		fmt.Fprintln(w)
		out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		buf[0].Range(func(column int, values []parquet.Value) bool {
			fmt.Fprintf(out, "  %s\t%s\n", columns[column][0], valueLine(values))
			return true
		})
		if err := out.Flush(); err != nil {
			return n, err
		}
	}
}

// valueLine writes the values of one column of a row; long lists are cut.
func valueLine(values []parquet.Value) string {
	const most = 12
	var parts []string
	for _, v := range values {
		if len(parts) == most {
			parts = append(parts, fmt.Sprintf("… (%d)", len(values)))
			break
		}
		if v.IsNull() {
			parts = append(parts, "null")
			continue
		}
		parts = append(parts, printable(v.String()))
	}
	return strings.Join(parts, ", ")
}
