package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Parallel calls work(lo, hi) for consecutive blocks of at most size rows that
// cover 0 … n−1, on up to GOMAXPROCS goroutines, and returns when all are
// done. Blocks are the same on any number of cores, so a result is too if
// each call writes only what belongs to its own rows. size must be positive.
func Parallel(n, size int, work func(lo, hi int)) {
	blocks := (n + size - 1) / size
	workers := min(runtime.GOMAXPROCS(0), blocks)
	if workers <= 1 {
		for lo := 0; lo < n; lo += size {
			work(lo, min(lo+size, n))
		}
		return
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for {
				block := int(next.Add(1)) - 1
				if block >= blocks {
					return
				}
				work(block*size, min((block+1)*size, n))
			}
		})
	}
	wait.Wait()
}
