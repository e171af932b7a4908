// Package finetune has a provider fine-tune a model on chat examples, through
// OpenAI's fine-tuning API: examples are checked before they are uploaded, a
// job is created once and watched from any machine, and its checkpoints are
// handed to a judge.
//
//	t := &finetune.Tuner{Call: client.Call, Save: save, Judge: judge}
//	size, err := finetune.Check(training, finetune.OpenAILimits)
//	err = t.Start(ctx, &job, training, validation)
//	err = t.Watch(ctx, &job)      // again in another process, with the job that was saved
package finetune
