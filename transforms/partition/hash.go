// Package partition takes users' events through a shuffle: users are hashed to
// partitions, a partition's events travel as packed blocks, and behind the
// shuffle they are dealt out to their users again.
//
// A runner spends about a kilobyte and some microseconds on an element,
// whatever is in it, and the in-process runner keeps all elements in memory.
// So no event is ever an element of its own, and where the workers share a
// disk the blocks are spilled.
package partition

import "github.com/cespare/xxhash/v2"

// Partitions is the number of partitions that users are hashed to.
const Partitions = 64

// userBits of a user's hash travel in a block, beside the partition's six: 54
// bits in all, so that ten million users meet two of one hash with a
// probability of 0.3 %.
const userBits = 48

// Of parts a user's hash into partition and rest.
func Of(id []byte) (partition int, rest int64) { return split(xxhash.Sum64(id)) }

func split(h uint64) (partition int, rest int64) {
	return int(h % Partitions), int64(h / Partitions & (1<<userBits - 1))
}

// FullHash joins the hash of a user within a partition with the partition.
func FullHash(partition int, rest int64) int64 { return rest*Partitions + int64(partition) }

// HashUser is the FullHash of a user id.
func HashUser(id string) int64 { return FullHash(split(xxhash.Sum64String(id))) }
