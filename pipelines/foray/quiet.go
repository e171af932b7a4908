package main

import (
	"log/slog"
	"os"

	beamlog "github.com/apache/beam/sdks/v2/go/pkg/beam/log"

	"foray/pipelines/job"
)

// quiet keeps the runner's chatter off the terminal: what Foray has to say
// goes through its display. FORAY_LOG=debug, info, warn or error shows the rest.
func quiet() {
	level := os.Getenv("FORAY_LOG")
	switch {
	case level == "debug" || level == "info" || level == "warn" || level == "error":
		beamlog.SetupLogging(level, "text")
	case job.InProcess():
		// What fails comes back as the job's error; the log says it five times.
		slog.SetDefault(slog.New(slog.DiscardHandler))
	default:
		beamlog.SetupLogging("error", "text")
	}
}
