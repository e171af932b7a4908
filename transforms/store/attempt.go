package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"slices"
	"sort"

	"foray/schemas"
)

const attempts = "_attempts"

// Receipt says that one attempt at one shard of a version is durable. A
// runner may run a shard twice, even at once, so a shard can have several.
type Receipt struct {
	Table string
	// Shard counts from 0 to Shards−1.
	Shard, Shards int
	// Attempt is the name that the attempt lies under.
	Attempt string
	// Ext is the extension of the part that it becomes.
	Ext    string
	Rows   int64
	Bytes  int64
	SHA256 string
}

// WriteAttempt stores what write writes as an attempt at one shard of a
// version, and gives its receipt. write returns the number of rows.
func WriteAttempt(ctx context.Context, b Bucket, table, version string, shard, shards int, ext string, write func(io.Writer) (int64, error)) (Receipt, error) {
	r := Receipt{
		Table: table, Shard: shard, Shards: shards, Ext: ext,
		Attempt: path.Join(table, attempts, version, fmt.Sprintf("shard-%05d-%s%s", shard, rand.Text()[:12], ext)),
	}
	err := b.Put(ctx, r.Attempt, IfAbsent, func(w io.Writer) (err error) {
		sum := &summer{w: w, hash: sha256.New()}
		if r.Rows, err = write(sum); err != nil {
			return err
		}
		r.Bytes, r.SHA256 = sum.bytes, hex.EncodeToString(sum.hash.Sum(nil))
		return nil
	})
	return r, err
}

type summer struct {
	w     io.Writer
	hash  hash.Hash
	bytes int64
}

func (s *summer) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.hash.Write(p[:n])
	s.bytes += int64(n)
	return n, err
}

// Commit makes a finished version out of attempts: of each shard the attempt
// with the lowest name, placed under its part's name, then the manifest, for
// which m gives everything but the parts. Run again after a crash with the
// same receipts it finishes what was begun; a version that is finished stays
// as it is, and other content for it is an error. It does not move CURRENT.
func Commit(ctx context.Context, b Bucket, m schemas.Manifest, receipts []Receipt) (schemas.Manifest, error) {
	receipts = append([]Receipt(nil), receipts...)
	sort.Slice(receipts, func(i, j int) bool {
		if receipts[i].Shard != receipts[j].Shard {
			return receipts[i].Shard < receipts[j].Shard
		}
		return receipts[i].Attempt < receipts[j].Attempt
	})
	if len(receipts) == 0 {
		return m, fmt.Errorf("commit %s %s: no shard was written", m.Table, m.Version)
	}
	var winners []Receipt
	for _, r := range receipts {
		if len(winners) == 0 || winners[len(winners)-1].Shard != r.Shard {
			winners = append(winners, r)
		}
	}
	for i, r := range winners {
		if r.Table != m.Table || r.Shards != len(winners) || r.Shard != i {
			return m, fmt.Errorf("commit %s %s: got %d shards of %d (%s shard %d stands at place %d)", m.Table, m.Version, len(winners), r.Shards, r.Table, r.Shard, i)
		}
	}
	m.SchemaVersion = schemas.Version
	m.Parts = nil
	for i, r := range winners {
		m.Parts = append(m.Parts, schemas.Part{Name: PartName(i, len(winners), r.Ext), Rows: r.Rows, Bytes: r.Bytes, SHA256: r.SHA256})
	}
	have, err := ReadManifest(ctx, b, m.Table, m.Version)
	switch {
	case err == nil && !slices.Equal(have.Parts, m.Parts):
		return have, fmt.Errorf("commit %s %s: %s is finished and holds other content: versions never change, write a new one",
			m.Table, m.Version, b.URL(path.Join(m.Table, m.Version)))
	case err == nil:
		return have, RemoveAttempts(ctx, b, m.Table, m.Version)
	case !errors.Is(err, ErrNotExist):
		return m, fmt.Errorf("commit %s %s: %w", m.Table, m.Version, err)
	}
	for i, r := range winners {
		if err := place(ctx, b, r, path.Join(m.Table, m.Version, m.Parts[i].Name)); err != nil {
			return m, fmt.Errorf("commit %s %s: %w", m.Table, m.Version, err)
		}
	}
	if err := WriteManifest(ctx, b, m); err != nil {
		return m, fmt.Errorf("commit %s %s: %w", m.Table, m.Version, err)
	}
	return m, RemoveAttempts(ctx, b, m.Table, m.Version)
}

// place moves an attempt to its part's name, unless an earlier commit of the
// same receipts did.
func place(ctx context.Context, b Bucket, r Receipt, part string) error {
	err := b.Move(ctx, r.Attempt, part)
	if !errors.Is(err, ErrNotExist) {
		return err
	}
	if info, staterr := b.Stat(ctx, part); staterr == nil && info.Size == r.Bytes {
		return nil
	}
	return err
}

// RemoveAttempts deletes what attempts at a version left behind.
func RemoveAttempts(ctx context.Context, b Bucket, table, version string) error {
	return removeAll(ctx, b, path.Join(table, attempts, version)+"/")
}

func removeAll(ctx context.Context, b Bucket, prefix string) error {
	infos, err := b.List(ctx, prefix)
	if err != nil {
		return err
	}
	for _, info := range infos {
		if err := b.Remove(ctx, info.Name); err != nil {
			return err
		}
	}
	return nil
}
