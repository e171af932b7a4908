// Package bundle lets a DoFn work on the elements of a bundle at once.
//
// The in-process runner gives a stage one bundle and that bundle's elements
// one by one, so that only a DoFn itself can use more than one core; and
// emitters are for one goroutine. So tasks run beside the goroutine that the
// runner calls on, and hand what is to be emitted over to it.
package bundle

import (
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// Work is the work of one bundle; T is what tasks give. The zero value is
// ready. Go and Wait are for the runner's goroutine.
type Work[T any] struct {
	tasks *tasks[T] // nil before the first
}

type tasks[T any] struct {
	group *errgroup.Group
	ctx   context.Context
	run   chan struct{} // holds a token for each task that runs
	given chan T
}

// ahead is how many things tasks may have given that were not yet taken: a
// task that is further ahead waits.
const ahead = 64

// AtOnce is how many tasks run at once: one a core, and two at least, so that
// one goes on while another waits for what is not in this process.
func AtOnce() int { return max(2, runtime.GOMAXPROCS(0)) }

// Go starts a task; it waits while AtOnce run. A task calls give from its own goroutine only. What tasks have given
// meanwhile is taken here, by the caller's goroutine. An error is that of an
// earlier task; the work is over then.
func (w *Work[T]) Go(ctx context.Context, task func(ctx context.Context, give func(T)) error, take func(T)) error {
	if w.tasks == nil {
		t := &tasks[T]{run: make(chan struct{}, AtOnce()), given: make(chan T, ahead)}
		t.group, t.ctx = errgroup.WithContext(ctx)
		w.tasks = t
	}
	t := w.tasks
	for {
		select {
		case t.run <- struct{}{}:
			t.group.Go(func() error {
				defer func() { <-t.run }()
				return t.do(task)
			})
			return nil
		case v := <-t.given:
			take(v)
		case <-t.ctx.Done():
			return w.Wait(take)
		}
	}
}

func (t *tasks[T]) do(task func(context.Context, func(T)) error) error {
	err := task(t.ctx, func(v T) {
		select {
		case t.given <- v:
		case <-t.ctx.Done(): // the bundle fails, and nobody takes any more
		}
	})
	if err == nil {
		err = t.ctx.Err()
	}
	return err
}

// Wait takes what the tasks give until all have ended; an error is that of
// the first task that failed. The Work is then ready for the next bundle.
func (w *Work[T]) Wait(take func(T)) error {
	t := w.tasks
	if t == nil {
		return nil
	}
	w.tasks = nil
	var err error
	go func() {
		err = t.group.Wait()
		close(t.given)
	}()
	for v := range t.given {
		take(v)
	}
	return err
}
