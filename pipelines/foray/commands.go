package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"foray/pipelines/cluster"
	"foray/pipelines/curate"
	"foray/pipelines/evaluate"
	"foray/pipelines/job"
	"foray/pipelines/plan"
	"foray/pipelines/recommend"
	"foray/schemas"
	"foray/transforms/progress"
	"foray/transforms/store"
)

const rootLong = `Foray makes a table of novel interests: for every pair of interest clusters that
a user may have had last, a cluster that such a user may come to love.

Start with foray run, or one stage at a time: cluster, curate, plan, train,
recommend, evaluate, publish. Look at what they wrote with inspect and lookup.

Exit codes: 0 done · 1 failed · 2 usage · 3 a quality gate refused to publish ·
4 stopped by budget, spent quota or signal: run the same command again to go on.`

func newRoot(out, errs io.Writer) *cobra.Command {
	cobra.EnableCommandSorting = false // in the order of the flow
	root := &cobra.Command{
		Use:           "foray",
		Short:         "Interest exploration: clusters, plans and a table to serve them from",
		Long:          rootLong,
		SilenceErrors: true,
		SilenceUsage:  true,
		Example:       "  foray run --items items.csv --events events.csv --output out",
	}
	root.SetOut(out)
	root.SetErr(errs)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddGroup(&cobra.Group{ID: "all", Title: "All of it:"}, &cobra.Group{ID: "stages", Title: "Stages:"}, &cobra.Group{ID: "look", Title: "Look at tables:"})
	for _, c := range []*cobra.Command{
		runCommand(), clusterCommand(), curateCommand(), finetuneCommand(), planCommand(), trainCommand(), recommendCommand(), evaluateCommand(), publishCommand(),
		inspectCommand(), diffCommand(), lookupCommand(),
	} {
		if c.GroupID == "" {
			c.GroupID = "stages"
		}
		if c.Args == nil {
			c.Args = cobra.NoArgs
		}
		root.AddCommand(c)
	}
	return root
}

// command begins a run of a command of so many stages.
func command(ctx context.Context, o *options, cmd *cobra.Command, stages int) (*job.Command, func(), error) {
	if o.output == "" {
		return nil, nil, job.UsageError("--output is missing: name the folder for the tables, such as --output out")
	}
	// The runners' flags were parsed through ours.
	if !flag.Parsed() {
		if err := flag.CommandLine.Parse(nil); err != nil {
			return nil, nil, err
		}
	}
	initQuietly()
	b, err := store.Open(ctx, o.output)
	if err != nil {
		return nil, nil, &job.Exit{Code: job.Failed, Err: err}
	}
	unlock, err := job.Lock(o.output)
	if err != nil {
		return nil, nil, err
	}
	c := &job.Command{
		Output: o.output, Bucket: b, Version: store.NewVersion(time.Now()), Keep: o.keepVersions, Stages: stages,
		Display: progress.Start(os.Stderr, term.IsTerminal(int(os.Stderr.Fd()))),
	}
	c.Say = func(format string, args ...any) { fmt.Fprintf(c.Display, format+"\n", args...) }
	return c, func() {
		defer unlock()
		c.Display.Stop()
		if len(c.Rows) > 0 {
			// A closing table that cannot be shown is no failure of the run.
			_ = progress.Summary(cmd.ErrOrStderr(), c.Rows)
		}
	}, nil
}

// stageCommand is a command of one stage.
func stageCommand(use, short, example string, groups []group, stage func(context.Context, *job.Command, *options) (job.Result, error)) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{Use: use, Short: short, Example: "  " + example}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, end, err := command(cmd.Context(), o, cmd, 1)
		if err != nil {
			return err
		}
		r, err := stage(cmd.Context(), c, o)
		end()
		for _, t := range r.Published {
			fmt.Fprintf(cmd.OutOrStdout(), "published %s\n", c.Bucket.URL(t+"/"+c.Version))
		}
		if v := r.Versions[schemas.LookupTable]; v != "" && err == nil && !r.Submitted && !slices.Contains(r.Published, schemas.LookupTable) {
			fmt.Fprintf(cmd.OutOrStdout(), "wrote %s; to publish it: foray publish --output %s --to %s\n", c.Bucket.URL(schemas.LookupTable+"/"+v), o.output, v)
		}
		return err
	}
	return withFlags(cmd, o, groups...)
}

