package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"foray/pipelines/job"
	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/planner"
	"foray/transforms/planning"
	"foray/transforms/store"
)

func publishCommand() *cobra.Command {
	o := &options{}
	to := ""
	cmd := &cobra.Command{
		Use: "publish", Short: "Point lookup/CURRENT at a finished version, if the gates hold",
		Example: "  foray publish --output out\n  foray publish --output out --to v=20260102T030405.000Z   # back to an older one",
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, end, err := command(cmd.Context(), o, cmd, 1)
		if err != nil {
			return err
		}
		defer end()
		versions, err := store.Versions(cmd.Context(), c.Bucket, schemas.LookupTable)
		if err != nil {
			return &job.Exit{Code: job.Failed, Err: err}
		}
		slices.Reverse(versions)
		switch {
		case len(versions) == 0:
			return job.UsageError("%s holds no finished version: run foray plan first", c.Bucket.URL(schemas.LookupTable))
		case to == "":
			to = versions[0]
		case !slices.Contains(versions, to):
			return job.UsageError("--to=%s is no finished version; these are, newest first:\n  %s", to, strings.Join(versions, "\n  "))
		}
		m, err := store.ReadManifest(cmd.Context(), c.Bucket, schemas.LookupTable, to)
		if err != nil {
			return &job.Exit{Code: job.Failed, Err: err}
		}
		why := o.refuses(m)
		if why == "" {
			if why, err = o.refusesRecall(cmd.Context(), c, m); err != nil {
				return &job.Exit{Code: job.Failed, Err: err}
			}
		}
		if why != "" {
			return &job.Exit{Code: job.Refused, Err: fmt.Errorf("%s is not published: %s", to, why)}
		}
		for _, p := range m.Parts {
			if _, err := store.ReadPart(cmd.Context(), c.Bucket, schemas.LookupTable, to, p); err != nil {
				return &job.Exit{Code: job.Failed, Err: fmt.Errorf("%s is not published: %w", to, err)}
			}
		}
		if err := publish(cmd.Context(), c, to); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "published %s\n", c.Bucket.URL(schemas.LookupTable+"/"+to))
		return nil
	}
	publishTo := group{"Publishing", func(_ *options, f *pflag.FlagSet) {
		f.StringVar(&to, "to", "", "version to publish, such as v=20260102T030405.000Z (default: the newest finished one)")
	}}
	return withFlags(cmd, o, placeGroup, publishTo, gatesGroup, recallGroup)
}

// refuses says which gate keeps a version from being published, or "".
func (o *options) refuses(m schemas.Manifest) string {
	t := commit.Tally{Counts: m.Counts}
	gates := []commit.Gate{planning.FailedGate(o.maxFailed)}
	if m.Options["planner"] == planner.OpenAI {
		gates = append(gates, planning.MatchGate(o.minMatchRate))
	}
	for _, g := range gates {
		if why := g.Check(t, nil); why != "" {
			return why
		}
	}
	return ""
}

// publish moves the pointer of lookup/, unless it points there already.
func publish(ctx context.Context, c *job.Command, version string) error {
	if current, err := store.Current(ctx, c.Bucket, schemas.LookupTable); err == nil && current == version {
		return nil
	}
	if err := store.Point(ctx, c.Bucket, schemas.LookupTable, version); err != nil {
		return &job.Exit{Code: job.Failed, Err: err}
	}
	return nil
}
