package paidlog

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"foray/llm"
)

// BenchmarkWhole appends, seals and loads the answers for all pairs of 761
// clusters, from 64 goroutines.
func BenchmarkWhole(b *testing.B) {
	const clusters = 761
	ctx := context.Background()
	for b.Loop() {
		dir := b.TempDir()
		l := open(b, dir)
		start := time.Now()
		var wg sync.WaitGroup
		for g := range 64 {
			wg.Go(func() {
				for i := g; i < clusters*(clusters-1); i += 64 {
					r := record(i, clusters, "")
					r.Key = []int32{int32(i / (clusters - 1)), int32(i % (clusters - 1))}
					r.Text = fmt.Sprintf("New cluster: some phrases of cluster %d, and others, and yet another one of these", i%clusters)
					if err := l.Append(ctx, r); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		n := float64(clusters * (clusters - 1))
		b.ReportMetric(n/time.Since(start).Seconds(), "appends/s")
		start = time.Now()
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "s-to-seal")
		l = nil
		before := heap()
		start = time.Now()
		again := open(b, dir)
		if err := again.Load(ctx, 0, clusters-1); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "s-to-load")
		b.ReportMetric(float64(heap()-before)/1e6, "MB-loaded")
		if _, ok, err := again.Lookup(ctx, llm.ID(idOf(77)), []int32{0}); !ok || err != nil {
			b.Fatal(ok, err)
		}
		if err := again.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
