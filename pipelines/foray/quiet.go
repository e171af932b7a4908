package main

import (
	"os"

	beamlog "github.com/apache/beam/sdks/v2/go/pkg/beam/log"
)

// quiet keeps the runner's chatter off the terminal: what Foray has to say
// goes through its display. FORAY_LOG=debug, info or warn shows the rest.
func quiet() {
	level := "error"
	if text := os.Getenv("FORAY_LOG"); text == "debug" || text == "info" || text == "warn" {
		level = text
	}
	beamlog.SetupLogging(level, "text")
}
