package progress

import (
	"fmt"
	"math"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// thousands writes 578360 as 578,360.
func thousands(n int64) string { return message.NewPrinter(language.English).Sprintf("%d", n) }

// perSecond writes a rate, with decimals where it is slow.
func perSecond(rate float64) string {
	switch {
	case rate < 9.995:
		return fmt.Sprintf("%.2f/s", rate)
	case rate < 99.95:
		return fmt.Sprintf("%.1f/s", rate)
	}
	return thousands(int64(math.Round(min(rate, math.MaxInt32)))) + "/s"
}

// elapsed is duration, with tenths below ten seconds.
func elapsed(d time.Duration) string {
	if tenths := d.Round(100 * time.Millisecond); tenths < 10*time.Second {
		return fmt.Sprintf("%.1f s", tenths.Seconds())
	}
	return duration(d)
}

// duration writes 9 s, 3 min 20 s, 2 h 05 min.
func duration(d time.Duration) string {
	seconds := int64(d.Round(time.Second) / time.Second)
	switch {
	case seconds < 60:
		return fmt.Sprintf("%d s", seconds)
	case seconds < 3600:
		return fmt.Sprintf("%d min %02d s", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%s h %02d min", thousands(seconds/3600), seconds/60%60)
}
