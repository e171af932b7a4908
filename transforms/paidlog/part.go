package paidlog

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"
	"github.com/parquet-go/parquet-go"

	"foray/llm"
	"foray/transforms/tables"
)

// sumKey names, in a part's metadata, the sum of its ids and answers. Parquet
// itself covers neither its footer nor its page headers by a checksum.
const sumKey = "foray.answers.xxhash64"

const rowGroupRows = 65536

// writePart writes records as a Parquet part, sorted by id. Of records with
// one id the first stays. The same records give the same bytes.
func writePart(w io.Writer, records []*llm.Record) error {
	records = slices.Clone(records)
	slices.SortStableFunc(records, func(a, b *llm.Record) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	records = slices.CompactFunc(records, func(a, b *llm.Record) bool { return a.ID == b.ID })

	pw := parquet.NewGenericWriter[Row](w,
		tables.Compression,
		parquet.MaxRowsPerRowGroup(rowGroupRows),
		parquet.SortingWriterConfig(parquet.SortingColumns(parquet.Ascending("id"))),
		parquet.CreatedBy("foray", "1", ""))
	sum := xxhash.New()
	rows := make([]Row, 0, min(len(records), 4096))
	for chunk := range slices.Chunk(records, 4096) {
		rows = rows[:0]
		for _, r := range chunk {
			rows = append(rows, rowOf(r))
			addToSum(sum, r.ID, []byte(r.Text))
		}
		if _, err := pw.Write(rows); err != nil {
			return err
		}
	}
	pw.SetKeyValueMetadata(sumKey, sumText(sum))
	return pw.Close()
}

// addToSum adds a row to the sum of ids and answers.
func addToSum(sum *xxhash.Digest, id llm.ID, text []byte) {
	var head [len(id) + 4]byte
	copy(head[:], id[:])
	binary.LittleEndian.PutUint32(head[len(id):], uint32(len(text)))
	sum.Write(head[:])
	sum.Write(text)
}

func sumText(sum *xxhash.Digest) string { return strconv.FormatUint(sum.Sum64(), 16) }

// readPart calls found for every id and answer of a part, and for none if
// anything is wrong with it. The text is valid during the call only.
func readPart(data []byte, found func(id llm.ID, text []byte)) (err error) {
	// A damaged file may trip the decoder in ways that it does not expect.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("not a valid Parquet file: %v", p)
		}
	}()
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return err
	}
	want, ok := f.Lookup(sumKey)
	if !ok {
		return errors.New("it has no checksum")
	}
	idColumn, ok1 := f.Schema().Lookup("id")
	textColumn, ok2 := f.Schema().Lookup("answer")
	if !ok1 || !ok2 {
		return errors.New("it has no columns id and answer")
	}
	var ids []llm.ID
	var texts []byte // of all answers, one behind the other
	var ends []int
	for _, group := range f.RowGroups() {
		chunks := group.ColumnChunks()
		err := cmp.Or(
			eachValue(chunks[idColumn.ColumnIndex], func(v []byte) error {
				id, err := llm.ParseID(string(v))
				ids = append(ids, id)
				return err
			}),
			eachValue(chunks[textColumn.ColumnIndex], func(v []byte) error {
				texts = append(texts, v...)
				ends = append(ends, len(texts))
				return nil
			}))
		if err != nil {
			return err
		}
	}
	if len(ids) != len(ends) || int64(len(ids)) != f.NumRows() {
		return fmt.Errorf("%d ids and %d answers in %d rows", len(ids), len(ends), f.NumRows())
	}
	each := func(do func(llm.ID, []byte)) {
		start := 0
		for i, id := range ids {
			do(id, texts[start:ends[i]])
			start = ends[i]
		}
	}
	sum := xxhash.New()
	each(func(id llm.ID, text []byte) { addToSum(sum, id, text) })
	if sumText(sum) != want {
		return errors.New("its checksum does not agree")
	}
	each(found)
	return nil
}

func eachValue(chunk parquet.ColumnChunk, do func([]byte) error) (err error) {
	pages := chunk.Pages()
	defer func() { err = errors.Join(err, pages.Close()) }()
	var values [512]parquet.Value
	for {
		page, err := pages.ReadPage()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		for reader := page.Values(); ; {
			n, err := reader.ReadValues(values[:])
			for _, v := range values[:n] {
				if err := do(v.ByteArray()); err != nil {
					return err
				}
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
		}
		parquet.Release(page)
	}
}
