// Package once keeps what all bundles of a worker process share: each bundle
// may get its own DoFn value, so what is large is loaded once a process.
package once

import "sync"

// Cache loads each key's value at the first Get and keeps it. The zero value
// is ready; safe for concurrent use.
type Cache[K comparable, V any] struct {
	loads sync.Map // K → func() (V, error)
}

// Get gives the value of a key. Callers that come while it is loaded wait. An
// error is given to all of them and is not kept: the next Get tries again.
func (c *Cache[K, V]) Get(key K, load func() (V, error)) (V, error) {
	f, _ := c.loads.LoadOrStore(key, &call[V]{once: sync.OnceValues(load)})
	v, err := f.(*call[V]).once()
	if err != nil {
		c.loads.CompareAndDelete(key, f)
	}
	return v, err
}

// call is a pointer, so that a failed one can be told from its successor.
type call[V any] struct {
	once func() (V, error)
}
