package main

import (
	"log/slog"
	"os"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	beamlog "github.com/apache/beam/sdks/v2/go/pkg/beam/log"

	"foray/pipelines/job"
)

// initQuietly makes Beam ready and keeps the runner's chatter off the
// terminal: what Foray has to say goes through its display.
// FORAY_LOG=debug, info, warn or error shows the rest.
func initQuietly() {
	level := os.Getenv("FORAY_LOG")
	shown := level == "debug" || level == "info" || level == "warn" || level == "error"
	if !shown {
		level = "error"
	}
	beamlog.SetupLogging(level, "text")
	beam.Init()
	if !shown && job.RunnerHere() {
		// What fails comes back as the job's error; the log says it five times.
		slog.SetDefault(slog.New(slog.DiscardHandler))
	}
}
