package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"foray/pipelines/job"
	"foray/schemas"
	"foray/transforms/store"
	"foray/transforms/tablediff"
	"foray/transforms/tables"
)

func diffCommand() *cobra.Command {
	o := &options{}
	rows, format := 10, textFormat
	cmd := &cobra.Command{
		Use: "diff A B", Short: "Compare two versions of the lookup table: keys changed, plans gained and lost", GroupID: "look",
		Long: `A and B are tables, such as out/lookup (its published version), or versions, such
as out/lookup/v=20260102T030405.000Z. What is told of traffic is told of B's users.`,
		Args:    cobra.ExactArgs(2),
		Example: "  foray diff out/lookup/v=20260102T030405.000Z out/lookup",
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkFormat(format); err != nil {
			return err
		}
		var sides [2]side
		for i, arg := range args {
			var err error
			if sides[i], err = openSide(cmd.Context(), arg); err != nil {
				return err
			}
		}
		d := compareSides(sides[0], sides[1], max(rows, 0))
		var err error
		if format == jsonFormat {
			err = printJSON(cmd.OutOrStdout(), d)
		} else {
			err = d.print(cmd.OutOrStdout())
		}
		if err != nil {
			return &job.Exit{Code: job.Failed, Err: err}
		}
		return nil
	}
	return withFlags(cmd, o, group{"Output", func(_ *options, f *pflag.FlagSet) {
		f.IntVar(&rows, "rows", 10, "changed keys, and clusters, to print")
		formatFlag(f, &format)
	}})
}

// side is one of the tables compared.
type side struct {
	url      string
	manifest schemas.Manifest
	rows     []schemas.Lookup
	words    describer // empty where the clusters are gone
}

func openSide(ctx context.Context, arg string) (s side, err error) {
	b, table, version, err := openTable(ctx, arg)
	if err != nil {
		return s, err
	}
	if table != schemas.LookupTable {
		return s, job.UsageError("%s is no lookup table: diff compares versions of lookup/, such as out/lookup", arg)
	}
	s.url = b.URL(table + "/" + version)
	if s.rows, s.manifest, err = tables.ReadKeyed[schemas.Lookup](ctx, b, table, version); err == nil {
		s.words, err = readDescriptions(ctx, b, s.manifest.Parents[schemas.ClustersTable])
		if errors.Is(err, store.ErrNotExist) {
			s.words, err = describer{}, nil
		}
	}
	if err != nil {
		return s, &job.Exit{Code: job.Failed, Err: err}
	}
	return s, nil
}

// difference is what diff prints.
type difference struct {
	From diffSide `json:"from"`
	To   diffSide `json:"to"`
	// Renamed counts the leaves of both that have another description, of the
	// Leaves that both have: an id should go on to mean the same.
	Leaves  int `json:"clusters_in_both"`
	Renamed int `json:"clusters_renamed"`
	tablediff.Diff
	Clusters []changedCluster `json:"clusters"`
	Samples  []changedKey     `json:"samples"`
}

type diffSide struct {
	URL     string `json:"url"`
	Model   string `json:"model"`
	Keys    int    `json:"keys"`
	History int    `json:"history"`
}

type changedCluster struct {
	tablediff.Cluster
	Words string `json:"words"`
}

type changedKey struct {
	tablediff.Sample
	Words       []string `json:"key_words"`
	BeforeWords string   `json:"before_words"`
	AfterWords  string   `json:"after_words"`
}

func compareSides(a, b side, rows int) difference {
	d := difference{From: a.brief(), To: b.brief(), Diff: tablediff.Compare(a.rows, b.rows, rows), Clusters: []changedCluster{}, Samples: []changedKey{}}
	for id, words := range b.words {
		if before, ok := a.words[id]; ok {
			d.Leaves++
			if before != words {
				d.Renamed++
			}
		}
	}
	name := func(id *int32, words, others describer) string {
		if id == nil {
			return ""
		}
		if _, ok := words[*id]; !ok {
			words = others
		}
		return words.of(*id)
	}
	for _, c := range d.Diff.Clusters[:min(rows, len(d.Diff.Clusters))] {
		d.Clusters = append(d.Clusters, changedCluster{c, name(&c.Cluster, b.words, a.words)})
	}
	for _, s := range d.Diff.Samples {
		key := changedKey{Sample: s, BeforeWords: name(s.Before, a.words, b.words), AfterWords: name(s.After, b.words, a.words)}
		for _, c := range s.Key {
			key.Words = append(key.Words, name(&c, b.words, a.words))
		}
		d.Samples = append(d.Samples, key)
	}
	return d
}

func (s side) brief() diffSide {
	d := diffSide{URL: s.url, Model: printable(s.manifest.Model), Keys: len(s.rows)}
	if len(s.rows) > 0 {
		d.History = len(s.rows[0].Key)
	}
	return d
}

func (d difference) print(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range []struct {
		name string
		diffSide
	}{{"from", d.From}, {"to", d.To}} {
		fmt.Fprintf(out, "%s\t%s\t%d keys%s\n", s.name, s.URL, s.Keys, after(", ", s.Model))
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if d.From.History != d.To.History && d.From.Keys > 0 && d.To.Keys > 0 {
		fmt.Fprintf(w, "keys hold %d clusters before and %d after: no key is in both\n", d.From.History, d.To.History)
	}
	if d.Renamed > 0 {
		fmt.Fprintf(w, "%d of the %d clusters in both have another description now: what is called the same plan may mean another thing\n", d.Renamed, d.Leaves)
	}
	fmt.Fprintln(w)
	out = tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	keys := int64(0)
	for _, c := range d.Changes {
		keys += c.Keys
	}
	for _, c := range d.Changes {
		if c.Keys > 0 {
			fmt.Fprintf(out, "%s\t%d keys\t%.1f %%\t%.1f %% of users\t\n", c.Kind, c.Keys, 100*float64(c.Keys)/float64(keys), 100*c.Traffic)
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if d.Changes[0].Keys+d.Changes[1].Keys > 0 {
		fmt.Fprintf(w, "Of the keys with a plan in both, %.1f %% keep it; of their users, %.1f %%.\n", 100*d.Agreement, 100*d.AgreementByTraffic)
	}
	if len(d.Clusters) > 0 {
		fmt.Fprintln(w, "\nClusters whose plans changed most:")
		out = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, c := range d.Clusters {
			fmt.Fprintf(out, "  %d → %d keys\t%+.2f %% of users\t%s (%d)\n", c.Before, c.After, 100*c.Gained, c.Words, c.Cluster.Cluster)
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	if len(d.Samples) > 0 {
		fmt.Fprintln(w, "\nChanged keys with the most users:")
	}
	for _, s := range d.Samples {
		fmt.Fprintf(w, "\n%.3f %% of users · %s · %s\n", 100*s.Traffic, keyLine(s.Key), s.Kind)
		for _, words := range s.Words {
			fmt.Fprintf(w, "    %s\n", words)
		}
		if s.Before != nil {
			fmt.Fprintf(w, "  − %s (%d)\n", s.BeforeWords, *s.Before)
		}
		if s.After != nil {
			fmt.Fprintf(w, "  + %s (%d)\n", s.AfterWords, *s.After)
		}
	}
	return nil
}
