package main

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"foray/llm"
	"foray/pipelines/finetune"
	"foray/pipelines/job"
)

// finetuneCommand has flags of its own beside those of the endpoint.
func finetuneCommand() *cobra.Command {
	o := &options{}
	var f finetune.Options
	tuningGroup := group{"Fine-tuning", func(o *options, flags *pflag.FlagSet) {
		flags.IntVar(&f.Epochs, "epochs", 0, "passes over the examples (default: as the provider thinks best)")
		flags.StringVar(&f.Suffix, "suffix", "foray", "part of the new model's name")
		flags.IntVar(&f.HeldOut, "held_out", 200, "examples of validation/ that each checkpoint is judged on; 0 judges none")
		flags.StringVar(&f.Job, "job", "", "id of a job that was created elsewhere, to watch or to cancel (default: the one of this training data, model and options)")
		flags.BoolVar(&f.Cancel, "cancel", false, "have the provider stop the job")
		flags.DurationVar(&f.Poll, "poll", 10*time.Second, "pause between two looks at the job")
		flags.Float64Var(&f.TrainingPrice, "training_price", 0, "price of a million tokens of training, in dollars")
		flags.BoolVar(&f.Estimate, "estimate", false, "print what would be uploaded and what it costs, and stop")
	}}
	endpointGroup := group{"Model", func(o *options, flags *pflag.FlagSet) {
		all := pflag.NewFlagSet("", pflag.ContinueOnError)
		modelGroup.flags(o, all)
		for _, name := range []string{"llm_endpoint", "llm_model", "llm_api_key_env", "llm_api_key_file", "llm_concurrency", "llm_timeout", "llm_max_tokens"} {
			flags.AddFlag(all.Lookup(name))
		}
	}}
	cmd := &cobra.Command{
		Use:   "finetune",
		Short: "Have a provider fine-tune a model on training/, and judge its checkpoints",
		Long: `Uploads what foray curate wrote to an endpoint with OpenAI's fine-tuning API,
starts a job and watches it. Stopped, the same command watches again: a job is
created once. scripts/finetune_local does without a provider.`,
		Example: "  foray finetune --llm_endpoint https://api.openai.com/v1 --llm_model gpt-4o-mini-2024-07-18 --llm_api_key_env OPENAI_API_KEY --output out",
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case o.model.Name == "":
			return job.UsageError("--llm_model is missing: give the name of the model to start from")
		case o.model.Endpoint == "" && !f.Estimate:
			return job.UsageError("--llm_endpoint is missing: give the base URL of the provider, such as https://api.openai.com/v1")
		case f.Epochs < 0 || f.HeldOut < 0 || f.Poll <= 0 || !(f.TrainingPrice >= 0) || o.model.Concurrency < 1 || o.model.Timeout <= 0:
			return job.UsageError("--epochs=%d --held_out=%d --poll=%v --training_price=%g --llm_concurrency=%d --llm_timeout=%v: want none below 0, and pauses, calls and times above it",
				f.Epochs, f.HeldOut, f.Poll, f.TrainingPrice, o.model.Concurrency, o.model.Timeout)
		}
		if !f.Estimate {
			if _, err := llm.NewClient(llm.ClientConfig{Endpoint: o.model.Endpoint}); err != nil {
				return job.UsageError("--llm_endpoint: %w", err)
			}
			if _, err := o.model.Key(); err != nil {
				return job.UsageError("%w", err)
			}
		}
		c, end, err := command(cmd.Context(), o, cmd, 1)
		if err != nil {
			return err
		}
		defer end()
		f.Model = o.model
		return finetune.Run(cmd.Context(), c, f)
	}
	return withFlags(cmd, o, placeGroup, endpointGroup, tuningGroup)
}
