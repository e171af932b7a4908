package paidlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"foray/llm"
	"foray/transforms/store"
)

// seal turns the records of a log file into a part for each of their folders,
// then removes the file. The parts are named after the file, so that sealing
// it again after a crash writes the same ones.
//
// It holds the records of one folder at a time.
func seal(ctx context.Context, b store.Bucket, file io.ReaderAt, path string, places []place) error {
	unique := strings.TrimSuffix(filepath.Base(path), logSuffix)
	// Stable, so that the records of a folder stay in the order of the file.
	slices.SortStableFunc(places, func(a, b place) int { return int(a.start) - int(b.start) })
	for len(places) > 0 {
		start := places[0].start
		n := slices.IndexFunc(places, func(p place) bool { return p.start != start })
		if n < 0 {
			n = len(places)
		}
		records, err := readRecords(file, places[:n])
		if err != nil {
			return err
		}
		if err := b.Put(ctx, partName(start, unique), store.Always, func(w io.Writer) error { return writePart(w, records) }); err != nil {
			return err
		}
		places = places[n:]
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func readRecords(file io.ReaderAt, places []place) ([]*llm.Record, error) {
	records := make([]*llm.Record, len(places))
	var buf []byte
	for i, p := range places {
		buf = slices.Grow(buf[:0], int(p.length))[:p.length]
		if n, err := file.ReadAt(buf, p.offset); n < len(buf) {
			return nil, early(err)
		}
		var err error
		if records[i], err = parseRecord(buf); err != nil {
			return nil, fmt.Errorf("record at offset %d: %w", p.offset, err)
		}
	}
	return records, nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
