package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
		if to == "" {
			versions, err := store.Versions(cmd.Context(), c.Bucket, schemas.LookupTable)
			if err != nil {
				return &job.Exit{Code: job.Failed, Err: err}
			}
			if len(versions) == 0 {
				return job.UsageError("%s holds no finished version: run foray plan first", c.Bucket.URL(schemas.LookupTable))
			}
			to = versions[len(versions)-1]
		}
		m, err := store.ReadManifest(cmd.Context(), c.Bucket, schemas.LookupTable, to)
		if err != nil {
			return notAVersion(cmd.Context(), c, err)
		}
		if why := o.refuses(m); why != "" {
			return &job.Exit{Code: job.Refused, Err: fmt.Errorf("%s is not published: %s", to, why)}
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
	return withFlags(cmd, o, outputGroup, publishTo, gatesGroup)
}

// refuses says which gate keeps a version from being published, or "".
func (o *options) refuses(m schemas.Manifest) string {
	t := commit.Tally{Counts: m.Counts}
	gates := []commit.Gate{planning.FailedGate(o.maxFailed)}
	if m.Options["planner"] == planner.OpenAI {
		gates = append(gates, planning.MatchGate(o.minMatchRate))
	}
	for _, g := range gates {
		if why := g.Check(t); why != "" {
			return why
		}
	}
	return ""
}

// publish moves the pointer of lookup/.
func publish(ctx context.Context, c *job.Command, version string) error {
	if err := store.Point(ctx, c.Bucket, schemas.LookupTable, version); err != nil {
		return &job.Exit{Code: job.Failed, Err: err}
	}
	return nil
}

// notAVersion says which versions there are.
func notAVersion(ctx context.Context, c *job.Command, err error) error {
	versions, listErr := store.Versions(ctx, c.Bucket, schemas.LookupTable)
	if listErr != nil || !errors.Is(err, store.ErrNotExist) {
		return &job.Exit{Code: job.Failed, Err: err}
	}
	slices.Reverse(versions)
	return job.UsageError("%w; finished versions, newest first: %v", err, versions)
}
