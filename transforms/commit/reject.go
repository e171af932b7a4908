package commit

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"foray/schemas"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// Rejects keeps the rows that one piece of work rejects. They may be millions,
// so they are no entries: they go to a file, and its name travels.
type Rejects struct {
	stage   string
	packed  bytes.Buffer
	out     *tables.Writer[schemas.Reject]
	waiting []schemas.Reject
	entry   Rejected
	faults  map[faultKey]int // place in entry.Faults
}

// Rejected says where rejected rows are, and what is wrong with them.
type Rejected struct {
	// File is the name of the file below the output that holds the rows, ""
	// if there are none.
	File   string `json:",omitempty"`
	Rows   int64
	Faults []Fault `json:",omitempty"`
}

// Fault is what is wrong with one column of one file.
type Fault struct {
	// Count is the count of the tally that the rows are part of.
	Count string
	// File is the path; Column the column's name, "" for the row as a whole.
	File, Column string
	Rows         int64
	// Examples are the first few: line and reason.
	Examples []Example
}

// Example is one rejected row.
type Example struct {
	Line   int64
	Reason string
}

type faultKey struct{ count, file, column string }

// examples is how many rows tell what is wrong with a column.
const examples = 3

// NewRejects starts to keep the rejected rows of a stage.
func NewRejects(stage string) *Rejects {
	return &Rejects{stage: stage, faults: map[faultKey]int{}}
}

// Len is the number of rows so far.
func (r *Rejects) Len() int64 { return r.entry.Rows }

// Add keeps one row of a file, which is part of what count counts. The column
// is "" where the row as a whole is wrong.
func (r *Rejects) Add(count, file string, line int64, column, reason string, raw []byte) error {
	r.entry.Rows++
	key := faultKey{count, file, column}
	at, ok := r.faults[key]
	if !ok {
		at = len(r.entry.Faults)
		r.faults[key] = at
		r.entry.Faults = append(r.entry.Faults, Fault{Count: count, File: file, Column: column})
	}
	f := &r.entry.Faults[at]
	if f.Rows++; f.Rows <= examples {
		f.Examples = append(f.Examples, Example{Line: line, Reason: reason})
	}
	if column != "" {
		reason = "column " + column + ": " + reason
	}
	r.waiting = append(r.waiting, schemas.Reject{
		Stage: r.stage, Source: fmt.Sprintf("%s:%d", file, line), Reason: reason, Raw: Cut(string(raw)),
	})
	if len(r.waiting) == cap(r.waiting) && len(r.waiting) >= 1024 {
		return r.pack()
	}
	return nil
}

// pack compresses the rows that wait.
func (r *Rejects) pack() error {
	if r.out == nil {
		r.out = tables.NewWriter[schemas.Reject](&r.packed)
	}
	err := r.out.Write(r.waiting)
	clear(r.waiting)
	r.waiting = r.waiting[:0]
	return err
}

// Close stores the rows and gives the entry that tells of them. Units of work
// of one stage are ordered by name.
func (r *Rejects) Close(ctx context.Context, output, version, unit string) (Entry, error) {
	if r.entry.Rows == 0 {
		return Entry{Rejected: &r.entry}, nil
	}
	if err := r.pack(); err != nil {
		return Entry{}, err
	}
	if err := r.out.Close(); err != nil {
		return Entry{}, err
	}
	b, err := store.Open(ctx, output)
	if err != nil {
		return Entry{}, err
	}
	// Work may be done twice, even at once: each attempt has a file.
	r.entry.File = path.Join(runsFolder, version, fmt.Sprintf("%s.rejects-%s-%s%s", r.stage, unit, rand.Text()[:12], tables.Ext))
	err = b.Put(ctx, r.entry.File, store.IfAbsent, func(w io.Writer) error {
		_, err := w.Write(r.packed.Bytes())
		return err
	})
	if err != nil {
		return Entry{}, fmt.Errorf("store rejected rows: %w", err)
	}
	return Entry{Rejected: &r.entry}, nil
}

// mergeFaults joins what several workers said, most rows first.
func mergeFaults(all []Fault) []Fault {
	merged := map[faultKey]*Fault{}
	for _, f := range all {
		key := faultKey{f.Count, f.File, f.Column}
		if merged[key] == nil {
			merged[key] = &Fault{Count: f.Count, File: f.File, Column: f.Column}
		}
		m := merged[key]
		m.Rows += f.Rows
		m.Examples = append(m.Examples, f.Examples...)
	}
	var faults []Fault
	for _, f := range merged {
		slices.SortFunc(f.Examples, func(a, b Example) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Reason, b.Reason))
		})
		f.Examples = f.Examples[:min(examples, len(f.Examples))]
		faults = append(faults, *f)
	}
	slices.SortFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.File, b.File), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Count, b.Count))
	})
	return faults
}

// reason is the name under which a manifest counts the rows that are rejected
// for this.
func (f Fault) reason() string {
	if f.Column == "" {
		return f.Count + MalformedRow
	}
	return f.Count + RejectedColumn + f.Column
}

// What a count of rejected rows is called by the reason: behind the name of
// the count stands MalformedRow, or RejectedColumn and the column's name.
const (
	MalformedRow   = "_malformed"
	RejectedColumn = "_column_"
)

// String tells of a fault: the column, the number of rows, and examples.
func (f Fault) String() string {
	where := fmt.Sprintf("%d rows of %s", f.Rows, f.File)
	if f.Rows == 1 {
		where = "1 row of " + f.File
	}
	if f.Column != "" {
		where += ", column " + f.Column
	}
	for i, e := range f.Examples {
		mark := ";"
		if i == 0 {
			mark = ":"
		}
		where += fmt.Sprintf("%s line %d: %s", mark, e.Line, e.Reason)
	}
	return where
}

// rejectFiles reads the rejected rows of a command, file by file.
func rejectFiles(ctx context.Context, b store.Bucket, names []string, each func([]schemas.Reject) error) error {
	for _, name := range names {
		data, err := store.Read(ctx, b, name)
		if err != nil {
			return err
		}
		rows, err := tables.Decode[schemas.Reject](data)
		if err != nil {
			return fmt.Errorf("read %s: %w", b.URL(name), err)
		}
		if err := each(rows); err != nil {
			return err
		}
	}
	return nil
}

// rawBytes is how much of what was rejected is kept.
const rawBytes = 1024

// Cut makes raw text fit for a reject: valid UTF-8 of at most 1 KiB, cut
// between runes.
func Cut(raw string) string {
	// What stands for an invalid byte is longer than it.
	return cut(strings.ToValidUTF8(cut(raw), "\uFFFD"))
}

func cut(raw string) string {
	if len(raw) <= rawBytes {
		return raw
	}
	n := rawBytes
	for n > rawBytes-utf8.UTFMax && !utf8.RuneStart(raw[n]) {
		n--
	}
	return raw[:n]
}
