//go:build !amd64

package kernel

// paths returns the paths that this processor has, the fastest first.
func paths() []*path {
	return []*path{&portable}
}
