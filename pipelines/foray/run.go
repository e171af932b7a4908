package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"foray/pipelines/cluster"
	"foray/pipelines/curate"
	"foray/pipelines/evaluate"
	"foray/pipelines/job"
	"foray/pipelines/plan"
	"foray/pipelines/recommend"
	"foray/schemas"
	"foray/transforms/commit"
	"foray/transforms/once"
	"foray/transforms/planning"
	"foray/transforms/read"
	"foray/transforms/store"
)

// runStages is the number of jobs of foray run.
const runStages = 6

func runCommand() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use: "run", Short: "Do all stages, skipping those done already for the same inputs and options", GroupID: "all",
		Example: "  foray run --items items.csv --events events.csv --output out",
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if job.Detached() {
			return job.UsageError("run goes from one job to the next, and cannot see that one ends with --dry_run, --async or --template_location: launch the stages one by one")
		}
		c, end, err := command(cmd.Context(), o, cmd, runStages)
		if err != nil {
			return err
		}
		c.Resume = true
		o.Inspected = new(once.Cache[read.EventsSpec, read.EventSource])
		err = runAll(cmd.Context(), c, o)
		if ended := finish(cmd.Context(), c); err == nil {
			err = ended
		}
		end()
		if err == nil && o.insteadOfPlan() == nil {
			fmt.Fprintf(cmd.OutOrStdout(), "table   %s\nreport  %s\n", c.Bucket.URL(schemas.LookupTable), c.Bucket.URL("report/index.html"))
		}
		return err
	}
	return withFlags(cmd, o, outputGroup, itemsGroup, eventsGroup, formatGroup, cutGroup, clusterGroup, embedGroup, keysGroup, partsGroup, plannerGroup,
		promptGroup, modelGroup, modeGroup, trainingGroup, slatesGroup, gatesGroup, recallGroup, runnerGroup)
}

// finish ends a command of several stages: its rejects become a table, and old
// versions go. Also done where a stage failed or was stopped.
func finish(ctx context.Context, c *job.Command) error {
	if c.Ran == 0 {
		return nil
	}
	if err := commit.Finish(context.WithoutCancel(ctx), c.Bucket, c.Version, c.Keep); err != nil {
		return &job.Exit{Code: job.Failed, Err: err}
	}
	return nil
}

// runAll does the stages in their order. A plan that a gate refuses is judged
// all the same, so that the report can say why, and then not published.
func runAll(ctx context.Context, c *job.Command, o *options) error {
	clustered, err := cluster.Run(ctx, c, o.forCluster())
	if err != nil {
		return err
	}
	curating, err := o.forCurate()
	if err != nil {
		return err
	}
	curating.Clusters = clustered.Versions[schemas.ClustersTable]
	curating.ItemClusters = clustered.Versions[schemas.ItemClustersTable]
	curated, err := curate.Run(ctx, c, curating)
	if err != nil {
		return err
	}
	plans, err := o.forPlan()
	if err != nil {
		return err
	}
	plans.Publish = false
	plans.From = planning.Versions{
		Clusters:    curating.Clusters,
		Transitions: curated.Versions[schemas.TransitionsTable],
		Keys:        curated.Versions[schemas.KeysTable],
	}
	if instead := o.insteadOfPlan(); instead != nil {
		return instead(ctx, c, plans)
	}
	planned, err := plan.Run(ctx, c, plans)
	var refused *job.Exit
	if err != nil && (!errors.As(err, &refused) || refused.Code != job.Refused) {
		return err
	}
	lookup := planned.Versions[schemas.LookupTable]
	recommending := o.forRecommend()
	recommending.Lookup, recommending.ItemClusters = lookup, curating.ItemClusters
	trained, err := recommend.Train(ctx, c, recommending)
	if err != nil {
		return err
	}
	recommending.ItemPolicy = trained.Versions[schemas.ItemPolicyTable]
	recommending.Unpublished = refused != nil // slates of plans that nobody is to see
	recommended, err := recommend.Run(ctx, c, recommending)
	if err != nil {
		return err
	}
	judging := o.forEvaluate()
	judging.Lookup, judging.Recommendations = lookup, recommended.Versions[schemas.RecommendationsTable]
	if _, err := evaluate.Run(ctx, c, judging); err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	m, err := store.ReadManifest(ctx, c.Bucket, schemas.LookupTable, lookup)
	if err != nil {
		return &job.Exit{Code: job.Failed, Err: err}
	}
	if why, err := o.refusesRecall(ctx, c, m); err != nil {
		return &job.Exit{Code: job.Failed, Err: err}
	} else if why != "" {
		return &job.Exit{Code: job.Refused, Err: fmt.Errorf("%s is not published: %s", lookup, why)}
	}
	return publish(ctx, c, lookup)
}
