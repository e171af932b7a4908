package read

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"foray/transforms/commit"
)

// BenchmarkEachRow reads rows of user, item and time, 25 bytes each.
func BenchmarkEachRow(b *testing.B) {
	const rows = 100_000
	rng := rand.New(rand.NewPCG(1, 1))
	var text strings.Builder
	text.WriteString("user_id,item_id,timestamp\n")
	for range rows {
		fmt.Fprintf(&text, "%06d,%06d,%d\n", rng.IntN(1e6), rng.IntN(1e4), 1_300_000_000+rng.IntN(1e8))
	}
	path := filepath.Join(b.TempDir(), "events.csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		b.Fatal(err)
	}
	s, err := InspectEvents(b.Context(), EventsSpec{Pattern: path, User: "user_id", Item: "item_id", Time: "timestamp"})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		r, err := s.eachRow(b.Context(), s.Splits[0], EventRowsRejected, commit.NewRejects(""), func(*rowReader) error { return nil })
		if err != nil || r.Read != rows || r.Rejected != 0 {
			b.Fatal(r.Read, r.Rejected, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
