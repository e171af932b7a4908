package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"foray/pipelines/job"
	"foray/schemas"
	"foray/transforms/lookup"
	"foray/transforms/store"
)

func lookupCommand() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use: "lookup KEY...", Short: "Print the planned clusters of keys", GroupID: "look",
		Long: `A KEY names the clusters that a user consumed last, oldest first, between commas:
their ids (12,40), or words of their descriptions ("espresso,bouldering"). Between
semicolons, whole descriptions with their commas can be given.`,
		Args:    cobra.MinimumNArgs(1),
		Example: "  foray lookup --output out 12,40\n  foray lookup --output out \"espresso,rock climbing\"",
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if o.output == "" {
			return job.UsageError("--output is missing: name the folder of the tables, such as --output out")
		}
		b, err := store.Open(cmd.Context(), o.output)
		if err != nil {
			return &job.Exit{Code: job.Failed, Err: err}
		}
		if _, err := store.Current(cmd.Context(), b, schemas.LookupTable); errors.Is(err, store.ErrNotExist) {
			return job.UsageError("%w; run foray plan first", err)
		}
		t, err := lookup.Open(cmd.Context(), b)
		if err != nil {
			return &job.Exit{Code: job.Failed, Err: err}
		}
		for _, arg := range args {
			key, err := parseKey(t, arg)
			if err != nil {
				return err
			}
			if err := printPlan(cmd.OutOrStdout(), t, key); err != nil {
				return &job.Exit{Code: job.Failed, Err: err}
			}
		}
		return nil
	}
	return withFlags(cmd, o, placeGroup)
}

// parseKey reads a key as ids, or as words that each fit one description.
func parseKey(t *lookup.Table, arg string) ([]int32, error) {
	separator := ","
	if strings.Contains(arg, ";") {
		separator = ";"
	}
	parts := strings.Split(arg, separator)
	if len(parts) != t.K() {
		return nil, job.UsageError("%q names %d clusters, keys of this table hold %d, such as 12,40: separate them by commas, or by semicolons where descriptions have commas", arg, len(parts), t.K())
	}
	var key []int32
	for _, part := range parts {
		part = strings.TrimSpace(part)
		if id, err := strconv.ParseInt(part, 10, 32); err == nil {
			if _, ok := t.Describe(int32(id)); !ok {
				return nil, job.UsageError("there is no cluster %d; clusters are %s", id, idRange(t.Leaves()))
			}
			key = append(key, int32(id))
			continue
		}
		found := t.Find(part)
		switch {
		case len(found) == 0:
			return nil, job.UsageError("no description holds the words %q", part)
		case len(found) > 1:
			return nil, job.UsageError("%d descriptions hold the words %q, give more of them or the id:\n%s", len(found), part, listClusters(t, found))
		}
		key = append(key, found[0])
	}
	for i, c := range key {
		for _, d := range key[:i] {
			if c == d {
				return nil, job.UsageError("%q names cluster %d twice: a key holds distinct clusters", arg, c)
			}
		}
	}
	return key, nil
}

func idRange(ids []int32) string {
	if len(ids) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d to %d", ids[0], ids[len(ids)-1])
}

func listClusters(t *lookup.Table, ids []int32) string {
	const most = 12
	var b strings.Builder
	for i, id := range ids {
		if i == most {
			fmt.Fprintf(&b, "  … and %d more", len(ids)-most)
			break
		}
		description, _ := t.Describe(id)
		fmt.Fprintf(&b, "  %d  %s\n", id, printable(description))
	}
	return strings.TrimRight(b.String(), "\n")
}

// printPlan prints a key, its plan and the candidates behind it in words.
func printPlan(w io.Writer, t *lookup.Table, key []int32) error {
	row, ok, err := t.Row(key...)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s\n", keyLine(key))
	for _, c := range key {
		description, _ := t.Describe(c)
		fmt.Fprintf(w, "    %s\n", printable(description))
	}
	switch {
	case !ok:
		fmt.Fprintln(w, "  → not in the table")
		return nil
	case row.Status != schemas.StatusOK:
		fmt.Fprintf(w, "  → %s\n", row.Status)
		return nil
	}
	for i, c := range row.Candidates {
		description, _ := t.Describe(c.Cluster)
		mark := "   "
		if i == 0 {
			mark = "  →"
		}
		fmt.Fprintf(w, "%s %d  %s  (score %.3g)\n", mark, c.Cluster, printable(description), c.Score)
	}
	return nil
}