func clusterCommand() *cobra.Command {
	return stageCommand("cluster", "Group items into interest clusters, named by keywords",
		"foray cluster --items items.csv --events events.csv --output out",
		[]group{outputGroup, itemsGroup, eventsGroup, formatGroup, cutGroup, clusterGroup, embedGroup, nameGroup, runnerGroup},
		func(ctx context.Context, c *job.Command, o *options) (job.Result, error) {
			return cluster.Run(ctx, c, o.forCluster())
		})
}

func curateCommand() *cobra.Command {
	return stageCommand("curate", "Count transitions between clusters and write training examples",
		"foray curate --events events.csv --output out",
		[]group{outputGroup, eventsGroup, formatGroup, cutGroup, keysGroup, partsGroup, trainingGroup, promptGroup, runnerGroup},
		func(ctx context.Context, c *job.Command, o *options) (job.Result, error) {
			options, err := o.forCurate()
			if err != nil {
				return job.Result{}, err
			}
			return curate.Run(ctx, c, options)
		})
}

func planCommand() *cobra.Command {
	return stageCommand("plan", "Plan a novel cluster for every key, and publish the table",
		"foray plan --planner openai --llm_endpoint http://localhost:8000/v1 --llm_model m --output out",
		[]group{outputGroup, plannerGroup, keysGroup, partsGroup, promptGroup, modelGroup, modeGroup, gatesGroup, publishGroup, runnerGroup},
		func(ctx context.Context, c *job.Command, o *options) (job.Result, error) {
			options, err := o.forPlan()
			if err != nil {
				return job.Result{}, err
			}
			if instead := o.insteadOfPlan(); instead != nil {
				return job.Result{}, instead(ctx, c, options)
			}
			return plan.Run(ctx, c, options)
		})
}

func trainCommand() *cobra.Command {
	return stageCommand("train", "Count the item policy that picks items inside clusters",
		"foray train --events events.csv --output out",
		[]group{outputGroup, eventsGroup, formatGroup, partsGroup, runnerGroup},
		func(ctx context.Context, c *job.Command, o *options) (job.Result, error) {
			return recommend.Train(ctx, c, o.forRecommend())
		})
}

func recommendCommand() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{Use: "recommend", Short: "Fill every user's slate: planned clusters beside the policy's own choice",
		Example: "  foray recommend --events events.csv --output out"}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, end, err := command(cmd.Context(), o, cmd, 2)
		if err != nil {
			return err
		}
		defer end()
		c.Resume = true // an item policy for the same events serves again
		return recommendStages(cmd.Context(), c, o, o.forRecommend())
	}
	return withFlags(cmd, o, outputGroup, tableGroup, eventsGroup, formatGroup, slatesGroup, partsGroup, runnerGroup)
}

// recommendStages trains the item policy, then recommends with it. A launcher
// that does not see jobs end recommends with the policy trained last.
func recommendStages(ctx context.Context, c *job.Command, o *options, opts recommend.Options) error {
	if job.Detached() {
		c.Stages--
		_, err := recommend.Run(ctx, c, opts)
		return err
	}
	trained, err := recommend.Train(ctx, c, opts)
	if err != nil {
		return err
	}
	c.Stages--
	c.Resume = false // slates are asked for anew
	opts.ItemPolicy = trained.Versions[schemas.ItemPolicyTable]
	_, err = recommend.Run(ctx, c, opts)
	return err
}

func evaluateCommand() *cobra.Command {
	return stageCommand("evaluate", "Judge the plans by what users did later; write metrics and the report",
		"foray evaluate --items items.csv --events events.csv --output out",
		[]group{outputGroup, tableGroup, judgeGroup, itemsGroup, eventsGroup, formatGroup, cutGroup, runnerGroup},
		func(ctx context.Context, c *job.Command, o *options) (job.Result, error) {
			return evaluate.Run(ctx, c, o.forEvaluate())
		})
}
